package egress

import (
	"testing"
	"time"

	"github.com/meetcast/meetcast/internal/unittest"
	"github.com/meetcast/meetcast/sfu/packet"
	"github.com/meetcast/meetcast/sfu/track"
	"github.com/meetcast/meetcast/sfu/track/tracktest"
)

// TestOnAir: a broadcast can be watched as tracks, with sound that is encoded
// while somebody listens and fits the picture in time.
func TestOnAir(t *testing.T) {
	m, _ := newTestManager(t, nil)
	if _, ok := m.OnAir("show"); ok {
		t.Error("on air before the start")
	}
	if _, err := m.Start(t.Context(), Request{Room: newRoom(), Stream: "show"}); err != nil {
		t.Fatal(err)
	}
	p, ok := m.OnAir("show")
	if _, other := m.OnAir("other"); !ok || other {
		t.Fatal("the programme is not found by its name alone")
	}
	tracks := p.Tracks()
	var picture, sound tracktest.FakeDownTrack
	tracks[0].Attach(&picture)
	unittest.Until(t, "a key picture", func() bool {
		for _, pkt := range picture.Packets() {
			if pkt.KeyFrame && pkt.Width == testW {
				return true
			}
		}
		return false
	})
	if n := len(sound.Packets()); n != 0 {
		t.Errorf("%d packets of sound for nobody", n)
	}
	tracks[1].Attach(&sound)
	unittest.Until(t, "sound", func() bool { return len(sound.Packets()) > 25 })
	list := sound.Packets()
	for i := range list[1:] {
		if d := list[i+1].Header.Timestamp - list[i].Header.Timestamp; d != 960 || list[i+1].Codec != packet.Opus {
			t.Errorf("sound %d comes %d samples later", i+1, d)
		}
	}
	v, a := picture.Packets(), sound.Packets()
	if d := captured(t, tracks[0], v[len(v)-1]).Sub(captured(t, tracks[1], a[len(a)-1])); d.Abs() > unittest.Stretch(300*time.Millisecond) {
		t.Errorf("the newest picture is %v after the newest sound", d)
	}
	if _, err := m.Stop(t.Context(), "org/room"); err != nil {
		t.Fatal(err)
	}
	<-p.Done()
	if len(picture.Closed()) != 1 || len(sound.Closed()) != 1 {
		t.Error("the end of the tracks is not told")
	}
	if _, ok := m.OnAir("show"); ok {
		t.Error("on air after the stop")
	}
}

// captured is when a packet was captured by the clock of its track.
func captured(t *testing.T, up track.UpTrack, p packet.Packet) time.Time {
	t.Helper()
	ref, ok := up.ClockRef(0)
	if !ok {
		t.Fatalf("%v has no clock", up.Info().Kind)
	}
	return ref.NTP.Add(time.Duration(int32(p.Header.Timestamp-ref.RTP)) * time.Second / time.Duration(up.Info().ClockRate))
}

// TestOpusGivesUp: an ffmpeg without Opus costs the sound of WebRTC viewers, no
// more, and is tried again with the next.
func TestOpusGivesUp(t *testing.T) {
	o := opus{log: quiet}
	o.cfg.FFmpeg = "/bin/false"
	defer o.close()
	o.wanted.Store(true)
	block := make([]float32, 2*opusFrame)
	n := int64(0)
	unittest.Until(t, "given up", func() bool { o.write(block, n); n++; return o.broken && o.enc == nil })
	o.wanted.Store(false)
	o.write(block, n)
	o.wanted.Store(true)
	if o.write(block, n+1); o.enc == nil {
		t.Error("the next listener does not have it tried again")
	}
}
