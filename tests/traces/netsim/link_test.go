package netsim

import (
	"testing"
	"time"
)

func TestCapacityFollowsTheScript(t *testing.T) {
	l := NewLink(Path{Capacity: []Step{{0, 8000}, {time.Second, 80_000}}, Queue: 1 << 20, Delay: 10 * time.Millisecond})
	for i, want := range []time.Duration{500 * time.Millisecond, time.Second, 1050 * time.Millisecond} {
		at, ok := l.Send(0, 500)
		if !ok || at != want+10*time.Millisecond {
			t.Fatalf("packet %d arrives at %v, %v; want %v and the delay", i, at, ok, want)
		}
	}
	if got := l.Queued(700 * time.Millisecond); got != 1000 {
		t.Fatalf("%d bytes wait", got)
	}
}

func TestQueueHasALimit(t *testing.T) {
	l := NewLink(Path{Capacity: []Step{{0, 8000}}, Queue: 1000})
	for i, want := range []bool{true, true, false} {
		if _, ok := l.Send(0, 500); ok != want {
			t.Fatalf("packet %d carried: %v", i, ok)
		}
	}
	if _, ok := l.Send(600*time.Millisecond, 500); !ok {
		t.Fatal("no room after a packet has left")
	}
	if s := l.Stats(); s.Overflowed != 1 || s.Bytes != 1500 {
		t.Fatalf("%+v", s)
	}
}

func TestLossIsSeeded(t *testing.T) {
	lost := func(seed uint64) (pattern [2000]bool, n int) {
		l := NewLink(Path{Loss: 0.1, Seed: seed, Jitter: time.Millisecond})
		for i := range pattern {
			if _, ok := l.Send(time.Duration(i), 1); !ok {
				pattern[i] = true
				n++
			}
		}
		return pattern, n
	}
	a, n := lost(1)
	if b, _ := lost(1); a != b {
		t.Fatal("the same seed loses other packets")
	}
	if c, _ := lost(2); a == c {
		t.Fatal("another seed loses the same packets")
	}
	if n < 150 || n > 250 {
		t.Fatalf("%d of 2000 lost", n)
	}
}

func TestOrderAndOutage(t *testing.T) {
	l := NewLink(Path{Delay: time.Millisecond, Jitter: 50 * time.Millisecond, Outages: []Span{{100, 200}}})
	last := time.Duration(0)
	for i := range 300 {
		at, ok := l.Send(time.Duration(i), 1)
		if ok != (i < 100 || i >= 200) {
			t.Fatalf("packet at %d carried: %v", i, ok)
		}
		if ok && at < last {
			t.Fatal("packets change places")
		}
		last = max(last, at)
	}
}
