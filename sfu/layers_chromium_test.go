package sfu

import (
	"strings"
	"testing"
	"time"

	"github.com/meetcast/meetcast/internal/unittest"
	"github.com/meetcast/meetcast/sfu/packet"
	"github.com/meetcast/meetcast/sfu/track"
)

// A real Chromium sends each codec with its layers in one stream and sees itself,
// large and small, fast and slow.
func TestChromiumLayers(t *testing.T) {
	for _, c := range []struct {
		codec packet.Codec
		mode  string
	}{{packet.VP9, "L3T3"}, {packet.AV1, "L2T3"}, {packet.VP8, "L1T3"}} {
		t.Run(c.codec.String()+" "+c.mode, func(t *testing.T) {
			b := newBrowser(t, newEngine(t, Config{}))
			b.run("publish('" + c.codec.String() + "', '" + c.mode + "')")
			b.run("receive('audio')")
			b.run("receive('video')")
			b.negotiate("")
			camera := b.up(track.Camera)
			if camera.Info().Codec != c.codec {
				t.Fatalf("%+v", camera.Info())
			}
			mid := b.slot(track.Video, 0)
			b.peer.Bind(b.slot(track.Audio, 0), b.up(track.Microphone), track.Size{})
			b.peer.Bind(mid, camera, fullHD)
			// How large it is, is the encoder's business: it follows the load.
			large := func(r pageReport) bool {
				l := camera.Layers()
				return r.slot(mid).Frames > 5 && r.slot(mid).Width > 0 && r.slot(mid).Width == l[len(l)-1].Size.Width
			}
			b.until("the large picture", large)
			layers := camera.Layers()
			if want := int(c.mode[1] - '0'); len(layers) != want {
				t.Fatalf("%d layers: %+v", len(layers), layers)
			}
			if strings.Contains(c.mode, "T3") && len(camera.Layers()[0].Temporal) != 3 {
				t.Errorf("temporal layers: %+v", camera.Layers())
			}
			if small := layers[0].Size.Width; len(layers) > 1 {
				b.peer.Bind(mid, camera, track.Size{Width: small, Height: small})
				n := b.until("the small picture", func(r pageReport) bool { return r.slot(mid).Width == small }).slot(mid).Frames
				b.until("it goes on", func(r pageReport) bool { return r.slot(mid).Frames > n+10 })
				b.peer.Bind(mid, camera, fullHD)
				b.until("the large picture again", large)
			}
			if strings.Contains(c.mode, "T3") {
				b.slower(mid)
			}
			r := b.until("sound", func(r pageReport) bool { return len(r.Audio) > 0 && r.Audio[0].Energy > 0 })
			if in := r.slot(mid); in.PLIs > 3 {
				t.Errorf("%+v", in)
			}
			t.Logf("%+v %+v", r, b.peer.Stats())
		})
	}
}

// slower leaves the upper temporal layers out for a while.
func (b *browser) slower(mid string) {
	b.t.Helper()
	var down interface {
		SetTemporal(int)
		Temporal() int
	}
	for _, s := range b.peer.wired.Load().slots {
		if s.mid == mid {
			down = s.down
		}
	}
	// The peer's own choice is another: it must be told again and again.
	slower := func() bool { down.SetTemporal(0); return down.Temporal() == 0 }
	unittest.Until(b.t, "the base layer alone", slower)
	before := b.report().slot(mid).Frames
	for end := time.Now().Add(time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		slower()
	}
	n := b.report().slot(mid).Frames
	b.until("it goes on", func(r pageReport) bool { return r.slot(mid).Frames > n+5 })
	b.t.Logf("%d frames a second of the base layer", n-before)
	down.SetTemporal(packet.AllTemporal)
	unittest.Until(b.t, "all temporal layers", func() bool { return down.Temporal() > 0 })
}
