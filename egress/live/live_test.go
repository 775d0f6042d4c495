package live

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"go.uber.org/goleak"

	"github.com/meetcast/meetcast/egress/media"
	"github.com/meetcast/meetcast/egress/media/mediatest"
	"github.com/meetcast/meetcast/internal/unittest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// world is a hub behind an HTTP server.
type world struct {
	*Hub
	srv *httptest.Server
}

func newWorld(t *testing.T, cfg Config) *world {
	t.Helper()
	h := NewHub(cfg)
	w := &world{h, httptest.NewServer(Handler(h))}
	t.Cleanup(func() {
		_ = h.Close()
		w.srv.Close()
	})
	return w
}

func (w *world) publish(t *testing.T, name string) *Source {
	t.Helper()
	s, err := w.Hub.Publish(name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s.(*Source)
}

func (w *world) get(t *testing.T, path string) (*http.Response, []byte) {
	t.Helper()
	res, err := w.srv.Client().Get(w.srv.URL + path)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res, b
}

// player is a viewer's side of the WebSocket.
type player struct {
	t  *testing.T
	ws *websocket.Conn
}

func (w *world) play(t *testing.T, name string) *player {
	t.Helper()
	d := websocket.Dialer{Subprotocols: []string{Subprotocol}, HandshakeTimeout: 5 * time.Second}
	ws, res, err := d.Dial("ws"+strings.TrimPrefix(w.srv.URL, "http")+"/playout/"+name+"/ws", http.Header{"Origin": {"https://elsewhere.example"}})
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	if ws.Subprotocol() != Subprotocol {
		t.Fatalf("subprotocol %q", ws.Subprotocol())
	}
	t.Cleanup(func() { _ = ws.Close() })
	return &player{t, ws}
}

// message is a text message, or a binary one in data.
type message struct {
	Type          string
	Codecs        string
	Width, Height int
	FPS           int
	Media         float64
	At            int64
	T             json.RawMessage
	data          []byte
}

func (p *player) next() message {
	p.t.Helper()
	_ = p.ws.SetReadDeadline(time.Now().Add(10 * time.Second))
	kind, b, err := p.ws.ReadMessage()
	if err != nil {
		p.t.Fatal(err)
	}
	if kind == websocket.BinaryMessage {
		return message{data: b}
	}
	var m message
	if err := json.Unmarshal(b, &m); err != nil {
		p.t.Fatalf("%q: %v", b, err)
	}
	return m
}

// text returns the next text message of a type, passing over all else.
func (p *player) text(want string) message {
	p.t.Helper()
	for {
		if m := p.next(); m.Type == want {
			return m
		}
	}
}

// collect reads init and n fragments into one file.
func (p *player) collect(n int) []byte {
	p.t.Helper()
	p.text("init")
	var file []byte
	for got := 0; got < n+1; {
		if m := p.next(); m.data != nil {
			file = append(file, m.data...)
			got++
		}
	}
	return file
}

func save(t *testing.T, b []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "out.mp4")
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// realTime writes a programme again and again as time passes.
func realTime(t *testing.T, s media.Sink, cfg mediatest.Config) (stop func()) {
	t.Helper()
	params, samples := mediatest.Programme(t, cfg)
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Add(1)
	s.Begin(params)
	go func() {
		defer wg.Done()
		began := time.Now()
		for round := time.Duration(0); ; round++ {
			for _, m := range mediatest.Shift(samples, round*4*time.Second) {
				timer := time.NewTimer(time.Until(began.Add(m.DTS)))
				select {
				case <-timer.C:
				case <-ctx.Done():
					timer.Stop()
					return
				}
				s.Write(m)
			}
		}
	}()
	var once sync.Once
	stop = func() { once.Do(func() { cancel(); wg.Wait() }) }
	t.Cleanup(stop)
	return stop
}

func TestWebSocketPlays(t *testing.T) {
	w := newWorld(t, Config{})
	params, samples := mediatest.Programme(t, mediatest.Config{})
	s := w.publish(t, "name")
	p := w.play(t, "name")
	unittest.Until(t, "the viewer is there", func() bool { return w.Viewers("name") == 1 })
	s.Begin(params)
	pictures := 0
	for _, m := range samples {
		s.Write(m)
		if m.Kind == media.Video {
			pictures++
		}
	}
	init := p.text("init")
	if !strings.HasPrefix(init.Codecs, "avc1.42C0") || !strings.HasSuffix(init.Codecs, ",mp4a.40.2") ||
		init.Width != 160 || init.Height != 120 || init.FPS != 15 {
		t.Fatalf("%+v", init)
	}
	var file []byte
	for got := -1; got < pictures; {
		m := p.next()
		if m.data == nil {
			continue
		}
		boxes := mediatest.Boxes(m.data)
		if want := "moof mdat"; got >= 0 && strings.Join(boxes, " ") != want {
			t.Fatalf("message %d has boxes %v", got, boxes)
		}
		file = append(file, m.data...)
		got++
	}
	path := save(t, file)
	if got := mediatest.Decode(t, path); got != pictures {
		t.Errorf("%d pictures decoded, want %d", got, pictures)
	}
	packets, _ := mediatest.Probe(t, path)
	checkTimes(t, packets, samples)
}

// checkTimes wants the times of the samples, sound exact to the sample.
func checkTimes(t *testing.T, packets []mediatest.Packet, samples []media.Sample) {
	t.Helper()
	i, sound := 0, 0.0
	for _, p := range packets {
		if !p.Video {
			if sound > 0 && (p.PTS-sound < 1024.0/48000-2e-5 || p.PTS-sound > 1024.0/48000+2e-5) {
				t.Fatalf("sound steps from %f to %f", sound, p.PTS)
			}
			sound = p.PTS
			continue
		}
		for samples[i].Kind != media.Video {
			i++
		}
		if d := p.PTS - samples[i].PTS.Seconds(); d > 1e-5 || d < -1e-5 {
			t.Fatalf("picture at %f, want %v", p.PTS, samples[i].PTS)
		}
		i++
	}
}

func TestLateJoinerStartsAtOnce(t *testing.T) {
	w := newWorld(t, Config{})
	params, samples := mediatest.Programme(t, mediatest.Config{})
	s := w.publish(t, "name")
	s.Begin(params)
	last := time.Duration(0)
	var pictures int // since the last key picture
	for _, m := range samples {
		if m.DTS > 2500*time.Millisecond {
			break
		}
		s.Write(m)
		if m.Kind == media.Video {
			if m.Key {
				last, pictures = m.DTS, 0
			}
			pictures++
		}
	}
	// Nothing is written any more: what comes is what was kept.
	p := w.play(t, "name")
	file := p.collect(pictures)
	path := save(t, file)
	packets, _ := mediatest.Probe(t, path)
	if first := packets[0]; !first.Video || !first.Key || first.DTS-last.Seconds() > 0.001 || last < 2*time.Second {
		t.Errorf("joined with %+v, want the key picture at %v", first, last)
	}
	if got := mediatest.Decode(t, path); got != pictures {
		t.Errorf("%d pictures, want %d", got, pictures)
	}
	// It gets the clock with the backlog.
	if c := p.text("clock"); c.Media < 2.4 || c.Media > 2.6 || time.Since(time.UnixMilli(c.At)).Abs() > 5*time.Second {
		t.Errorf("%+v", c)
	}
	// What is written next follows without a gap and without a key picture.
	more := 0
	for _, m := range samples {
		if m.DTS > 2500*time.Millisecond && m.DTS < 2900*time.Millisecond {
			s.Write(m)
			if m.Kind == media.Video {
				more++
			}
		}
	}
	for range more {
		m := p.next()
		for m.data == nil {
			m = p.next()
		}
		file = append(file, m.data...)
	}
	if got := mediatest.Decode(t, save(t, file)); got != pictures+more {
		t.Errorf("%d pictures after going on, want %d", got, pictures+more)
	}
}

func TestClockTellsTheEpoch(t *testing.T) {
	w := newWorld(t, Config{})
	s := w.publish(t, "name")
	epoch := time.UnixMilli(1764000000000)
	s.SetEpoch(epoch)
	realTime(t, s, mediatest.Config{})
	p := w.play(t, "name")
	p.text("init")
	for range 2 { // about once a second
		c := p.text("clock")
		want := epoch.Add(time.Duration(c.Media * float64(time.Second)))
		if d := time.UnixMilli(c.At).Sub(want); d.Abs() > 2*time.Millisecond {
			t.Errorf("media %.3f at %v, want %v", c.Media, time.UnixMilli(c.At), want)
		}
	}
}

func TestSourceGoesAndComesBack(t *testing.T) {
	var mu sync.Mutex
	var changes []bool
	w := newWorld(t, Config{Changed: func(_ string, live bool) {
		mu.Lock()
		defer mu.Unlock()
		changes = append(changes, live)
	}})
	params, samples := mediatest.Programme(t, mediatest.Config{Seconds: 1})
	p := w.play(t, "name") // before there is a source
	p.text("offline")
	for range 2 {
		s := w.publish(t, "name")
		if _, err := w.Hub.Publish("name"); !errors.Is(err, ErrBusy) {
			t.Fatalf("second source: %v", err)
		}
		s.Begin(params)
		for _, m := range samples {
			s.Write(m)
		}
		p.collect(15)
		_ = s.Close()
		p.text("offline")
	}
	_ = p.ws.Close()
	unittest.Until(t, "the programme is forgotten", func() bool { return len(w.Stats()) == 0 })
	mu.Lock()
	defer mu.Unlock()
	if len(changes) != 4 || !changes[0] || changes[1] || !changes[2] || changes[3] {
		t.Errorf("changes %v", changes)
	}
}

func TestParametersChange(t *testing.T) {
	w := newWorld(t, Config{})
	s := w.publish(t, "name")
	p := w.play(t, "name")
	unittest.Until(t, "the viewer is there", func() bool { return w.Viewers("name") == 1 })
	for i, cfg := range []mediatest.Config{{Seconds: 1}, {Seconds: 1, Width: 192, Height: 144}} {
		params, samples := mediatest.Programme(t, cfg)
		s.Begin(params)
		s.Begin(params) // the same again is no change
		for _, m := range mediatest.Shift(samples, time.Duration(i)*1100*time.Millisecond) {
			s.Write(m)
		}
		if got := mediatest.Decode(t, save(t, p.collect(15))); got != 15 {
			t.Errorf("%d pictures with parameters %d", got, i)
		}
	}
}

func TestSlowViewer(t *testing.T) {
	w := newWorld(t, Config{})
	s := w.publish(t, "name")
	params, samples := mediatest.Programme(t, mediatest.Config{Width: 640, Height: 480})
	p := w.play(t, "name")
	unittest.Until(t, "the viewer is there", func() bool { return w.Viewers("name") == 1 })
	s.Begin(params)
	round := time.Duration(0)
	// It reads nothing until more was dropped than its queue may hold.
	unittest.Until(t, "fragments are dropped", func() bool {
		for _, m := range mediatest.Shift(samples, round) {
			s.Write(m)
		}
		round += 4 * time.Second
		return w.Stats()[0].Dropped > 200
	})
	// What it then gets still decodes: it starts again with a key picture.
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = s.Close()
	}()
	var file []byte
	for {
		m := p.next()
		if m.Type == "offline" {
			break
		}
		file = append(file, m.data...)
	}
	<-done
	if got := mediatest.Decode(t, save(t, file)); got < 60 {
		t.Errorf("%d pictures", got)
	}
}

func TestPing(t *testing.T) {
	w := newWorld(t, Config{})
	p := w.play(t, "name")
	for _, say := range []string{"noise", `{"type":"other"}`, `{"type":"ping","t":123.5}`} {
		if err := p.ws.WriteMessage(websocket.TextMessage, []byte(say)); err != nil {
			t.Fatal(err)
		}
	}
	m := p.text("pong")
	if string(m.T) != "123.5" || time.Since(time.UnixMilli(m.At)).Abs() > time.Minute {
		t.Errorf("%+v", m)
	}
	// The server may hang up before it has all of it, so the write may fail.
	_ = p.ws.WriteMessage(websocket.TextMessage, bytes.Repeat([]byte("x"), 5000))
	unittest.Until(t, "who says too much is sent away", func() bool { return w.Viewers("name") == 0 })
}

func TestViewerLimit(t *testing.T) {
	w := newWorld(t, Config{MaxViewers: 1})
	w.play(t, "name")
	if res, b := w.get(t, "/playout/name/ws"); res.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("second viewer: %d %s", res.StatusCode, b)
	}
}

// TestGuests: who watches by other means counts as a viewer and takes a place.
func TestGuests(t *testing.T) {
	w := newWorld(t, Config{MaxViewers: 1})
	leave, err := w.Enter("name")
	if err != nil || w.Viewers("name") != 1 {
		t.Fatalf("%d viewers, %v", w.Viewers("name"), err)
	}
	if _, err := w.Enter("name"); !errors.Is(err, ErrFull) {
		t.Errorf("the second: %v", err)
	}
	leave()
	leave()
	if n := len(w.Stats()); n != 0 {
		t.Errorf("%d programmes of nobody", n)
	}
	if leave, err = w.Enter("name"); err != nil {
		t.Fatal(err)
	}
	leave()
}

func TestInfo(t *testing.T) {
	w := newWorld(t, Config{
		VODs: func(name string) []string { return []string{"/vod/" + name + "-1.mp4"} },
		WHEP: func(name string) bool { return name == "abc-def" },
	})
	res, b := w.get(t, "/playout/abc-def")
	want := `{"name":"abc-def","state":"offline","ws":"/playout/abc-def/ws","hls":"/playout/abc-def/hls/index.m3u8","whep":"/whep/abc-def","at":NOW,"viewers":0,"vods":["/vod/abc-def-1.mp4"]}`
	if got := regexp.MustCompile(`"at":\d{13},`).ReplaceAllString(strings.TrimSpace(string(b)), `"at":NOW,`); got != want || res.Header.Get("Access-Control-Allow-Origin") != "*" {
		t.Errorf("offline: %s", b)
	}
	s := w.publish(t, "abc-def")
	params, _ := mediatest.Programme(t, mediatest.Config{})
	s.Begin(params)
	_, b = w.get(t, "/playout/abc-def")
	var info Info
	if err := json.Unmarshal(b, &info); err != nil || info.State != "live" || info.Video == nil || info.Video.Width != 160 || info.Audio.Codec != "mp4a.40.2" {
		t.Errorf("live: %s, %v", b, err)
	}
	for path, status := range map[string]int{
		"/playout/": 404, "/playout/a.b": 400, "/playout/abc/other": 404, "/playout/nobody/hls/index.m3u8": 404, "/playout/abc-def/hls/x.mp4": 404,
	} {
		res, b := w.get(t, path)
		var e struct{ Error, Message string }
		if err := json.Unmarshal(b, &e); err != nil || res.StatusCode != status || e.Error == "" || e.Message == "" {
			t.Errorf("%s: %d %s", path, res.StatusCode, b)
		}
	}
}

func TestHLS(t *testing.T) {
	w := newWorld(t, Config{HLSIdle: 500 * time.Millisecond})
	s := w.publish(t, "name")
	realTime(t, s, mediatest.Config{})
	if st := w.Stats(); st[0].HLSViewers != 0 {
		t.Fatalf("%+v", st)
	}
	unittest.Until(t, "the programme runs", func() bool { return w.Stats()[0].Fragments > 3 })
	out := filepath.Join(t.TempDir(), "out.mkv")
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, "ffmpeg", "-v", "error", "-nostdin", "-i", w.srv.URL+"/playout/name/hls/index.m3u8", "-t", "2", "-c", "copy", out)
	if b, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("ffmpeg: %v: %s", err, b)
	}
	if got := mediatest.Decode(t, out); got < 15 {
		t.Errorf("%d pictures by HLS", got)
	}
	if n := w.Viewers("name"); n != 1 {
		t.Errorf("%d viewers, want ffmpeg", n)
	}
	res, b := w.get(t, "/playout/name/hls/index.m3u8")
	if res.StatusCode != 200 || !strings.Contains(string(b), "avc1.") || res.Header.Get("Access-Control-Allow-Origin") != "*" {
		t.Errorf("%d %s", res.StatusCode, b)
	}
	media := ""
	for _, line := range strings.Split(string(b), "\n") {
		if strings.Contains(line, ".m3u8") && !strings.HasPrefix(line, "#") {
			media = line
		}
	}
	if _, b = w.get(t, "/playout/name/hls/"+media); !strings.Contains(string(b), "#EXT-X-PART-INF") || !strings.Contains(string(b), "CAN-BLOCK-RELOAD=YES") {
		t.Errorf("not low latency: %s", b)
	}
	if res, _ := w.get(t, "/playout/name/hls/nothing.mp4"); res.StatusCode != 404 {
		t.Errorf("unknown part: %d", res.StatusCode)
	}
	p := w.programme("name")
	unittest.Until(t, "HLS that nobody asks for is dropped", func() bool {
		p.mu.Lock()
		defer p.mu.Unlock()
		return p.hls == nil
	})
}

func (h *Hub) programme(name string) *programme {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.programmes[name]
}

func TestCloseSendsEverybodyAway(t *testing.T) {
	w := newWorld(t, Config{})
	p := w.play(t, "name")
	_ = w.Close()
	_ = p.ws.SetReadDeadline(time.Now().Add(5 * time.Second))
	for {
		_, _, err := p.ws.ReadMessage()
		if err != nil {
			if !websocket.IsCloseError(err, websocket.CloseGoingAway) {
				t.Errorf("%v", err)
			}
			break
		}
	}
	if _, err := w.Hub.Publish("name"); !errors.Is(err, ErrClosed) {
		t.Errorf("Publish after Close: %v", err)
	}
}
