package packet

import (
	"testing"
	"time"
)

// fill puts packets from..to-1, which come at the pace given, and returns the ring.
func fill(t *testing.T, r *Ring, from, to int, pace time.Duration) *Ring {
	t.Helper()
	p := Packet{Payload: make([]byte, 100)}
	for i := from; i < to; i++ {
		p.Header.SequenceNumber, p.Arrival = uint16(i), time.Unix(0, 0).Add(time.Duration(i)*pace)
		if !r.Put(&p) {
			t.Fatalf("packet %d was not kept", i)
		}
	}
	return r
}

// A ring has as many places as two seconds need, up to its size.
func TestRingGrowsWithRate(t *testing.T) {
	for _, c := range []struct {
		pace  time.Duration
		slots int
	}{
		{100 * time.Millisecond, 64},
		{20 * time.Millisecond, 128},
		{time.Millisecond, 512},
	} {
		r := fill(t, NewRing(512), 65000, 67000, c.pace)
		if len(r.slots) != c.slots {
			t.Errorf("a packet each %v: %d places, want %d", c.pace, len(r.slots), c.slots)
		}
		var p Packet
		buf := make([]byte, 200)
		for back := range min(c.slots, int(ringTime/c.pace)) {
			if n := uint16(66999 - back); !r.Get(n, &p, buf) || p.Header.SequenceNumber != n {
				t.Fatalf("a packet each %v: the one %d before the newest is missing", c.pace, back)
			}
		}
		if bytes, ok := r.Span(66999-65536-20, 66999-65536); !ok || bytes != 21*100 {
			t.Errorf("the newest 21 have %d bytes, %v", bytes, ok)
		}
	}
}

// What a ring overwrote before it grew does not pass for new because the place is
// free afterwards.
func TestRingKnowsOldOnesAfterGrowing(t *testing.T) {
	r := fill(t, NewRing(512), 0, 100, 100*time.Millisecond)
	p := Packet{Payload: make([]byte, 10)}
	for i := range 100 { // a burst
		p.Header.SequenceNumber, p.Arrival = uint16(100+i), time.Unix(10, 0)
		if !r.Put(&p) {
			t.Fatalf("packet %d was not kept", 100+i)
		}
	}
	if len(r.slots) == 64 {
		t.Fatal("the ring did not grow")
	}
	for seq := range uint16(200) {
		if p.Header.SequenceNumber = seq; r.Put(&p) {
			t.Fatalf("packet %d came back as new", seq)
		}
	}
	r.Clear()
	if p.Header.SequenceNumber = 3; !r.Put(&p) {
		t.Fatal("a source that began anew was refused")
	}
}

func TestRoom(t *testing.T) {
	for n, want := range map[int]int{0: 256, 1: 256, 256: 256, 257: 512, 600: 1280, 1200: 1280, 1400: 1400} {
		if got := room(n); got != want {
			t.Errorf("room for %d bytes: %d, want %d", n, got, want)
		}
	}
}
