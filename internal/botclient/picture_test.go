package botclient

import (
	"bytes"
	"slices"
	"testing"
	"time"

	"github.com/pion/rtp"

	"github.com/meetcast/meetcast/internal/botclient/light"
	"github.com/meetcast/meetcast/internal/clip"
	"github.com/meetcast/meetcast/sfu/packet"
	"github.com/meetcast/meetcast/sfu/track"
)

func TestMark(t *testing.T) {
	want := mark{sent: time.Unix(1795365602, 123456789), sender: senderHash("ann")}
	frame := bytes.Repeat([]byte{1, 2, 3}, 1000)
	for _, codec := range []packet.Codec{packet.VP8, packet.H264} {
		p := packetizer{codec: codec}
		data := frame
		if codec == packet.H264 {
			data = append([]byte{0, 0, 0, 1, 0x65}, frame...)
		}
		pieces := p.payloads(appendMark(nil, data, codec, want))
		got, ok := findMark(pieces[len(pieces)-1])
		if !ok || !got.sent.Equal(want.sent) || got.sender != want.sender {
			t.Errorf("%v: %+v, %v", codec, got, ok)
		}
		if _, ok := findMark(pieces[0]); ok {
			t.Errorf("%v: a mark in the first packet", codec)
		}
	}
	marked := appendMark(nil, nil, packet.H264, mark{sent: time.Unix(0, 0)})
	if i := bytes.Index(marked[4:], []byte{0, 0}); i >= 0 {
		t.Error("the mark holds a start code")
	}
	for _, b := range [][]byte{nil, {1}, []byte(markID), append([]byte(markID), make([]byte, 14)...)} {
		if _, ok := findMark(b); ok {
			t.Errorf("a mark in %q", b)
		}
	}
}

func TestVP8Payloads(t *testing.T) {
	for _, n := range []int{0, 1, 1145, 1146, 1147, 8278, 100_000} {
		data := make([]byte, n)
		for i := range data {
			data[i] = byte(i)
		}
		var whole []byte
		previous := 0
		for i, p := range vp8Payloads(data, 77) {
			if len(p) > maxPayload || (p[0]&0x10 != 0) != (i == 0) || p[2]&0x7f != 0 || p[3] != 77 {
				t.Fatalf("%d bytes: piece %d: %d bytes, descriptor %x", n, i, len(p), p[:4])
			}
			if i > 0 && len(p) != previous && len(p) != previous+1 {
				t.Errorf("%d bytes: a piece of %d follows one of %d", n, len(p), previous)
			}
			previous = len(p)
			whole = append(whole, p[vp8Descriptor:]...)
		}
		if !bytes.Equal(whole, data) {
			t.Errorf("%d bytes: %d came back", n, len(whole))
		}
	}
}

func TestHistogram(t *testing.T) {
	var h Histogram
	for i := 1; i <= 1000; i++ {
		h.Add(time.Duration(i) * time.Millisecond)
	}
	earlier := h
	for _, q := range []float64{0.01, 0.1, 0.5, 0.95, 0.99} {
		want := time.Duration(q*1000) * time.Millisecond
		if got := h.Quantile(q); got < want*85/100 || got > want*115/100 {
			t.Errorf("quantile %v = %v, want about %v", q, got, want)
		}
	}
	h.Add(-time.Second)
	h.Add(time.Hour)
	if got := h.Quantile(1); got != time.Hour || h.Count != 1002 {
		t.Errorf("max %v of %d", got, h.Count)
	}
	if d := h.Since(&earlier); d.Count != 2 || d.Quantile(0) > time.Millisecond {
		t.Errorf("since: %d, %v", d.Count, d.Quantile(0))
	}
	if (&Histogram{}).Quantile(0.5) != 0 {
		t.Error("quantile of nothing")
	}
}

// feed plays packets into a slot: numbers of three-packet frames, every tenth of
// them a key frame. It returns how many pictures were shown.
func feed(r *receiver, now time.Time, numbers ...int) uint64 {
	for _, n := range numbers {
		frame, part := n/3, n%3
		payload := []byte{0x80, 0x80, 0x80, byte(frame), 1, 0, 0}
		if part == 0 {
			payload[0] |= 0x10
			if frame%10 == 0 {
				payload[4] = 0 // RFC 7741 §4.3: P = 0
			}
		}
		r.packet(now, &rtp.Header{SequenceNumber: uint16(n), Marker: part == 2, PayloadType: typeVP8}, payload, 100, packet.VP8)
	}
	return r.stats.Frames
}

func span(from, to int) (list []int) {
	for n := from; n < to; n++ {
		list = append(list, n)
	}
	return list
}

func TestPicturesAreWholeAndInOrder(t *testing.T) {
	for _, first := range []int{0, 30, 65520} { // 65520/3 is a key frame
		r := newReceiver("0", track.Video)
		now := time.Unix(10, 0)
		if n := feed(r, now, span(first, first+9)...); n != 3 {
			t.Fatalf("first %d: %d pictures, want 3", first, n)
		}
		// One packet is late: its picture and those behind it wait for it.
		if n := feed(r, now, slices.DeleteFunc(span(first+9, first+21), func(n int) bool { return n == first+10 })...); n != 3 {
			t.Errorf("first %d: %d pictures before the gap is filled", first, n)
		}
		if n := feed(r, now, first+10); n != 7 {
			t.Errorf("first %d: %d pictures after it is", first, n)
		}
		// One never comes: what follows is shown from the next key frame on.
		n := feed(r, now, span(first+22, first+30)...)
		for range nackTries + 1 {
			now = now.Add(nackEvery)
			r.tick(now)
		}
		if r.seq.Lost != 1 || r.stats.Frames != n || !r.frames.broken {
			t.Errorf("first %d: lost %d, %d pictures, broken %v", first, r.seq.Lost, r.stats.Frames-n, r.frames.broken)
		}
		if got := feed(r, now, span(first+30, first+36)...) - n; got != 2 {
			t.Errorf("first %d: %d pictures from the key frame on, want 2", first, got)
		}
	}
}

func TestKeyFramePassesAGap(t *testing.T) {
	r := newReceiver("0", track.Video)
	feed(r, time.Unix(1, 0), append(span(0, 3), span(4, 33)...)...) // 3 is missing, 30–32 is a key frame
	if r.stats.Frames != 2 || len(r.seq.missing) != 0 || r.seq.Skipped != 1 {
		t.Errorf("%d pictures, missing %v, skipped %d", r.stats.Frames, r.seq.missing, r.seq.Skipped)
	}
}

func TestSwitchTimeAndOwner(t *testing.T) {
	now := time.Unix(100, 0)
	show := func(r *receiver, n int, at time.Time, who string, key bool) {
		data := append([]byte{0x90, 0x80, 0x80, byte(n), 1}, 1, 2, 3)
		if key {
			data[4] = 0
		}
		data = appendMark(nil, data, packet.VP8, mark{sent: at.Add(-7 * time.Millisecond), sender: senderHash(who)})
		r.packet(at, &rtp.Header{SequenceNumber: uint16(n), Marker: true, PayloadType: typeVP8}, data, len(data), packet.VP8)
	}
	r := newReceiver("0", track.Video)
	r.bind(now, "ann", track.Camera)
	show(r, 1, now.Add(40*time.Millisecond), "ann", true)
	// Ben's first picture overtakes the message that tells of him.
	show(r, 2, now.Add(90*time.Millisecond), "ben", true)
	r.bind(now.Add(100*time.Millisecond), "ben", track.Camera)
	// The slot says Cleo, and after two seconds it is still Ben.
	r.bind(now.Add(200*time.Millisecond), "cleo", track.Camera)
	show(r, 3, now.Add(3*time.Second), "ben", false)
	show(r, 4, now.Add(4*time.Second), "ben", false)
	// Dan's pictures overtake the message by little: no fault.
	r.bind(now.Add(5*time.Second), "ben", track.Camera)
	show(r, 5, now.Add(7*time.Second), "dan", true)
	r.bind(now.Add(7*time.Second), "dan", track.Camera)
	show(r, 6, now.Add(7*time.Second), "dan", false)
	s := r.snapshot()
	if !slices.Equal(s.SwitchTime, []time.Duration{40 * time.Millisecond, 0, 0}) || s.Foreign != 2 {
		t.Errorf("switch times %v, foreign %d", s.SwitchTime, s.Foreign)
	}
	if got := s.Latency.Quantile(0.5); got < 6*time.Millisecond || got > 8*time.Millisecond {
		t.Errorf("latency %v", got)
	}
}

func TestREDConceals(t *testing.T) {
	var pack redHistory
	var packets [][]byte
	for i := range 3 {
		packets = append(packets, pack.pack(nil, uint32(960*i), []byte{byte(i), 9}))
	}
	if n, ok := redundant(packets[0]); n != 0 || !ok {
		t.Errorf("first packet: %d, %v", n, ok)
	}
	if n, ok := redundant(packets[2]); n != 1 || !ok {
		t.Errorf("third packet: %d, %v", n, ok)
	}
	r := newReceiver("0", track.Audio)
	for _, i := range []int{0, 2} {
		_, nack := r.packet(time.Unix(1, 0), &rtp.Header{SequenceNumber: uint16(i), PayloadType: typeRED}, packets[i], 20, packet.Opus)
		if len(nack) > 0 {
			t.Error("sound is asked for again")
		}
	}
	if s := r.snapshot(); s.Concealed != 1 || s.Missing != 0 {
		t.Errorf("concealed %d, missing %d", s.Concealed, s.Missing)
	}
}

func FuzzRedundant(f *testing.F) {
	var pack redHistory
	pack.pack(nil, 0, []byte{1, 2})
	f.Add(pack.pack(nil, 960, []byte{3}))
	f.Add([]byte{0x80 | typeOpus, 0xff, 0xff})
	f.Add([]byte{0xff, 0xff, 0xff, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, b []byte) { redundant(b) })
}

func TestDTXAndDynacast(t *testing.T) {
	s := newSender(Track{Source: track.Microphone, Layers: []*clip.Clip{clip.Placeholder(packet.Opus, 0, 0, 0, 0)}, Level: silent, DTX: true},
		"0", &transport{conn: newTestConn(t)})
	for range 2 * dtxEvery {
		s.nextFrame()
	}
	e := s.layers[0]
	if n := e.packets.Load() + e.skipped.Load(); n != 2 {
		t.Errorf("%d packets of silence in 800 ms, want 2", n)
	}
	s.level.Store(20)
	for range 10 {
		s.nextFrame()
	}
	if n := e.packets.Load() + e.skipped.Load(); n != 12 {
		t.Errorf("%d packets after ten frames of speech, want 12", n)
	}
	s.activate(nil)
	s.nextFrame()
	if n := e.packets.Load() + e.skipped.Load(); n != 12 || !e.paused.Load() {
		t.Errorf("a track nobody wants sends: %d packets", n)
	}
	s.activate([]string{""})
	s.nextFrame()
	if n := e.packets.Load() + e.skipped.Load(); n != 13 {
		t.Errorf("a track wanted again is silent: %d packets", n)
	}
}

// newTestConn is a connection to nowhere: what is sent on it counts as skipped.
func newTestConn(t *testing.T) *light.Conn {
	t.Helper()
	c := light.New(light.Config{})
	t.Cleanup(func() { c.Close() })
	return c
}
