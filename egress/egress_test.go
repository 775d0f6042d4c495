package egress

import (
	"context"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/meetcast/meetcast/egress/compose"
	"github.com/meetcast/meetcast/egress/layout"
	"github.com/meetcast/meetcast/egress/media"
	"github.com/meetcast/meetcast/sfu/packet"
	"github.com/meetcast/meetcast/sfu/track"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	testW, testH, testFPS = 320, 180, 15
)

// newTestManager returns a manager whose pushes are fakes that go live at once.
func newTestManager(t testing.TB, change func(*Config)) (*Manager, func() *fakePush) {
	t.Helper()
	var last *fakePush
	cfg := Config{
		FFmpeg: ffmpegPath(), Width: testW, Height: testH, FPS: testFPS, VideoBitrate: 500_000,
		IngestURL: func(s string) string { return "rtmp://127.0.0.1:1935/live/" + s },
		NewPush: func(c PushConfig) (Push, error) {
			last = &fakePush{cfg: c}
			last.set(PushLive, nil)
			return last, nil
		},
		Logger: quiet,
	}
	if change != nil {
		change(&cfg)
	}
	m, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := m.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return m, func() *fakePush { return last }
}

// checkGapless fails unless all samples have exactly their times.
func checkGapless(t *testing.T, f *fakePush, fps int) {
	t.Helper()
	for i, s := range f.samples(media.Video) {
		if want := time.Duration(i) * time.Second / time.Duration(fps); s.PTS != want {
			t.Fatalf("picture %d has PTS %v, want %v", i, s.PTS, want)
		}
	}
	for i, s := range f.samples(media.Audio) {
		if want := time.Duration(i) * 1024 * time.Second / 48000; s.PTS != want {
			t.Fatalf("sound %d has PTS %v, want %v", i, s.PTS, want)
		}
	}
}

// near tells whether the middle of a tile shows a colour.
func near(p *media.Picture, r layout.Rect, c compose.Colour) bool {
	x, y := r.X+r.W/2, r.Y+r.H/2
	at := y/2*p.StrideU + x/2
	got := compose.Colour{Y: p.Y[y*p.StrideY+x], U: p.U[at], V: p.V[at]}
	d := func(a, b byte) int { return max(int(a)-int(b), int(b)-int(a)) }
	return d(got.Y, c.Y) < 16 && d(got.U, c.U) < 16 && d(got.V, c.V) < 16
}

func colourSource(hex string) string {
	return "color=c=0x" + hex + ":s=160x90:r=15:d=2"
}

func TestBroadcastShowsAndHearsEverybody(t *testing.T) {
	t.Parallel()
	room := newRoom()
	red := newPublisher(t, "red", track.Camera, pictureClip(t, packet.VP8, colourSource("d02020"), "1000", 15)).start()
	low := newPublisher(t, "red", track.Microphone, soundClip(t, "sine=f=440:d=2")).start()
	blue := newPublisher(t, "blue", track.Camera, pictureClip(t, packet.H264, colourSource("2030d0"), "1000", 15)).start()
	high := newPublisher(t, "blue", track.Microphone, soundClip(t, "sine=f=1320:d=2")).start()
	room.update(func(s *track.Snapshot) {
		s.Members = []track.MemberView{
			{ID: "red", Name: "Rosa", Tracks: []track.UpTrack{red.up, low.up}},
			{ID: "blue", Name: "Bert", Tracks: []track.UpTrack{blue.up, high.up}},
		}
	})
	m, push := newTestManager(t, nil)
	began := time.Now()
	st, err := m.Start(t.Context(), Request{Room: room, Stream: "show"})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("live after %v", time.Since(began))
	if st.State != Live || len(st.Destinations) != 1 || st.Destinations[0].Phase != PushLive {
		t.Fatalf("status %+v", st)
	}
	f := push()
	f.until(t, 2500*time.Millisecond)
	st, err = m.Stop(t.Context(), room.ID())
	if err != nil || st.State != Stopped {
		t.Fatalf("stop: %v, %+v", err, st)
	}
	t.Logf("%+v", st.Stats)
	checkGapless(t, f, testFPS)
	pics := f.decodePictures(t, testW, testH)
	last := pics[len(pics)-1]
	rects := layout.Grid(2, testW, testH)
	if !near(last, rects[0], compose.RGB(0xd0, 0x20, 0x20)) || !near(last, rects[1], compose.RGB(0x20, 0x30, 0xd0)) {
		t.Error("the colours are not in their tiles")
	}
	pcm := f.decodeSound(t)
	end := time.Duration(len(pcm)) * time.Second / 48000
	if end < 2*time.Second {
		t.Fatalf("only %v of sound with 2.5 s of pictures", end)
	}
	heard := span(pcm, end-time.Second, end-200*time.Millisecond)
	for freq, loud := range map[float64]bool{440: true, 1320: true, 800: false} {
		if got := tone(heard, freq); (got > 0.02) != loud {
			t.Errorf("%v Hz has level %.3f", freq, got)
		}
	}
	if f.closed != 1 || room.watched() != 0 {
		t.Errorf("closed %d times, %d observers left", f.closed, room.watched())
	}
}
