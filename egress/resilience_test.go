package egress

import (
	"slices"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/meetcast/meetcast/egress/compose"
	"github.com/meetcast/meetcast/egress/layout"
	"github.com/meetcast/meetcast/egress/media"
	"github.com/meetcast/meetcast/internal/unittest"
	"github.com/meetcast/meetcast/sfu/packet"
	"github.com/meetcast/meetcast/sfu/track"
)

// kill ends a child as a crash would.
func kill(t *testing.T, pid int) {
	t.Helper()
	if pid == 0 {
		t.Fatal("no child to kill")
	}
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
}

// TestShowGoesOn takes everything away once and looks at the whole programme
// afterwards: no gap in its timestamps, and the right pictures at each time.
func TestShowGoesOn(t *testing.T) {
	t.Parallel()
	green, red := compose.RGB(0x20, 0xa0, 0x30), compose.RGB(0xd0, 0x20, 0x20)
	room := newRoom()
	cam := newPublisher(t, "g", track.Camera, pictureClip(t, packet.VP8, colourSource("20a030"), "1000", 15)).start()
	mic := newPublisher(t, "g", track.Microphone, soundClip(t, "sine=f=440:d=2")).start()
	late := newPublisher(t, "r", track.Camera, pictureClip(t, packet.H264, colourSource("d02020"), "1000", 15)).start()
	g := track.MemberView{ID: "g", Name: "Gerda", Tracks: []track.UpTrack{cam.up, mic.up}}
	setMembers := func(ms ...track.MemberView) { room.update(func(s *track.Snapshot) { s.Members = ms }) }
	setMembers(g)
	m, push := newTestManager(t, nil)
	if _, err := m.Start(t.Context(), Request{Room: room, Stream: "show"}); err != nil {
		t.Fatal(err)
	}
	f := push()
	p := m.jobs[room.ID()].program
	mark := map[string]time.Duration{}
	step := func(name string, pause time.Duration) {
		f.until(t, f.now()+pause)
		mark[name] = f.now()
	}
	step("camera", 1300*time.Millisecond)
	_, _, decoders := p.children()
	if len(decoders) != 1 {
		t.Fatalf("%d decoders for one tile", len(decoders))
	}
	kill(t, decoders[0])
	unittest.Until(t, "the decoder is back", func() bool {
		_, _, now := p.children()
		return len(now) == 1 && now[0] != decoders[0]
	})
	step("decoder back", 1000*time.Millisecond)
	v, _, _ := p.children()
	kill(t, v)
	step("picture encoder back", 800*time.Millisecond)
	_, a, _ := p.children()
	kill(t, a)
	step("sound encoder back", 800*time.Millisecond)
	muted := g
	muted.Muted = map[track.Source]bool{track.Camera: true}
	setMembers(muted)
	step("camera off", 500*time.Millisecond)
	if _, _, now := p.children(); len(now) != 0 {
		t.Errorf("%d decoders though nobody is seen", len(now))
	}
	setMembers()
	step("empty", 500*time.Millisecond)
	setMembers(g, track.MemberView{ID: "r", Name: "Rosa", Tracks: []track.UpTrack{late.up}})
	step("both", 1200*time.Millisecond)
	if err := m.SetLayout(room.ID(), "speaker"); err != nil {
		t.Fatal(err)
	}
	step("speaker", 1000*time.Millisecond)
	cam.setQuiet(true)
	step("no packets", 2100*time.Millisecond)
	st, err := m.Stop(t.Context(), room.ID())
	if err != nil {
		t.Fatal(err)
	}

	checkGapless(t, f, testFPS)
	pics := f.decodePictures(t, testW, testH)
	at := func(name string) *media.Picture { return pics[min(int(mark[name]*testFPS/time.Second), len(pics)-1)] }
	whole := layout.Rect{W: testW, H: testH}
	half, big := layout.Grid(2, testW, testH), layout.Speaker(2, testW, testH)
	for _, tc := range []struct {
		when string
		r    layout.Rect
		c    compose.Colour
		want bool
	}{
		{"camera", whole, green, true},
		{"decoder back", whole, green, true},
		{"picture encoder back", whole, green, true},
		{"sound encoder back", whole, green, true},
		{"camera off", whole, green, false},
		{"empty", layout.Rect{W: testW, H: testH / 4}, compose.RGB(0x10, 0x14, 0x18), true},
		{"both", half[0], green, true},
		{"both", half[1], red, true},
		{"speaker", big[0], green, true},
		{"speaker", big[1], red, true},
		{"no packets", big[0], green, false},
		{"no packets", big[1], red, true},
	} {
		if near(at(tc.when), tc.r, tc.c) != tc.want {
			t.Errorf("at %q (%v): colour %v in %v: want %v", tc.when, mark[tc.when], tc.c, tc.r, tc.want)
		}
	}
	pcm := f.decodeSound(t)
	for when, loud := range map[string]bool{"camera": true, "sound encoder back": true, "camera off": true, "empty": false, "both": true} {
		if got := tone(span(pcm, mark[when]-200*time.Millisecond, mark[when]), 440); (got > 0.03) != loud {
			t.Errorf("at %q the tone has level %.3f", when, got)
		}
	}
	if st.Stats.DecoderCrashes != 1 || st.Stats.EncoderCrashes != 2 || st.Stats.Skipped != 0 {
		t.Errorf("stats %+v", st.Stats)
	}
	// The parameters come again with the new encoder, before its key frame.
	if len(f.params) != 2 {
		t.Errorf("parameters announced %d times", len(f.params))
	}
	t.Logf("%+v", st.Stats)
}

func TestStartFailures(t *testing.T) {
	t.Parallel()
	refused := DestinationError("The ingest refused the stream key.", nil)
	tests := []struct {
		name     string
		change   func(*Config)
		request  func(*Request)
		audience Audience
		text     string
	}{
		{"no ffmpeg", func(c *Config) { c.FFmpeg = "/nonexistent/ffmpeg" }, nil, Unavailable, "apt-get install ffmpeg"},
		{"bad layout", nil, func(r *Request) { r.Layout = "mosaic" }, Invalid, "grid or speaker"},
		{"no stream", nil, func(r *Request) { r.Stream = "" }, Invalid, "stream name"},
		{"no policy", nil, func(r *Request) { r.Destination = "rtmp://example.com/live/x" }, Destination, "no other"},
		{"no recorder", nil, func(r *Request) { r.Record = true }, Unavailable, "ecording"},
		{"refused", func(c *Config) {
			c.NewPush = func(pc PushConfig) (Push, error) {
				f := &fakePush{cfg: pc}
				go f.set(PushFailed, refused)
				return f, nil
			}
		}, nil, Destination, "stream key"},
		{"no answer", func(c *Config) {
			c.StartTimeout = 300 * time.Millisecond
			c.NewPush = func(pc PushConfig) (Push, error) { return &fakePush{cfg: pc}, nil }
		}, nil, Destination, "in time"},
		{"broken encoder", func(c *Config) { c.Encoder = "h264_nvenc" }, nil, Unavailable, "h264_nvenc does not work"},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			m, _ := newTestManager(t, tc.change)
			req := Request{Room: newRoom(), Stream: "s"}
			if tc.request != nil {
				tc.request(&req)
			}
			_, err := m.Start(t.Context(), req)
			if err == nil {
				t.Fatal("started")
			}
			if AudienceOf(err) != tc.audience || !contains(err.Error(), tc.text) {
				t.Errorf("audience %d: %v", AudienceOf(err), err)
			}
			if n := len(m.All()); n != 0 {
				t.Errorf("%d broadcasts are left", n)
			}
		})
	}
}

func contains(s, part string) bool {
	for i := range len(s) - len(part) + 1 {
		if s[i:i+len(part)] == part {
			return true
		}
	}
	return false
}

// fakeRecorder is a Recorder that keeps what it gets.
type fakeRecorder struct{ fakePush }

func (*fakeRecorder) File() string { return "s.mp4" }
func (*fakeRecorder) Err() error   { return nil }

func TestStatesAreTold(t *testing.T) {
	t.Parallel()
	var rec fakeRecorder
	m, push := newTestManager(t, func(c *Config) {
		c.NewRecorder = func(string) (Recorder, error) { return &rec, nil }
	})
	room := newRoom()
	var told []State
	var reasons []string
	cancel := m.Watch(room.ID(), func(s Status) {
		if len(told) == 0 || told[len(told)-1] != s.State {
			told, reasons = append(told, s.State), append(reasons, s.Reason)
		}
	})
	st, err := m.Start(t.Context(), Request{Room: room, Stream: "s", Record: true})
	if err != nil || st.VOD != "s.mp4" || st.LiveAt.IsZero() {
		t.Fatalf("%v %+v", err, st)
	}
	if _, err := m.Start(t.Context(), Request{Room: room, Stream: "s"}); AudienceOf(err) != Conflict {
		t.Errorf("a second start: %v", err)
	}
	push().set(PushReconnecting, DestinationError("The server does not answer.", nil))
	push().set(PushLive, nil)
	if st, err = m.Stop(t.Context(), room.ID()); err != nil || st.State != Stopped {
		t.Fatalf("%v %+v", err, st)
	}
	cancel()
	want := []State{Idle, Starting, Live, Reconnecting, Live, Stopping, Stopped}
	if !slices.Equal(told, want) {
		t.Errorf("told %v, want %v", told, want)
	}
	if reasons[3] != "The server does not answer." {
		t.Errorf("reasons %q", reasons)
	}
	if _, err := m.Stop(t.Context(), room.ID()); AudienceOf(err) != NotFound {
		t.Errorf("a second stop: %v", err)
	}
	if rec.closed != 1 || len(rec.samples(media.Audio)) == 0 || !rec.samples(media.Video)[0].Key {
		t.Errorf("recorder closed %d times with %d samples", rec.closed, len(rec.list))
	}
	if got := m.Status(room.ID()); got.State != Stopped || got.VOD != "s.mp4" {
		t.Errorf("afterwards %+v", got)
	}
}

func TestEmptyRoomIsStoppedInTheEnd(t *testing.T) {
	t.Parallel()
	m, _ := newTestManager(t, func(c *Config) { c.EmptyTimeout = 400 * time.Millisecond })
	room := newRoom()
	room.update(func(s *track.Snapshot) { s.Members = []track.MemberView{{ID: "a", Name: "Ada"}} })
	if _, err := m.Start(t.Context(), Request{Room: room, Stream: "s"}); err != nil {
		t.Fatal(err)
	}
	if s := m.Status(room.ID()); s.State != Live {
		t.Fatalf("state %v", s.State)
	}
	room.update(func(s *track.Snapshot) { s.Members = nil })
	unittest.Until(t, "the broadcast ends", func() bool { return m.Status(room.ID()).State == Stopped })
}

func TestEndOfWatchingWaitsForTheCall(t *testing.T) {
	t.Parallel()
	m, _ := newTestManager(t, func(*Config) {})
	room := newRoom()
	if _, err := m.Start(t.Context(), Request{Room: room, Stream: "s"}); err != nil {
		t.Fatal(err)
	}
	var armed atomic.Bool
	entered, release, over := make(chan struct{}), make(chan struct{}), make(chan struct{})
	cancel := m.Watch(room.ID(), func(Status) {
		if armed.CompareAndSwap(true, false) {
			close(entered)
			<-release
		}
	})
	armed.Store(true)
	go func() {
		if err := m.SetLayout(room.ID(), "speaker"); err != nil {
			t.Error(err)
		}
	}()
	<-entered
	go func() { cancel(); close(over) }()
	select {
	case <-over:
		t.Error("the watching ended while a call was under way")
	case <-time.After(50 * time.Millisecond):
	}
	close(release)
	<-over
}
