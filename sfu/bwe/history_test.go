package bwe

import (
	"testing"
	"time"
	"unsafe"
)

func TestHistory(t *testing.T) {
	var h history
	h.next = 65_000
	now := 50 * time.Hour // beyond what ticks count
	for i := range 2000 {
		now += time.Millisecond
		if seq := h.add(now, 1000+i%100, i%2 == 0); seq != uint16(65_000+i) {
			t.Fatalf("packet %d has number %d", i, seq)
		}
	}
	if len(h.packets) != 2048 {
		t.Fatalf("%d packets are remembered", len(h.packets))
	}
	for i := range 2000 {
		s, ok := h.take(now, uint16(65_000+i))
		sentAt := now - time.Duration(1999-i)*time.Millisecond
		if d := s.at - sentAt; !ok || d > 70*time.Microsecond || d < -70*time.Microsecond || s.size != 1000+i%100 || s.probe != (i%2 == 0) {
			t.Fatalf("packet %d: %+v, %v; sent at %v", i, s, ok, sentAt)
		}
	}
	if _, ok := h.take(now, uint16(65_500)); ok {
		t.Fatal("a packet was taken twice")
	}
}

// Without feedback it does not grow for ever.
func TestHistoryIsBounded(t *testing.T) {
	var h history
	for i := range 100_000 {
		h.add(time.Duration(i)*100*time.Microsecond, 1000, false)
	}
	if len(h.packets) != historyMost {
		t.Fatalf("%d packets are remembered", len(h.packets))
	}
	var slow history
	for i := range 10_000 {
		slow.add(time.Duration(i)*20*time.Millisecond, 1000, false)
	}
	if len(slow.packets) != historyLeast {
		t.Fatalf("%d packets are remembered of a slow stream", len(slow.packets))
	}
}

func TestSilence(t *testing.T) {
	s := newSim(t, 10_000_000, 150_000, 500_000)
	s.run(3 * time.Second)
	if s.e.Silent(s.now) {
		t.Fatal("a path that answers is silent")
	}
	now := s.now
	s.e.Stamp(now, 1000)
	if s.e.Silent(now.Add(100 * time.Millisecond)) {
		t.Fatal("silent at once")
	}
	if !s.e.Silent(now.Add(2 * time.Second)) {
		t.Fatal("not silent after 2 s")
	}
	before := s.e.Target()
	s.link.loss = 1
	for range 200 {
		s.now = s.now.Add(10 * time.Millisecond)
		s.send(1000)
		s.feedback()
	}
	s.link.loss = 0
	s.run(time.Second)
	if got := s.e.Target(); got < before*9/10 {
		t.Fatalf("the break of the path counts as %d instead of %d bit/s", got, before)
	}
}

func TestEstimatorIsSmall(t *testing.T) {
	e := New(Config{}, time.Unix(1, 0))
	e.Stamp(time.Unix(1, 0), 1000)
	if size := sizeOf(e); size > 10<<10 {
		t.Fatalf("an estimator of %d bytes", size)
	}
}

// sizeOf is the memory of an estimator.
func sizeOf(e *Estimator) int { return int(unsafe.Sizeof(*e)) + len(e.history.packets)*8 }
