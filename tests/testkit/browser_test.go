package testkit

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	code := Main(m)
	// HTTP keep-alives of the default client may live on.
	http.DefaultClient.CloseIdleConnections()
	if code == 0 {
		if err := goleak.Find(); err != nil {
			os.Stderr.WriteString(err.Error())
			code = 1
		}
	}
	os.Exit(code)
}

// The picture sits in a shadow root, as on a page of web components; a second
// video shows the same camera through a peer connection.
const smokePage = `<!doctype html><meta charset="utf-8"><div id="host"></div><div id="tile" data-name="Ann" data-source="camera"><video id="far" autoplay playsinline></video></div>
<input id="in"><p id="out"></p>
<script>
document.querySelector("#in").addEventListener("input", (e) => document.querySelector("#out").textContent = e.target.value);
(async () => {
  const stream = await navigator.mediaDevices.getUserMedia({ video: true, audio: { echoCancellation: false, noiseSuppression: false, autoGainControl: false } });
  const shadow = document.querySelector("#host").attachShadow({ mode: "open" });
  shadow.innerHTML = '<video id="near" autoplay playsinline muted></video>';
  shadow.firstChild.srcObject = stream;
  const a = new RTCPeerConnection(), b = new RTCPeerConnection();
  a.onicecandidate = (e) => b.addIceCandidate(e.candidate);
  b.onicecandidate = (e) => a.addIceCandidate(e.candidate);
  b.ontrack = (e) => document.querySelector("#far").srcObject = e.streams[0];
  for (const t of stream.getTracks()) a.addTrack(t, stream);
  await a.setLocalDescription();
  await b.setRemoteDescription(a.localDescription);
  await b.setLocalDescription();
  await a.setRemoteDescription(b.localDescription);
  console.error("page is up");
})();
</script>`

func TestBrowserSeesAndHears(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Write([]byte(smokePage))
	}))
	defer server.Close()
	camera := Camera{Colour: Magenta, FirstCode: 1000}
	b := StartBrowser(t, BrowserOptions{Camera: &camera, Microphone: &Microphone{Frequency: 523}})
	b.Open(strings.Replace(server.URL, "127.0.0.1", "localhost", 1))

	b.Sees(15*time.Second, "#near", camera)
	b.Sees(15*time.Second, TileOf("Ann", "camera"), camera)
	b.Hears(15*time.Second, 523)
	if levels, sources, err := b.Tones(523, 880); err != nil || sources != 1 || levels[1] > audibleAt-10 {
		t.Errorf("levels %v from %d tracks, %v", levels, sources, err)
	}

	for name, selector := range map[string]string{"source": "#near", "far": "#far"} {
		if err := b.Watch(name, selector, 0, 0, 1, 1); err != nil {
			t.Fatal(err)
		}
	}
	var latencies []time.Duration
	Until(t, 15*time.Second, "latencies", func() error {
		source, err := b.Watched("source")
		if err != nil {
			return err
		}
		far, err := b.Watched("far")
		if err != nil {
			return err
		}
		if latencies = Latencies(source, far); len(latencies) < 10 {
			return os.ErrNotExist
		}
		return nil
	})
	if p50 := Percentile(latencies, 0.5); p50 > time.Second {
		t.Errorf("latency inside one page: %v", latencies)
	} else {
		t.Logf("latency inside one page: p50 %v", p50)
	}

	b.Type("#in", `a "text"`)
	if got := b.Text("#out"); got != `a "text"` {
		t.Errorf("typed text arrived as %q", got)
	}
	if err := b.Eval(`__testkit.one("#far").muted = true`, nil); err != nil {
		t.Fatal(err)
	}
	if err := b.Screenshot(filepath.Join(t.TempDir(), "page.png")); err != nil {
		t.Error(err)
	}
	if c := strings.Join(b.Console(), "\n"); !strings.Contains(c, "page is up") {
		t.Errorf("console: %q", c)
	}
	group := b.group
	b.Crash()
	Until(t, 5*time.Second, "Chromium is gone", func() error {
		if _, err := os.Stat(filepath.Join("/proc", strconv.Itoa(group), "exe")); err == nil {
			return os.ErrExist
		}
		return nil
	})
}
