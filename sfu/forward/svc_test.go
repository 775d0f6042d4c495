package forward

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/pion/rtp"

	"github.com/meetcast/meetcast/sfu/codec"
	"github.com/meetcast/meetcast/sfu/packet"
	"github.com/meetcast/meetcast/sfu/track"
	"github.com/meetcast/meetcast/sfu/track/tracktest"
)

// svc makes pictures of VP9 with spatial layers (RFC 9628, flexible mode), two
// packets a layer.
type svc struct {
	layers  int
	onKey   bool // layers refer to each other in key pictures only: LxT1_KEY
	seq     uint16
	ts      uint32
	picture uint16
}

// next returns the packets of a picture as they are on the wire.
func (s *svc) next(key bool) (out [][]byte) {
	s.ts += 3000
	s.picture = (s.picture + 1) & 0x7fff
	for sid := range s.layers {
		for part := range 2 {
			b := []byte{0xb0, 0x80 | byte(s.picture>>8), byte(s.picture), byte(sid << 1)}
			if sid > 0 && (key || !s.onKey) {
				b[3] |= 1
			}
			if part == 0 {
				b[0] |= 0x08
			} else {
				b[0] |= 0x04
			}
			if !key {
				b[0] |= 0x40
				b = append(b, 1<<1)
			}
			if sid == s.layers-1 || (s.onKey && !key) {
				b[0] |= 0x01
			}
			if key && sid == 0 && part == 0 {
				b[0] |= 0x02
				b = append(b, byte(s.layers-1)<<5|0x10)
				for i := range s.layers {
					w, h := 320<<i, 180<<i
					b = append(b, byte(w>>8), byte(w), byte(h>>8), byte(h))
				}
			}
			s.seq++
			raw, _ := (&rtp.Packet{Header: rtp.Header{Version: 2, PayloadType: 98, SSRC: 1, SequenceNumber: s.seq, Timestamp: s.ts,
				Marker: sid == s.layers-1 && part == 1}, Payload: append(b, make([]byte, 100<<sid)...)}).Marshal()
			out = append(out, raw)
		}
	}
	return out
}

// rig is a publisher of VP9 with one subscriber.
type rig struct {
	t    *testing.T
	c    *clock
	up   *Track
	fb   *asked
	d    *Down
	w    *wire
	src  *svc
	last *rtp.Header
}

func newRig(t *testing.T, src *svc) *rig {
	r := &rig{t: t, c: &clock{time.Unix(1000, 0)}, fb: &asked{}, w: &wire{}, src: src}
	r.up = NewTrack(TrackConfig{Info: track.Info{ID: "t", Kind: track.Video, Source: track.Camera, Codec: packet.VP9, ClockRate: 90000},
		Feedback: r.fb, Now: r.c.now})
	r.d = NewDown(DownConfig{Kind: track.Video, Now: r.c.now})
	o := everything
	o.Writer, o.Types[packet.VP9], o.RTXTypes[packet.VP9] = r.w, 98, 99
	r.d.Open(o)
	r.d.Bind(r.up, hd)
	return r
}

// play sends pictures and returns the spatial layers that came out, by picture.
// It fails unless they are one stream with a marker at each picture's end.
func (r *rig) play(n int, key bool) (pictures []string) {
	r.t.Helper()
	for i := range n {
		r.c.tick(33 * time.Millisecond)
		for _, raw := range r.src.next(key && i == 0) {
			r.up.Lane("").Receive(raw, r.c.t)
		}
	}
	headers, payloads := r.w.take()
	checkStream(r.t, headers, r.last)
	now := ""
	for i := range headers {
		v, err := codec.ParseVP9(payloads[i])
		if err != nil {
			r.t.Fatal(err)
		}
		if v.Start {
			now += fmt.Sprint(v.Spatial)
		}
		if headers[i].Marker {
			pictures, now = append(pictures, now), ""
		}
		r.last = &headers[i]
	}
	if now != "" {
		r.t.Fatalf("a picture of layers %s has no end", now)
	}
	return pictures
}

func (r *rig) expect(got []string, want ...string) {
	r.t.Helper()
	if !slices.Equal(got, want) {
		r.t.Fatalf("layers %q, want %q", got, want)
	}
}

func TestSpatialLayers(t *testing.T) {
	for _, start := range []uint16{0, 0x7ffe, 0xfff0, 0xfffe} {
		r := newRig(t, &svc{layers: 3, seq: start})
		r.d.seq.StartAt(^start)
		r.d.SetLayer(2)
		r.expect(r.play(2, false))
		r.expect(r.play(2, true), "012", "012")
		layers := r.up.Layers()
		if len(layers) != 3 || layers[1].Size != (track.Size{Width: 640, Height: 360}) || !layers[2].Active ||
			layers[0].Bitrate >= layers[1].Bitrate || layers[1].Bitrate >= layers[2].Bitrate {
			t.Fatalf("%+v", layers)
		}
		r.c.tick(time.Second)
		asked := r.fb.plis[1]
		if !r.d.Within(0) || !r.d.Within(1) || r.d.Within(3) || r.d.Within(-1) {
			t.Fatal("lower layers are not part of the highest")
		}
		r.d.SetLayer(0)
		r.d.Tick(r.c.t)
		r.expect(r.play(2, false), "0", "0") // at once
		if r.fb.plis[1] != asked {
			t.Fatal("a key frame was asked for to leave layers out")
		}
		r.d.SetLayer(1)
		if r.fb.plis[1] != asked+1 {
			t.Fatal("no key frame was asked for to climb")
		}
		r.expect(r.play(2, false), "0", "0")
		r.expect(r.play(2, true), "01", "01")
		r.d.SetLayer(-1)
		r.expect(r.play(2, true))
		r.d.SetLayer(2) // from the cache, then on
		r.expect(r.play(2, true), "012", "012", "012", "012")
		if r.d.Layer() != 2 {
			t.Fatal(r.d.Layer())
		}
	}
}

// With LxTy_KEY a lower layer cannot be decoded from what was forwarded.
func TestSpatialLayersOfKeyModes(t *testing.T) {
	r := newRig(t, &svc{layers: 3, onKey: true, seq: 0xfffa})
	r.d.SetLayer(2)
	r.expect(r.play(3, true), "012", "02", "2") // the first picture tells the mode
	r.c.tick(time.Second)
	asked := r.fb.plis[1]
	if r.d.Within(1) {
		t.Fatal("a lower layer is part of the highest")
	}
	r.d.SetLayer(1)
	if r.fb.plis[1] != asked+1 {
		t.Fatal("no key frame was asked for")
	}
	r.expect(r.play(2, false), "2", "2")
	r.expect(r.play(3, true), "01", "1", "1")
	if rate := r.up.Layers()[1]; rate.Bitrate == 0 || rate.Bitrate > r.up.Layers()[2].Bitrate {
		t.Fatalf("%+v", r.up.Layers())
	}
}

// A publisher that stops its top layer takes nobody's picture away.
func TestTopLayerStops(t *testing.T) {
	r := newRig(t, &svc{layers: 3})
	r.d.SetLayer(2)
	r.expect(r.play(2, true), "012", "012")
	r.src.layers = 2
	got := r.play(60, false)
	if got[0] != "01" || got[59] != "01" || len(got) != 60 {
		t.Fatalf("%q", got)
	}
	if l := r.up.Layers(); l[2].Active || !l[1].Active {
		t.Fatalf("%+v", l)
	}
	if r.d.Layer() != 1 {
		t.Fatalf("layer %d", r.d.Layer())
	}
}

// What was lost on the way in and belongs to a layer left out must not look lost
// to the subscriber.
func TestHolesOfLayersLeftOutAreFilled(t *testing.T) {
	r := newRig(t, &svc{layers: 2, seq: 0xfff8})
	r.d.SetLayer(0)
	r.expect(r.play(1, true), "0")
	a := r.src.next(false)
	lane := r.up.Lane("")
	for i, raw := range a {
		if i != 2 { // a packet of the upper layer
			lane.Receive(raw, r.c.t)
		}
	}
	for _, raw := range r.src.next(false) {
		lane.Receive(raw, r.c.t)
	}
	headers, _ := r.w.take()
	if len(headers) != 4 || headers[2].SequenceNumber != headers[1].SequenceNumber+2 {
		t.Fatalf("%+v", headers)
	}
	lane.Receive(a[2], r.c.t) // sent again by the publisher
	lane.Receive(a[2], r.c.t)
	fill, _ := r.w.take()
	if len(fill) != 1 || !fill[0].Padding || fill[0].SequenceNumber != headers[1].SequenceNumber+1 || fill[0].Timestamp != headers[1].Timestamp {
		t.Fatalf("%+v", fill)
	}
	r.d.Nack(fill[0].SequenceNumber)
	if again, _ := r.w.take(); len(again) != 0 {
		t.Fatal("what the padding stands for was sent")
	}
	r.last = &headers[3]
	r.expect(r.play(1, false), "0")
}

// Picture ids are patched into a buffer that others read after.
func TestPayloadsAreRestored(t *testing.T) {
	r := newRig(t, &svc{layers: 1, picture: 700})
	r.d.SetLayer(0)
	r.expect(r.play(1, true), "0")
	r.up.Lane("").restart()
	r.src.picture = 5000 // the slot goes on from 702
	r.d.Bind(nil, track.Size{})
	r.d.Bind(r.up, hd)
	r.d.SetLayer(0)
	var tap tracktest.FakeDownTrack
	r.up.Attach(&tap)
	r.expect(r.play(1, true), "0")
	for _, p := range tap.Packets() {
		if v, _ := codec.ParseVP9(p.Payload); v.Descriptor.PictureID != 5001 {
			t.Fatalf("picture id %d", v.Descriptor.PictureID)
		}
	}
	if len(tap.Packets()) != 2 {
		t.Fatal("no packets")
	}
}
