package botclient

import (
	"slices"
	"testing"
	"time"

	"github.com/pion/rtp"

	"github.com/meetcast/meetcast/internal/clip"
	"github.com/meetcast/meetcast/sfu/packet"
	"github.com/meetcast/meetcast/sfu/track"
)

// The same story from many starting numbers, so that the wrap is always hit.
func TestSequence(t *testing.T) {
	for _, first := range []uint16{0, 1, 100, 32766, 32767, 32768, 65530, 65533, 65534, 65535} {
		var s sequence
		now := time.Unix(0, 0)
		s.packet(now, first)
		if _, _, got := s.packet(now, first+3); !slices.Equal(got, []uint16{first + 1, first + 2}) {
			t.Fatalf("first %d: missing %v", first, got)
		}
		s.packet(now, first+1)
		s.packet(now, first+1)
		if s.Late != 1 || s.Duplicate != 1 || len(s.missing) != 1 {
			t.Errorf("first %d: late %d, duplicate %d, missing %v", first, s.Late, s.Duplicate, s.missing)
		}
		lost := int64(0)
		for range nackTries + 1 {
			now = now.Add(nackEvery)
			again, gone := s.retry(now)
			lost = max(lost, gone)
			if gone == 0 && !slices.Equal(again, []uint16{first + 2}) && len(again) > 0 {
				t.Errorf("first %d: again %v", first, again)
			}
		}
		if lost != 1<<16+int64(first)+2 || s.Lost != 1 || len(s.missing) != 0 {
			t.Errorf("first %d: lost %d, %d", first, lost, s.Lost)
		}
		if r := s.report(7); r.TotalLost != 1 || r.FractionLost != 256/4 || uint16(r.LastSequenceNumber) != first+3 {
			t.Errorf("first %d: report %+v", first, r)
		}
		s.reported()
		if r := s.report(7); r.FractionLost != 0 {
			t.Errorf("first %d: second report %+v", first, r)
		}
	}
}

func TestSequenceJump(t *testing.T) {
	var s sequence
	s.packet(time.Time{}, 10)
	if _, _, got := s.packet(time.Time{}, 10+maxMissing+1); got != nil || s.Resets != 1 || len(s.missing) != 0 {
		t.Errorf("missing %d, resets %d", len(got), s.Resets)
	}
	for n := uint16(2000); n < 30000; n += 400 {
		s.packet(time.Time{}, n)
	}
	if len(s.missing) > maxMissing {
		t.Errorf("%d missing kept", len(s.missing))
	}
}

func TestFrameClock(t *testing.T) {
	var c frameClock
	now := time.Unix(0, 0)
	for range 40 {
		now = now.Add(66 * time.Millisecond)
		if f := c.frame(now); f != 0 {
			t.Fatalf("freeze of %v in a steady stream", f)
		}
	}
	if f := c.frame(now.Add(200 * time.Millisecond)); f != 0 {
		t.Errorf("200 ms counted as a freeze")
	}
	if f := c.frame(now.Add(700 * time.Millisecond)); f != 500*time.Millisecond {
		t.Errorf("freeze = %v", f)
	}
}

func TestLateSlot(t *testing.T) {
	r := newReceiver("1", track.Audio)
	r.setStream(7)
	now := time.Unix(100, 0)
	h := rtp.Header{SequenceNumber: 1}
	r.tick(now.Add(time.Hour)) // unbound: nothing to be late
	r.bind(now, "ann", track.Microphone)
	r.packet(now.Add(100*time.Millisecond), &h, []byte{1}, 20, packet.Opus)
	for i := range 30 {
		r.tick(now.Add(time.Duration(i) * 100 * time.Millisecond))
	}
	r.packet(now.Add(3*time.Second), &h, []byte{1}, 20, packet.Opus)
	s := r.snapshot()
	if s.Late != 1 || s.LongestGap != 2900*time.Millisecond || s.BindTime[0] != 100*time.Millisecond {
		t.Errorf("late %d, gap %v, bind %v", s.Late, s.LongestGap, s.BindTime)
	}
	r.bind(now.Add(3*time.Second), "", "")
	r.tick(now.Add(time.Hour))
	if s := r.snapshot(); s.Late != 1 {
		t.Errorf("an empty slot is late: %d", s.Late)
	}
}

func TestStartsKeyFrame(t *testing.T) {
	vp8 := clip.Placeholder(packet.VP8, 64, 64, 2, 64_000)
	payloader := &packetizer{codec: packet.VP8}
	for i, f := range vp8.Frames {
		for k, p := range payloader.payloads(f.Data) {
			if got := startsKeyFrame(packet.VP8, p); got != (f.Key && k == 0) {
				t.Errorf("VP8 frame %d packet %d: key %v", i, k, got)
			}
		}
	}
	for name, c := range map[string]struct {
		b    []byte
		want bool
	}{
		"sps":           {[]byte{0x67, 1}, true},
		"slice":         {[]byte{0x41, 1}, false},
		"stap with idr": {[]byte{24, 0, 1, 0x68, 0, 1, 0x65}, true},
		"stap cut":      {[]byte{24, 0, 9, 0x68}, false},
		"fu start":      {[]byte{0x7c, 0x85}, true},
		"VP9 key":       {[]byte{0x88, 5, 1}, true},
		"VP9 layer 0":   {[]byte{0xa8, 0x85, 5, 0x00, 1}, true},
		"VP9 layer 1":   {[]byte{0xa8, 0x85, 5, 0x02, 1}, false},
		"VP9 middle":    {[]byte{0x80, 5, 1}, false},
		"VP9 delta":     {[]byte{0xc8, 5, 1}, false},
		"VP9 cut":       {[]byte{0xa8, 0x85}, false},
		"AV1 sequence":  {[]byte{0x18, 1}, true},
		"AV1 other":     {[]byte{0x10, 1}, false},
		"fu middle":     {[]byte{0x7c, 0x05}, false},
	} {
		codec := packet.H264
		switch name[:3] {
		case "VP9":
			codec = packet.VP9
		case "AV1":
			codec = packet.AV1
		}
		if got := startsKeyFrame(codec, c.b); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// FuzzPacket feeds a slot's books with anything a socket may bring.
func FuzzPacket(f *testing.F) {
	p := rtp.Packet{Header: rtp.Header{Version: 2, Padding: true, Marker: true}, Payload: []byte{0x90, 0x80, 0x81, 1, 0}, PaddingSize: 2}
	p.SetExtension(5, []byte{0x12, 0x34})
	b, _ := p.Marshal()
	f.Add(b)
	f.Add([]byte{0x90, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0xbe, 0xde, 0, 1, 0x5f, 1, 2, 3})
	f.Fuzz(func(t *testing.T, b []byte) {
		var h rtp.Header
		at, err := h.Unmarshal(b)
		if err != nil {
			return
		}
		payload := stripPadding(&h, b[at:])
		for _, codec := range []packet.Codec{packet.VP8, packet.H264, packet.VP9, packet.AV1} {
			newReceiver("0", track.Video).packet(time.Time{}, &h, payload, len(b), codec)
		}
	})
}
