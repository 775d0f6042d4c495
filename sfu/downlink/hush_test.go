package downlink

import (
	"encoding/binary"
	"testing"
	"time"

	"github.com/pion/rtp"

	"github.com/meetcast/meetcast/sfu/bwe"
	"github.com/meetcast/meetcast/sfu/forward"
	"github.com/meetcast/meetcast/sfu/packet"
	"github.com/meetcast/meetcast/sfu/track"
	"github.com/meetcast/meetcast/sfu/track/tracktest"
)

type nowhere struct{}

func (nowhere) WriteRTP(*rtp.Header, []byte) (int, error) { return 0, nil }

// arrivedAlone is feedback on one packet, which came.
func arrivedAlone(seq uint16) []byte {
	b := []byte{0x8f, 205, 0, 5, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0x20, 0x01, 1, 0}
	binary.BigEndian.PutUint16(b[12:], seq)
	return b
}

// A slot that has never sent anything cannot ask whether the path is back by
// padding: its first picture must go out all the same, or nothing ever would.
func TestFirstPictureAfterSilence(t *testing.T) {
	at := time.Unix(1000, 0)
	e := bwe.New(bwe.Config{}, at)
	d := forward.NewDown(forward.DownConfig{Kind: track.Video, Stamper: e, Now: func() time.Time { return at }})
	o := forward.Outlet{Writer: nowhere{}, SSRC: 1, RTX: 2, TransportCC: 5}
	o.Types[packet.VP8], o.RTXTypes[packet.VP8] = 96, 97
	d.Open(o)
	up := tracktest.NewUpTrack(track.Info{ID: "a", Kind: track.Video, Source: track.Camera, Codec: packet.VP8})
	up.SetLayers(track.Layer{Size: track.Size{Width: 640, Height: 360}, Bitrate: 300_000, Active: true})

	// Sound was heard once; the last packet of it was lost, and nobody speaks.
	if _, err := e.Report(at.Add(50*time.Millisecond), arrivedAlone(e.Stamp(at, 100))); err != nil {
		t.Fatal(err)
	}
	at = at.Add(time.Second)
	e.Stamp(at, 100)
	at = at.Add(5 * time.Second)
	if !e.Silent(at) {
		t.Fatal("the path is not silent: the test shows nothing")
	}
	d.Bind(up, track.Size{Width: 640, Height: 360})
	New(e).Run(at, []*forward.Down{d}, true, true)
	if s := d.Stats(); s.Target != 0 {
		t.Fatalf("layer %d is chosen", s.Target)
	}
}
