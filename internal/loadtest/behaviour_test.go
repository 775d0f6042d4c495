package loadtest

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/bluenviron/mediacommon/v2/pkg/formats/fmp4"
	"github.com/bluenviron/mediacommon/v2/pkg/formats/fmp4/seekablebuffer"
	"github.com/bluenviron/mediacommon/v2/pkg/formats/mp4/codecs"
	"github.com/gorilla/websocket"

	"github.com/meetcast/meetcast/internal/botclient/bottest"
	"github.com/meetcast/meetcast/signaling/wire"
)

func shown(want []wire.Want) string {
	var parts []string
	for _, w := range want {
		parts = append(parts, fmt.Sprintf("%s:%d", w.Participant, w.Width))
	}
	return strings.Join(parts, " ")
}

func TestScreen(t *testing.T) {
	cfg := Config{View: ViewSpeaker, Width: 640, Height: 360, TileWidth: 160, TileHeight: 90}
	s := screen{cfg: &cfg, self: "me", slots: 3}
	all := []string{"a", "b", "me", "c", "d"}
	for _, step := range []struct{ speaker, want string }{
		{"", "a:640 b:160 c:160"},
		{"b", "b:640 a:160 c:160"}, // everybody keeps a place
		{"d", "d:640 a:160 b:160"}, // from off the screen: takes the last place
		{"me", "d:640 a:160 b:160"},
		{"gone", "a:640 b:160 d:160"},
	} {
		if step.speaker != "" {
			s.listen([]string{step.speaker})
		}
		if got := shown(s.wants(all)); got != step.want {
			t.Errorf("%q speaks: %s, want %s", step.speaker, got, step.want)
		}
	}
	if got := s.wants([]string{"me"}); got != nil {
		t.Errorf("alone: %v", got)
	}

	cfg.View, cfg.PageEvery = ViewTiles, time.Second
	var pages []string
	for s.page = range 3 {
		pages = append(pages, shown(s.wants(all)))
	}
	if got := strings.Join(pages, " | "); got != "a:160 b:160 c:160 | d:160 a:160 b:160 | c:160 d:160 a:160" {
		t.Errorf("pages: %s", got)
	}
	s.large = true
	if got := shown(s.wants(all)[:1]); got != "c:640" {
		t.Errorf("large: %s", got)
	}
}

func TestLimits(t *testing.T) {
	r := Result{Joins: Joins{ConnectedP95: 600}, Media: Media{LossPercent: 0.5}, Server: &Server{CPUPerPacket: 7.5},
		Broadcasts: []Broadcast{{Start: 10}, {Start: 90, Error: "no"}}}
	var limits []Limit
	for _, text := range []string{"join-p95=500ms", "loss=1%", "cpu-per-packet=8us", "broadcast-start=0.05s", "broadcast-failed=0", "freezes-1s=0", "loss=0.1"} {
		l, err := ParseLimit(text)
		if err != nil {
			t.Fatal(err)
		}
		limits = append(limits, l)
	}
	got := strings.Join(Check(r, limits), "; ")
	want := "join-p95=500ms: it is 600 ms; broadcast-start=0.05s: it is 90 ms; broadcast-failed=0: it is 1; loss=0.1: it is 0.5 %"
	if got != want {
		t.Errorf("broken: %s", got)
	}
	for _, bad := range []string{"", "loss", "speed=1", "join-p95=500", "loss=x", "freezes-1s=1s", "loss=-1%"} {
		if _, err := ParseLimit(bad); err == nil {
			t.Errorf("%q: no error", bad)
		}
	}
}

func TestStepsViewersAndGeneratedMedia(t *testing.T) {
	server := bottest.New(t, 0)
	cfg := Config{
		URL: server.URL, APIKey: bottest.APIKey, Publishers: 1, Subscribers: 4, Steps: 2, StepHold: 300 * time.Millisecond, Settle: 100 * time.Millisecond,
		Duration: 500 * time.Millisecond, JoinsPerSecond: 200, Generated: true, Width: 256, Height: 144, FPS: 15, Bitrate: 300_000,
		PerViewer: true, View: ViewTiles, RED: true, DTX: true, Speakers: 1, LossDown: 0.05, LossSeed: 7,
		FFmpeg: "no-such-program", CacheDir: t.TempDir(),
	}
	r, err := Run(context.Background(), cfg, nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Steps) != 2 || r.Steps[0].Members != 3 || r.Steps[1].Members != 5 || r.Joining.Packets == 0 {
		t.Errorf("steps %+v, joining %+v", r.Steps, r.Joining)
	}
	if len(r.Viewers) != 4 || r.Viewers[0].Packets == 0 || r.Media.DroppedOnPurpose == 0 {
		t.Errorf("viewers %+v, media %+v", r.Viewers, r.Media)
	}
	if r.Media.LatencyP50 <= 0 || r.Media.LatencyP50 > r.Media.LatencyP95 || r.Media.Renegotiations != 0 {
		t.Errorf("media %+v", r.Media)
	}
	if table := r.Table(); !strings.Contains(table, "step") || !strings.Contains(table, "latency") {
		t.Error(table)
	}
}

// programme is an init segment and fragments of 100 ms of H.264.
func programme(t *testing.T, n int) (init []byte, fragments [][]byte) {
	t.Helper()
	var buf seekablebuffer.Buffer
	in := fmp4.Init{Tracks: []*fmp4.InitTrack{{ID: 1, TimeScale: 90000, Codec: &codecs.H264{
		SPS: []byte{0x67, 0x42, 0xc0, 0x1e, 0xda, 0x02, 0x80, 0xbe, 0x40}, PPS: []byte{0x68, 0xce, 0x3c, 0x80}}}}}
	if err := in.Marshal(&buf); err != nil {
		t.Fatal(err)
	}
	init = bytes.Clone(buf.Bytes())
	for i := range n {
		buf.Reset()
		p := fmp4.Part{SequenceNumber: uint32(i), Tracks: []*fmp4.PartTrack{{ID: 1, BaseTime: uint64(9000 * i),
			Samples: []*fmp4.Sample{{Duration: 9000, Payload: []byte{0, 0, 0, 1, 0x65}}}}}}
		if err := p.Marshal(&buf); err != nil {
			t.Fatal(err)
		}
		fragments = append(fragments, bytes.Clone(buf.Bytes()))
	}
	return init, fragments
}

func TestWatchingOverWebSocket(t *testing.T) {
	init, fragments := programme(t, 10)
	up := websocket.Upgrader{Subprotocols: []string{playoutProtocol}}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn, err := up.Upgrade(w, r, nil)
		if err != nil {
			return
		}
		defer conn.Close()
		_ = conn.WriteMessage(websocket.TextMessage, []byte(`{"type":"init"}`))
		_ = conn.WriteMessage(websocket.BinaryMessage, init)
		for i, f := range fragments {
			if i == 5 {
				continue // a hole of 100 ms
			}
			// Each is 20 ms old when it leaves.
			at := time.Now().Add(-20 * time.Millisecond).UnixMilli()
			_ = conn.WriteMessage(websocket.TextMessage, fmt.Appendf(nil, `{"type":"clock","media":%f,"at":%d}`, float64(i+1)/10, at))
			_ = conn.WriteMessage(websocket.BinaryMessage, f)
		}
		_, _, _ = conn.ReadMessage()
		_, _, _ = conn.ReadMessage()
	}))
	defer server.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	p := newPictures(time.Now())
	done := make(chan struct{})
	go func() {
		defer close(done)
		p.watch(ctx, strings.Replace(server.URL, "http", "ws", 1))
	}()
	<-p.first
	time.Sleep(200 * time.Millisecond)
	cancel()
	<-done
	var b Broadcast
	p.report(&b)
	if b.Start <= 0 || b.Fragments < 9 || b.Gaps < 1 || b.LatencyP50 < 15 || b.LatencyP50 > 1000 {
		t.Errorf("%+v", b)
	}
}

func TestWatchingOverHLS(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/index.m3u8":
			fmt.Fprint(w, "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nlow/list.m3u8\n")
		case "/low/list.m3u8":
			fmt.Fprint(w, "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\na.mp4\n#EXTINF:1,\nb.mp4\n#EXTINF:1,\nmissing.mp4\n")
		case "/low/a.mp4", "/low/b.mp4":
			fmt.Fprint(w, "media")
		default:
			w.WriteHeader(http.StatusNotFound)
		}
	}))
	defer server.Close()
	ctx, cancel := context.WithCancel(context.Background())
	s := newSegments(time.Now())
	defer s.client.CloseIdleConnections()
	for range 2 {
		if err := s.poll(ctx, server.URL+"/index.m3u8"); err == nil {
			t.Error("a missing segment is no error")
		}
	}
	cancel()
	s.watch(ctx, server.URL)
	var b Broadcast
	s.report(&b)
	if b.HLSSegments != 2 || b.HLSStart <= 0 {
		t.Errorf("%+v", b)
	}
}

func TestProgressBar(t *testing.T) {
	var out bytes.Buffer
	p := newProgress(&out)
	p.terminal = true
	p.bar(time.Now(), 0.5, "half of %d", 10)
	p.step("done")
	if got, want := out.String(), "\r\x1b[K"+strings.Repeat("█", 12)+strings.Repeat("░", 12)+" half of 10\ndone\n"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if f, err := os.Open(os.DevNull); err != nil || isTerminal(f) {
		t.Errorf("the null device is a terminal: %v", err)
	} else {
		f.Close()
	}
}

func FuzzFragment(f *testing.F) {
	f.Add([]byte{0, 0, 0, 8, 'm', 'o', 'o', 'f'})
	f.Add([]byte(`{"type":"clock","media":1e300,"at":-1e300}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		p := newPictures(time.Now())
		p.init(b)
		p.fragment(b, time.Now())
	})
}

func TestNobodyToBroadcast(t *testing.T) {
	r := &run{stages: map[int][]string{}}
	if b := r.broadcast(context.Background(), 0, func() {}); b.Error == "" {
		t.Error("a broadcast of an empty room")
	}
	if _, err := playout("http://localhost", ""); err == nil {
		t.Error("a stream without a name")
	}
	if got, err := playout("http://localhost:8080/", "live-x"); err != nil || got != "http://localhost:8080/playout/live-x" {
		t.Errorf("%q, %v", got, err)
	}
}
