package packet

import (
	"bytes"
	"testing"
	"time"

	"github.com/pion/rtp"
)

func marshal(t testing.TB, h rtp.Header, payload []byte) []byte {
	t.Helper()
	b, err := (&rtp.Packet{Header: h, Payload: payload}).Marshal()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestParse(t *testing.T) {
	h := rtp.Header{Version: 2, Marker: true, PayloadType: 111, SequenceNumber: 7, Timestamp: 8, SSRC: 9}
	if err := h.SetExtension(3, []byte{0x80 | 42}); err != nil {
		t.Fatal(err)
	}
	plain := marshal(t, h, []byte{1, 2, 3})
	padded := append(bytes.Clone(plain), 0, 0, 3)
	padded[0] |= 0x20
	var p Packet
	for name, b := range map[string][]byte{"plain": plain, "padded": padded} {
		if err := p.Parse(b, time.Unix(1, 0), Extensions{AudioLevel: 3}); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if !bytes.Equal(p.Payload, []byte{1, 2, 3}) || !p.HasAudioLevel || p.AudioLevel != 42 || !p.Voice {
			t.Fatalf("%s: %+v", name, p)
		}
	}
	if err := p.Parse(plain, time.Unix(1, 0), Extensions{AudioLevel: 4}); err != nil || p.HasAudioLevel {
		t.Fatalf("read an extension that is not there: %v %+v", err, p)
	}
}

func TestParseRefuses(t *testing.T) {
	good := marshal(t, rtp.Header{Version: 2}, []byte{1, 2})
	zeroPadding := append(bytes.Clone(good), 0)
	zeroPadding[0] |= 0x20
	longPadding := append(bytes.Clone(good), 200)
	longPadding[0] |= 0x20
	version := bytes.Clone(good)
	version[0] = 0x40
	var p Packet
	for name, b := range map[string][]byte{"empty": nil, "short": good[:11], "no padding length": zeroPadding,
		"padding longer than the packet": longPadding, "version 1": version} {
		if err := p.Parse(b, time.Time{}, Extensions{}); err == nil {
			t.Errorf("%s was taken", name)
		}
	}
}

func TestParseDoesNotAllocate(t *testing.T) {
	h := rtp.Header{Version: 2, SSRC: 9}
	_ = h.SetExtension(1, []byte{9})
	_ = h.SetExtension(2, []byte{9, 9})
	b := marshal(t, h, make([]byte, 1000))
	var p Packet
	_ = p.Parse(b, time.Time{}, Extensions{AudioLevel: 1})
	if n := testing.AllocsPerRun(100, func() { _ = p.Parse(b, time.Time{}, Extensions{AudioLevel: 1}) }); n != 0 {
		t.Fatalf("%v allocations", n)
	}
}

func FuzzParse(f *testing.F) {
	h := rtp.Header{Version: 2, SSRC: 9}
	_ = h.SetExtension(1, []byte{9})
	f.Add(marshal(f, h, []byte{1, 2, 3}))
	f.Add([]byte{0xb0, 96, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0xbe, 0xde, 0, 1, 0x1f, 1, 2, 3, 1})
	f.Add([]byte{0x90, 96, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0x10, 0, 0, 1, 1, 2, 3, 4})
	f.Add([]byte{0x8f, 96, 0, 1, 0, 0, 0, 1})
	f.Fuzz(func(t *testing.T, b []byte) {
		var p Packet
		if p.Parse(b, time.Time{}, Extensions{AudioLevel: 1}) != nil {
			return
		}
		if len(p.Payload) > len(b) || p.AudioLevel > 127 {
			t.Fatalf("%+v", p)
		}
	})
}

func TestRing(t *testing.T) {
	r := NewRing(100)
	p := Packet{Payload: make([]byte, 10)}
	for i := range 1000 {
		p.Header.SequenceNumber = uint16(65000 + i)
		p.Payload[0] = byte(i)
		if !r.Put(&p) || r.Put(&p) {
			t.Fatal("a packet was not kept exactly once")
		}
	}
	p.Header.SequenceNumber -= 500
	if r.Put(&p) {
		t.Fatal("an old packet pushed a new one out")
	}
	var got Packet
	buf := make([]byte, 1500)
	last := uint16(65000 + 999 - 65536)
	if !r.Get(last, &got, buf) || got.Payload[0] != byte(999%256) || got.Header.SequenceNumber != last {
		t.Fatalf("newest packet: %+v", got)
	}
	if r.Get(last-128, &got, buf) {
		t.Fatal("a packet that was overwritten came back")
	}
	if r.Get(last+1, &got, buf) {
		t.Fatal("a packet that never was came back")
	}
	if r.Get(last, &got, buf[:5]) {
		t.Fatal("a packet was cut to the buffer")
	}
	p.Header.SequenceNumber = last
	if n := testing.AllocsPerRun(100, func() { p.Header.SequenceNumber++; r.Put(&p); r.Get(last, &got, buf) }); n > 0.5 {
		t.Fatalf("%v allocations", n)
	}
}
