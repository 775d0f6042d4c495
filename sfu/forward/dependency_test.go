package forward

import (
	"testing"
	"time"

	"github.com/pion/rtp"

	"github.com/meetcast/meetcast/sfu/codec"
	"github.com/meetcast/meetcast/sfu/packet"
	"github.com/meetcast/meetcast/sfu/track"
)

// l3t1 is the dependency descriptor of the first frame of a stream with three
// spatial layers (template ids 0 to 5), frame number 0.
var l3t1 = []byte{0xc0, 0x00, 0x00, 0x80, 0x02, 0x22, 0x3a, 0xbe, 0xa3, 0x88, 0x20, 0x49, 0x04, 0xa0, 0x82, 0x50, 0x6b, 0x00, 0x03, 0x21,
	0x11, 0x11, 0x11, 0x21, 0x12, 0x11, 0x80, 0x9f, 0x80, 0x59, 0x81, 0x3f, 0x80, 0xb3, 0x82, 0x7f, 0x81, 0x67, 0x80}

const (
	ddIn  = 9
	ddOut = 12
)

// av1Source makes pictures of AV1 with three spatial layers, a packet each.
type av1Source struct {
	ssrc   uint32
	seq    uint16
	ts     uint32
	number uint16
}

func (s *av1Source) next(key bool) (out [][]byte) {
	s.ts += 3000
	for sid := range 3 {
		dd := []byte{0xc0 | byte(2*sid+1), 0, 0}
		payload := []byte{0x10, 0x30, 1, 2, 3}
		if key {
			dd[0]--
		}
		if key && sid == 0 {
			dd, payload = append([]byte(nil), l3t1...), []byte{0x18, 0x30, 1, 2, 3}
		}
		dd[1], dd[2] = byte(s.number>>8), byte(s.number)
		s.number++
		s.seq++
		h := rtp.Header{Version: 2, PayloadType: 45, SSRC: s.ssrc, SequenceNumber: s.seq, Timestamp: s.ts, Marker: sid == 2}
		if len(dd) > oneBytePayload {
			_ = h.SetExtensionWithProfile(ddIn, dd, rtp.ExtensionProfileTwoByte)
		} else {
			_ = h.SetExtension(ddIn, dd)
		}
		raw, _ := (&rtp.Packet{Header: h, Payload: payload}).Marshal()
		out = append(out, raw)
	}
	return out
}

func av1Track(c *clock) *Track {
	return NewTrack(TrackConfig{Info: track.Info{ID: "a", Kind: track.Video, Source: track.Camera, Codec: packet.AV1, ClockRate: 90000},
		Feedback: &asked{}, Now: c.now, Extensions: packet.Extensions{DependencyDescriptor: ddIn}})
}

// wireBytes keeps packets as they are on the wire: their extensions share memory.
type wireBytes struct{ packets [][]byte }

func (w *wireBytes) WriteRTP(h *rtp.Header, payload []byte) (int, error) {
	b, err := (&rtp.Packet{Header: *h, Payload: payload}).Marshal()
	w.packets = append(w.packets, b)
	return len(b), err
}

// receiver reads a stream of AV1 as a browser does.
type receiver struct {
	t       *testing.T
	depends codec.Dependencies
	started bool
	number  uint16
	seq     uint16
}

// take returns the spatial layers of the packets, and which are said to be there.
func (r *receiver) take(w *wireBytes) (layers string, active uint32) {
	r.t.Helper()
	for _, b := range w.packets {
		var p packet.Packet
		if err := p.Parse(b, time.Time{}, packet.Extensions{DependencyDescriptor: ddOut}); err != nil {
			r.t.Fatal(err)
		}
		if err := r.depends.Read(&p); err != nil {
			r.t.Fatalf("%x: %v", p.Dependency.Raw, err)
		}
		if r.started && (int16(p.Dependency.FrameNumber-r.number) <= 0 || p.Header.SequenceNumber != r.seq+1) {
			r.t.Fatalf("frame %d after %d, packet %d after %d", p.Dependency.FrameNumber, r.number, p.Header.SequenceNumber, r.seq)
		}
		r.started, r.number, r.seq = true, p.Dependency.FrameNumber, p.Header.SequenceNumber
		layers += string('0' + rune(p.Spatial))
		if p.Header.Marker {
			layers += " "
		}
		active = p.Dependency.Active
	}
	w.packets = nil
	return layers, active
}

func TestDependencyDescriptorsAreWrittenAgain(t *testing.T) {
	c, w := &clock{time.Unix(1000, 0)}, &wireBytes{}
	d := NewDown(DownConfig{Kind: track.Video, Now: c.now, Stamper: &counter{}})
	o := everything
	o.Writer, o.Types[packet.AV1], o.RTXTypes[packet.AV1], o.DependencyDescriptor, o.TransportCC = w, 45, 46, ddOut, 5
	d.Open(o)
	r := &receiver{t: t}
	ups := []*Track{av1Track(c), av1Track(c)}
	sources := []*av1Source{{ssrc: 1, number: 65530}, {ssrc: 2, number: 30000, seq: 0xfffe}}
	play := func(i, n int, key bool, want string, active uint32) {
		t.Helper()
		for k := range n {
			c.tick(33 * time.Millisecond)
			for _, raw := range sources[i].next(key && k == 0) {
				if !ups[i].Lane("").Receive(raw, c.t) {
					t.Fatalf("%+v", ups[i].Stats())
				}
			}
		}
		if got, a := r.take(w); got != want || a != active {
			t.Fatalf("layers %q of %b, want %q of %b", got, a, want, active)
		}
	}
	for round := range 3 {
		i := round % 2
		d.Bind(ups[i], hd)
		d.SetLayer(2)
		play(i, 2, true, "012 012 ", 0b111)
		d.SetLayer(1)
		play(i, 2, false, "01 01 ", 0b110) // the targets are HD, VGA, QVGA
		d.SetLayer(0)
		play(i, 2, false, "0 0 ", 0b100)
		d.SetLayer(2)
		play(i, 1, false, "0 ", 0b100)
		play(i, 2, true, "012 012 ", 0b111)
		sizes := ups[i].Layers()
		if len(sizes) != 3 || sizes[1].Size != (track.Size{Width: 640, Height: 360}) {
			t.Fatalf("%+v", sizes)
		}
		c.tick(2 * time.Second)
	}
	// A retransmission has its descriptor too.
	play(0, 1, false, "012 ", 0b111)
	d.Nack(r.seq)
	var p packet.Packet
	if err := p.Parse(w.packets[0], time.Time{}, packet.Extensions{DependencyDescriptor: ddOut}); err != nil {
		t.Fatal(err)
	}
	if raw := p.Dependency.Raw; len(raw) != 3 || uint16(raw[1])<<8|uint16(raw[2]) != r.number || p.Header.SSRC != o.RTX {
		t.Fatalf("%+v", p)
	}
}

func TestSubscriberWithoutDescriptorsGetsTheLowestLayer(t *testing.T) {
	c, w := &clock{time.Unix(1000, 0)}, &wireBytes{}
	up := av1Track(c)
	d := NewDown(DownConfig{Kind: track.Video, Now: c.now, Stamper: &counter{}})
	o := everything
	o.Writer, o.Types[packet.AV1], o.DependencyDescriptor = w, 45, 0
	d.Open(o)
	d.Bind(up, hd)
	d.SetLayer(2)
	source := &av1Source{ssrc: 1}
	for k := range 4 {
		c.tick(33 * time.Millisecond)
		for _, raw := range source.next(k == 0) {
			up.Lane("").Receive(raw, c.t)
		}
	}
	if len(w.packets) != 4 {
		t.Fatalf("%d packets of 4 pictures, want those of the lowest layer", len(w.packets))
	}
	for i, b := range w.packets {
		var p rtp.Packet
		if err := p.Unmarshal(b); err != nil || !p.Marker || p.Extension {
			t.Fatalf("packet %d: %v %v", i, p.Header, err)
		}
	}
	if d.mu.Lock(); d.waitsLocked() {
		t.Error("waits for layers that it cannot take")
	}
	d.mu.Unlock()
}

func TestForwardingDescriptorsDoesNotAllocate(t *testing.T) {
	c := &clock{time.Unix(1000, 0)}
	up, s := av1Track(c), &av1Source{ssrc: 1}
	for layer := range 3 {
		d := NewDown(DownConfig{Kind: track.Video, Now: c.now, Stamper: &counter{}})
		o := everything
		o.Writer, o.Types[packet.AV1], o.DependencyDescriptor, o.TransportCC = &sink{}, 45, ddOut, 5
		d.Open(o)
		d.Bind(up, hd)
		d.SetLayer(layer)
		d.SetTemporal(0)
	}
	for i := range 400 {
		for _, raw := range s.next(i == 0) {
			up.Lane("").Receive(raw, c.t)
		}
	}
	pictures := make([][][]byte, 200)
	for i := range pictures {
		pictures[i] = s.next(false)
	}
	i := 0
	if n := testing.AllocsPerRun(100, func() {
		for _, raw := range pictures[i] {
			up.Lane("").Receive(raw, c.t)
		}
		i++
	}); n > 0.5 {
		t.Fatalf("%v allocations for a picture", n)
	}
}
