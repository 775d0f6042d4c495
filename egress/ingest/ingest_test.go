package ingest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/url"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	gortmp "github.com/yutopp/go-rtmp"
	"github.com/yutopp/go-rtmp/message"
	"go.uber.org/goleak"

	"github.com/meetcast/meetcast/egress/media"
	"github.com/meetcast/meetcast/egress/media/mediatest"
	"github.com/meetcast/meetcast/egress/rtmp"
	"github.com/meetcast/meetcast/egress/rtmp/flv"
	"github.com/meetcast/meetcast/egress/rtmp/proto"
	"github.com/meetcast/meetcast/internal/backoff"
	"github.com/meetcast/meetcast/internal/unittest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// sink keeps what it is given.
type sink struct {
	mu      sync.Mutex
	begins  []media.Params
	samples []media.Sample
	epoch   time.Time
	closed  bool
}

func (s *sink) Begin(p media.Params) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.begins = append(s.begins, p)
}

func (s *sink) Write(m media.Sample) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.samples = append(s.samples, m)
}

func (s *sink) SetEpoch(t time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.epoch = t
}

func (s *sink) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	return nil
}

func (s *sink) count(k media.Kind) (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, m := range s.samples {
		if m.Kind == k {
			n++
		}
	}
	return n
}

func (s *sink) isClosed() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closed
}

// world is a server with sinks that remember.
type world struct {
	*Server
	mu    sync.Mutex
	live  map[string][]*sink
	rec   map[string][]*sink
	asked []Request
	ended []Traffic
}

func (w *world) Publish(_ context.Context, r Request) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.asked = append(w.asked, r)
	if r.Name == "unknown" {
		return errors.New("there is no stream of that name")
	}
	return nil
}

func (w *world) open(m map[string][]*sink) func(string) (media.Sink, error) {
	return func(name string) (media.Sink, error) {
		w.mu.Lock()
		defer w.mu.Unlock()
		s := &sink{}
		m[name] = append(m[name], s)
		return s, nil
	}
}

func (w *world) sinks(name string) []*sink {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]*sink(nil), w.live[name]...)
}

func newWorld(t testing.TB, cfg Config) *world {
	t.Helper()
	w := &world{live: map[string][]*sink{}, rec: map[string][]*sink{}}
	cfg.Auth, cfg.Live, cfg.Record = w, w.open(w.live), w.open(w.rec)
	cfg.Ended = func(_ Request, tr Traffic) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.ended = append(w.ended, tr)
	}
	var err error
	if w.Server, err = Listen("127.0.0.1:0", cfg); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.Server.Close() })
	return w
}

func (w *world) url(path string) string { return "rtmp://" + w.Addr().String() + "/" + path }

// ffmpeg pushes a programme and returns its error output.
func ffmpeg(t *testing.T, cfg mediatest.Config, extra []string, url string) (string, error) {
	t.Helper()
	mediatest.RequireFFmpeg(t)
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	args := append(mediatest.Input(cfg), extra...)
	cmd := exec.CommandContext(ctx, "ffmpeg", append(args, "-f", "flv", url)...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	err := cmd.Run()
	return stderr.String(), err
}

func TestFFmpegPublishes(t *testing.T) {
	w := newWorld(t, Config{})
	tests := []struct {
		path         string
		cfg          mediatest.Config
		video, audio int
	}{
		{"live/both?user=me&pass=word", mediatest.Config{Seconds: 2}, 30, 93},
		{"rec/bframes", mediatest.Config{Seconds: 2, BFrames: 2}, 30, 93},
		{"live/sound", mediatest.Config{Seconds: 2, NoVideo: true}, 0, 93},
		{"live/picture", mediatest.Config{Seconds: 2, NoAudio: true}, 30, 0},
	}
	for _, tt := range tests {
		t.Run(tt.path, func(t *testing.T) {
			if out, err := ffmpeg(t, tt.cfg, nil, w.url(tt.path)); err != nil {
				t.Fatalf("ffmpeg: %v: %s", err, out)
			}
			u, err := url.Parse(tt.path)
			if err != nil {
				t.Fatal(err)
			}
			app, name, _ := strings.Cut(u.Path, "/")
			s := w.sinks(name)[0]
			unittest.Until(t, "the stream has ended", s.isClosed)
			checkProgramme(t, s, tt.video, tt.audio)
			w.mu.Lock()
			defer w.mu.Unlock()
			if recorded := len(w.rec[name]) == 1; recorded != (app == Record) {
				t.Errorf("recorded: %v", recorded)
			}
			asked := w.asked[len(w.asked)-1]
			if asked.App != app || asked.Name != name || asked.Params.Encode() != u.Query().Encode() || asked.Addr == "" {
				t.Errorf("authorizer was asked for %+v", asked)
			}
			if len(w.ended) == 0 || w.ended[len(w.ended)-1].Bytes == 0 {
				t.Errorf("traffic %+v", w.ended)
			}
		})
	}
}

// checkProgramme wants one Begin, a key picture first, and times that start
// near 0 and never go back.
func checkProgramme(t *testing.T, s *sink, video, audio int) {
	t.Helper()
	if v, a := s.count(media.Video), s.count(media.Audio); v < video || v > video+1 || a < audio || a > audio+3 {
		t.Fatalf("%d pictures and %d sounds, want %d and %d", v, a, video, audio)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.begins) != 1 || (s.begins[0].Video != nil) != (video > 0) || (s.begins[0].Audio != nil) != (audio > 0) {
		t.Fatalf("begins: %+v", s.begins)
	}
	if v := s.begins[0].Video; v != nil && (v.Width != 160 || v.Height != 120 || v.FPS != 15) {
		t.Errorf("picture %+v", v)
	}
	last := map[media.Kind]time.Duration{}
	first := map[media.Kind]bool{}
	for i, m := range s.samples {
		if !first[m.Kind] && (m.DTS > 250*time.Millisecond || (m.Kind == media.Video && !m.Key)) {
			t.Errorf("first of kind %d: %v, key %v", m.Kind, m.DTS, m.Key)
		}
		first[m.Kind] = true
		if m.DTS < last[m.Kind] || m.PTS < m.DTS {
			t.Fatalf("sample %d at %v (shown %v) after %v", i, m.DTS, m.PTS, last[m.Kind])
		}
		last[m.Kind] = m.DTS
	}
}

func TestRefusals(t *testing.T) {
	w := newWorld(t, Config{})
	tests := []struct {
		name, url, reason string
		extra             []string
	}{
		{"application", w.url("other/name"), "application", nil},
		{"unknown stream", w.url("live/unknown"), "authorization", nil},
		{"name", w.url("live/na.me"), "name", nil},
		{"codec", w.url("live/mp3"), "codec", []string{"-c:a", "libmp3lame", "-ar", "44100"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := ffmpeg(t, mediatest.Config{Seconds: 3}, tt.extra, tt.url); err == nil && tt.name != "codec" {
				t.Error("ffmpeg was content")
			}
			unittest.Until(t, "the refusal is counted", func() bool { return w.Stats().Refused[tt.reason] > 0 })
		})
	}
	// In words, to our own push.
	p := push(t, w.url("live/unknown"))
	unittest.Until(t, "refused", func() bool { return p.Status().State == rtmp.Failed })
	if r := p.Status().Reason; r.Kind != rtmp.KindKey || !strings.Contains(r.Detail, "no stream of that name") {
		t.Errorf("%v", r)
	}
	p = push(t, w.url("nothing/name"))
	unittest.Until(t, "refused", func() bool { return p.Status().State == rtmp.Failed })
	if r := p.Status().Reason; r.Kind != rtmp.KindApplication {
		t.Errorf("%v", r)
	}
}

func push(t *testing.T, url string) *rtmp.Push {
	t.Helper()
	p, err := rtmp.NewPush(rtmp.Config{URL: url, Backoff: backoff.Policy{Min: 10 * time.Millisecond, Max: 100 * time.Millisecond},
		StallTimeout: time.Second, Epoch: func() (time.Time, bool) { return time.UnixMilli(1764000000000), true }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Close() })
	return p
}

func TestOurPush(t *testing.T) {
	w := newWorld(t, Config{})
	params, samples := mediatest.Programme(t, mediatest.Config{})
	p := push(t, w.url("live/ours"))
	unittest.Until(t, "accepted", func() bool { return p.Status().Accepted })
	p.Begin(params)
	for _, s := range mediatest.Shift(samples, 40*time.Second) { // joins late: starts near 0 all the same
		p.Write(s)
	}
	unittest.Until(t, "live", func() bool { return p.Status().State == rtmp.Live })
	_ = p.Close()
	s := w.sinks("ours")[0]
	unittest.Until(t, "the stream has ended", s.isClosed)
	checkProgramme(t, s, 60, 186)
	s.mu.Lock()
	defer s.mu.Unlock()
	// The epoch is that of our media time 0, which was 40 s into the broadcast.
	if want := time.UnixMilli(1764000040021); s.epoch.Sub(want).Abs() > 100*time.Millisecond {
		t.Errorf("epoch %v, want about %v", s.epoch, want)
	}
}

// TestGoRTMPClient publishes with a client by other hands.
func TestGoRTMPClient(t *testing.T) {
	w := newWorld(t, Config{})
	c, err := gortmp.Dial("rtmp", w.Addr().String(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.Connect(&message.NetConnectionConnect{Command: message.NetConnectionConnectCommand{App: "live"}}); err != nil {
		t.Fatal(err)
	}
	stream, err := c.CreateStream(nil, 4096)
	if err != nil {
		t.Fatal(err)
	}
	if err := stream.Publish(&message.NetStreamPublish{PublishingName: "gortmp", PublishingType: "live"}); err != nil {
		t.Fatal(err)
	}
	params, samples := mediatest.Programme(t, mediatest.Config{NoAudio: true})
	header, err := flv.VideoHeader(params.Video)
	if err != nil {
		t.Fatal(err)
	}
	if err := stream.Write(6, 0, &message.VideoMessage{Payload: bytes.NewReader(header)}); err != nil {
		t.Fatal(err)
	}
	for _, s := range samples {
		b, err := flv.VideoFrame(s.Data, s.Key, 0)
		if err != nil {
			t.Fatal(err)
		}
		if err := stream.Write(6, uint32(s.DTS.Milliseconds()), &message.VideoMessage{Payload: bytes.NewReader(b)}); err != nil {
			t.Fatal(err)
		}
	}
	unittest.Until(t, "everything arrived", func() bool {
		s := w.sinks("gortmp")
		return len(s) == 1 && s[0].count(media.Video) == len(samples)
	})
}

func TestOnePublisherAtATime(t *testing.T) {
	w := newWorld(t, Config{TakeoverAfter: 300 * time.Millisecond})
	params, samples := mediatest.Programme(t, mediatest.Config{})
	first := push(t, w.url("live/one"))
	first.Begin(params)
	first.Write(fromKey(samples))
	unittest.Until(t, "the first is live", func() bool { return first.Status().State == rtmp.Live })
	second := push(t, w.url("live/one"))
	unittest.Until(t, "the second is refused", func() bool { return second.Status().State == rtmp.Failed })
	if r := second.Status().Reason; r.Kind != rtmp.KindKey {
		t.Errorf("%v", r)
	}
	// The first has gone silent for longer now: a third takes over.
	unittest.Until(t, "the third is accepted", func() bool {
		third := push(t, w.url("live/one"))
		unittest.Until(t, "an answer", func() bool { st := third.Status(); return st.Accepted || st.State == rtmp.Failed })
		return third.Status().Accepted
	})
	if s := w.sinks("one"); len(s) < 2 || !s[0].isClosed() {
		t.Errorf("%d programmes, the first closed: %v", len(s), s[0].isClosed())
	}
}

func fromKey(samples []media.Sample) media.Sample {
	for _, s := range samples {
		if s.Kind == media.Video && s.Key {
			return s
		}
	}
	return media.Sample{}
}

func TestTimeouts(t *testing.T) {
	w := newWorld(t, Config{SetupTimeout: 200 * time.Millisecond, IdleTimeout: 200 * time.Millisecond})
	for _, say := range []string{"", "\x03", "\x03" + strings.Repeat("x", 1536+1536) + "\x02"} {
		c, err := net.Dial("tcp", w.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.WriteString(c, say)
		_ = c.SetReadDeadline(time.Now().Add(5 * time.Second))
		if _, err := io.Copy(io.Discard, c); err != nil {
			t.Errorf("after %d bytes: %v", len(say), err)
		}
		_ = c.Close()
	}
	p := push(t, w.url("live/idle"))
	unittest.Until(t, "an idle publisher is sent away", func() bool {
		s := w.sinks("idle")
		return len(s) > 0 && s[0].isClosed()
	})
	_ = p.Close()
}

func TestConnectionLimit(t *testing.T) {
	w := newWorld(t, Config{MaxConns: 2})
	var open []net.Conn
	for range 3 {
		c, err := net.Dial("tcp", w.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		open = append(open, c)
	}
	_ = open[2].SetReadDeadline(time.Now().Add(5 * time.Second))
	if _, err := open[2].Read(make([]byte, 1)); !errors.Is(err, io.EOF) && !strings.Contains(err.Error(), "reset") {
		t.Fatalf("third connection: %v", err)
	}
	if st := w.Stats(); st.Conns != 2 || st.Refused["limit"] != 1 {
		t.Errorf("%+v", st)
	}
}

func TestTimeline(t *testing.T) {
	ms := time.Millisecond
	tests := []struct {
		name string
		in   []uint32
		want []time.Duration
	}{
		{"starts at 0", []uint32{5000, 5040, 5080}, []time.Duration{0, 40 * ms, 80 * ms}},
		{"interleaves loosely", []uint32{100, 95, 140, 130}, []time.Duration{0, 0, 40 * ms, 30 * ms}},
		{"wraps", []uint32{0xffffffff - 9, 10, 30}, []time.Duration{0, 20 * ms, 40 * ms}},
		{"the clock jumps ahead", []uint32{0, 40, 3600_000, 3600_040}, []time.Duration{0, 40 * ms, 80 * ms, 120 * ms}},
		{"the clock starts again", []uint32{3600_000, 3600_040, 0, 40}, []time.Duration{0, 40 * ms, 80 * ms, 120 * ms}},
		{"a pause is kept", []uint32{0, 5000}, []time.Duration{0, 5 * time.Second}},
	}
	for _, tt := range tests {
		var c timeline
		for i, stamp := range tt.in {
			if got := c.at(stamp); got != tt.want[i] {
				t.Errorf("%s: step %d is %v, want %v", tt.name, i, got, tt.want[i])
			}
		}
	}
}

// fuzzConn plays recorded bytes to a connection and takes what it answers.
type fuzzConn struct {
	net.Conn
	in *bytes.Reader
}

func (c *fuzzConn) Read(b []byte) (int, error)       { return c.in.Read(b) }
func (c *fuzzConn) Write(b []byte) (int, error)      { return len(b), nil }
func (c *fuzzConn) Close() error                     { return nil }
func (c *fuzzConn) SetDeadline(time.Time) error      { return nil }
func (c *fuzzConn) SetReadDeadline(time.Time) error  { return nil }
func (c *fuzzConn) SetWriteDeadline(time.Time) error { return nil }
func (c *fuzzConn) RemoteAddr() net.Addr             { return &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 9} }

// session is what an encoder says, for the fuzzer to start from.
func session(t testing.TB, media ...proto.Message) []byte {
	var buf bytes.Buffer
	w := proto.NewWriter(&buf)
	send := func(stream uint32, c proto.Command) {
		body, err := c.Command()
		if err != nil {
			t.Fatal(err)
		}
		_ = w.Write(proto.Message{ChunkStream: 3, Type: proto.TypeCommandAMF0, StreamID: stream, Body: body})
	}
	send(0, proto.Command{Name: "connect", Transaction: 1, Args: []any{map[string]any{"app": "live"}}})
	send(0, proto.Command{Name: "FCPublish", Transaction: 2, Args: []any{nil, "name"}})
	send(0, proto.Command{Name: "createStream", Transaction: 3, Args: []any{nil}})
	send(1, proto.Command{Name: "publish", Transaction: 4, Args: []any{nil, "name?a=b", "live"}})
	for _, m := range media {
		_ = w.Write(m)
	}
	_ = w.Flush()
	return buf.Bytes()
}

// FuzzConnection feeds what follows the handshake to the whole connection loop
// with real parsing behind it.
func FuzzConnection(f *testing.F) {
	sps := []byte{0x67, 0x42, 0xc0, 0x0b, 0xda, 0x0a, 0x0e, 0x84, 0x00, 0x00, 0x03, 0x00, 0x04, 0x00, 0x00, 0x03, 0x00, 0x79, 0x8a, 0x28, 0x2a}
	header, _ := flv.VideoHeader(&media.VideoParams{SPS: sps, PPS: []byte{0x68, 0xce, 0x3c, 0x80}})
	frame, _ := flv.VideoFrame([]byte{0, 0, 0, 2, 0x65, 1}, true, 0)
	sound, _ := flv.AudioHeader(&media.AudioParams{Config: []byte{0x11, 0x90}})
	f.Add(session(f))
	f.Add(session(f,
		proto.Message{ChunkStream: 6, Type: proto.TypeVideo, StreamID: 1, Body: header},
		proto.Message{ChunkStream: 4, Type: proto.TypeAudio, StreamID: 1, Body: sound},
		proto.Message{ChunkStream: 6, Type: proto.TypeVideo, StreamID: 1, Timestamp: 40, Body: frame},
		proto.Message{ChunkStream: 6, Type: proto.TypeVideo, StreamID: 1, Timestamp: 0xffffffff, Body: frame}))
	f.Add([]byte("\x02\x00\x00\x00\x00\x00\x04\x01\x00\x00\x00\x00\x00\x00\x00\x01"))
	w := newWorld(f, Config{Limits: proto.Limits{Media: 1 << 16, Partial: 1 << 17}})
	f.Fuzz(func(t *testing.T, b []byte) {
		hello := append([]byte{3}, make([]byte, 2*1536)...)
		c := &conn{srv: w.Server, nc: &fuzzConn{in: bytes.NewReader(append(hello, b...))}, freed: make(chan struct{}), log: w.Server.log}
		c.run()
		if n := w.Stats(); n.Refused["panic"] > 0 {
			t.Fatal("panicked")
		}
		if n := w.Stats(); n.Publishers > 0 {
			t.Fatal("a publisher was left behind")
		}
	})
}
