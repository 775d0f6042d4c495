package forward

import (
	"testing"
	"time"

	"github.com/pion/rtp"

	"github.com/meetcast/meetcast/sfu/codec"
	"github.com/meetcast/meetcast/sfu/packet"
	"github.com/meetcast/meetcast/sfu/track"
)

// vp8Temporal is a frame of VP8 with three temporal layers (0 2 1 2), of which the
// first of each group refers to the base layer only.
func vp8Temporal(n int, key bool) []byte {
	tid := []byte{0, 2, 1, 2}[n%4]
	sync := byte(0)
	if n%4 == 1 || n%4 == 2 {
		sync = 0x20
	}
	payload := []byte{0x90, 0xe0, 0x80 | byte(n>>8)&0x7f, byte(n), byte(n / 4), tid<<6 | sync, 1, 0, 0}
	if key {
		payload = append(payload[:6], 0x10, 0, 0, 0x9d, 1, 0x2a, 64, 1, 180, 0)
	}
	b, _ := (&rtp.Packet{Header: rtp.Header{Version: 2, PayloadType: 96, SSRC: 1, SequenceNumber: uint16(n), Timestamp: uint32(n) * 3000, Marker: true},
		Payload: append(payload, make([]byte, 300)...)}).Marshal()
	return b
}

func TestTemporalLayersOfVP8(t *testing.T) {
	c, w := &clock{time.Unix(1000, 0)}, &wire{}
	tr, _ := newTestTrack(c)
	d := NewDown(DownConfig{Kind: track.Video, Now: c.now})
	o := everything
	o.Writer = w
	d.Open(o)
	d.Bind(tr, hd)
	d.SetLayer(0)
	n := 0x7ff0
	var last *rtp.Header
	picture := -1
	play := func(frames int, key bool) (tids string) {
		t.Helper()
		for i := range frames {
			c.tick(33 * time.Millisecond)
			tr.Lane("").Receive(vp8Temporal(n, key && i == 0), c.t)
			n++
		}
		headers, payloads := w.take()
		checkStream(t, headers, last)
		for i := range headers {
			v, _, _ := codec.ParseVP8(payloads[i])
			if picture >= 0 && int(v.PictureID) != (picture+1)&0x7fff {
				t.Fatalf("picture id %x after %x", v.PictureID, picture)
			}
			picture, last = int(v.PictureID), &headers[i]
			tids += string('0' + rune(v.TID))
		}
		return tids
	}
	for _, step := range []struct {
		layer, frames int
		want          string
	}{{packet.AllTemporal, 8, "02120212"}, {1, 8, "0101"}, {0, 8, "00"}, {1, 8, "0101"}, {2, 8, "02120212"}, {0, 6, "00"}, {2, 2, "1"}, {2, 4, "0212"}} {
		d.SetTemporal(step.layer)
		if got := play(step.frames, n == 0x7ff0); got != step.want {
			t.Fatalf("up to %d: frames of layers %s, want %s", step.layer, got, step.want)
		}
	}
	rates := tr.Layers()[0].Temporal
	if len(rates) != 3 || rates[0] >= rates[1] || rates[1] >= rates[2] || rates[2] != tr.Layers()[0].Bitrate {
		t.Fatalf("rates %v", rates)
	}
	if d.Temporal() != 2 || d.Stats().Left == 0 {
		t.Fatalf("%+v", d.Stats())
	}
}

// An encoder that never says where an upper layer begins gives a key frame.
func TestTemporalLayerWithoutSyncTakesAKeyFrame(t *testing.T) {
	f := filter{}
	f.begin(&packet.Packet{KeyFrame: true}, 0, 0)
	for i := range uint32(heldLimit + 1) {
		f.take(&packet.Packet{Temporal: 1, Header: rtp.Header{Timestamp: i}}, 0, 1)
	}
	if !f.waits(0) {
		t.Fatal("does not wait for a key frame")
	}
	if f.take(&packet.Packet{KeyFrame: true, Header: rtp.Header{Timestamp: 999}}, 0, 1); f.temporal != 1 || f.waits(0) {
		t.Fatalf("%+v", f)
	}
}
