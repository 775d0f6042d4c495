package sfu

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/meetcast/meetcast/internal/unittest"
	"github.com/meetcast/meetcast/sfu/track"
)

// firefoxReport is what testdata/firefox.html tells of itself.
type firefoxReport struct {
	State     string
	Video     int // frames decoded
	Width     int
	Audio     int // packets
	Restarted bool
}

// firefox is a real Firefox whose page drives itself.
type firefox struct {
	*client
	newest  atomic.Pointer[firefoxReport]
	restart atomic.Bool
}

// firefoxPrefs let a page use fake devices and loopback addresses without asking.
const firefoxPrefs = `user_pref("media.navigator.permission.disabled", true);
user_pref("media.navigator.streams.fake", true);
user_pref("media.peerconnection.ice.loopback", true);
user_pref("media.peerconnection.ice.obfuscate_host_addresses", false);
user_pref("media.autoplay.default", 0);
user_pref("network.proxy.type", 0);
user_pref("browser.shell.checkDefaultBrowser", false);
user_pref("datareporting.policy.dataSubmissionEnabled", false);
user_pref("app.update.enabled", false);
`

func newFirefox(t *testing.T, e *Engine) *firefox {
	t.Helper()
	if testing.Short() {
		t.Skip("starts a browser")
	}
	path := unittest.Program(t, "firefox-esr", "firefox-esr")
	f := &firefox{client: &client{t: t}}
	var err error
	if f.peer, err = e.NewPeer(PeerConfig{Member: "f", AudioSlots: 3, MaxVideoSlots: 4, Handler: f}); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(f.routes())
	profile := t.TempDir()
	if err := os.WriteFile(filepath.Join(profile, "user.js"), []byte(firefoxPrefs), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(path, "--headless", "--no-remote", "--profile", profile, server.URL+"/firefox.html")
	cmd.Env = append(os.Environ(), "HOME="+profile, "MOZ_DISABLE_CONTENT_SANDBOX=1")
	cmd.WaitDelay = 5 * time.Second
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(os.Interrupt)
		done := make(chan struct{})
		go func() { _ = cmd.Wait(); close(done) }()
		select {
		case <-done:
		case <-time.After(5 * time.Second):
			_ = cmd.Process.Kill()
			<-done
		}
		server.Close()
		_ = f.peer.Close()
	})
	return f
}

// routes is what the page talks to.
func (f *firefox) routes() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /", http.FileServer(http.Dir("testdata")))
	mux.HandleFunc("POST /offer", func(w http.ResponseWriter, r *http.Request) {
		var o struct {
			SDP    string
			Tracks map[string]track.Source
		}
		if err := json.NewDecoder(r.Body).Decode(&o); err != nil {
			f.t.Error(err)
		}
		answer, err := f.peer.Answer(r.Context(), o.SDP, o.Tracks)
		if err != nil {
			f.t.Errorf("answer Firefox: %v\n%s", err, o.SDP)
		}
		_ = json.NewEncoder(w).Encode(answer)
	})
	mux.HandleFunc("POST /report", func(w http.ResponseWriter, r *http.Request) {
		var report firefoxReport
		if err := json.NewDecoder(r.Body).Decode(&report); err != nil {
			f.t.Error(err)
		}
		f.newest.Store(&report)
		reply := ""
		if f.restart.Swap(false) {
			reply = "restart"
		}
		_ = json.NewEncoder(w).Encode(reply)
	})
	mux.HandleFunc("POST /failed", func(_ http.ResponseWriter, r *http.Request) {
		var why string
		_ = json.NewDecoder(r.Body).Decode(&why)
		f.t.Errorf("the page failed: %s", why)
	})
	return mux
}

func (f *firefox) until(what string, ok func(firefoxReport) bool) firefoxReport {
	f.t.Helper()
	var last firefoxReport
	for deadline := time.Now().Add(40 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		if r := f.newest.Load(); r != nil {
			if last = *r; ok(last) {
				return last
			}
		}
		if time.Now().After(deadline) || f.t.Failed() {
			f.t.Fatalf("timed out: %s: %+v\npeer %+v", what, last, f.peer.Stats())
		}
	}
}

// A real Firefox publishes two layers, sees and hears itself, and restarts ICE.
func TestFirefox(t *testing.T) {
	f := newFirefox(t, newEngine(t, Config{}))
	f.until("connected", func(r firefoxReport) bool { return r.State == "connected" })
	camera, mic := f.up(track.Camera), f.up(track.Microphone)
	mid := f.slot(track.Video, 0)
	f.peer.Bind(mid, camera, thumbnail)
	f.peer.Bind(f.slot(track.Audio, 0), mic, track.Size{})
	f.until("the small layer and sound", func(r firefoxReport) bool { return r.Video > 5 && r.Width == 320 && r.Audio > 20 })
	f.peer.Bind(mid, camera, fullHD)
	frames := f.until("the large layer", func(r firefoxReport) bool { return r.Width == 640 }).Video
	f.restart.Store(true)
	frames = max(frames, f.until("an ICE restart", func(r firefoxReport) bool { return r.Restarted }).Video)
	f.until("it goes on", func(r firefoxReport) bool { return r.Video > frames+10 && r.State == "connected" })
	if s := f.peer.Stats(); s.Unrouted > 0 || s.MalformedRTCP > 0 {
		t.Errorf("%+v", s)
	}
}
