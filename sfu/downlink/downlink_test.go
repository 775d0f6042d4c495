package downlink

import (
	"slices"
	"testing"
	"time"

	"github.com/meetcast/meetcast/sfu/allocate"
	"github.com/meetcast/meetcast/sfu/packet"
	"github.com/meetcast/meetcast/sfu/track"
)

// A step up that had to be taken back is not tried again at once, and each time
// later; one that lasts is forgotten.
func TestClimbWithPatience(t *testing.T) {
	var c climb
	now := time.Unix(1000, 0)
	for _, pause := range []time.Duration{climbPause, 2 * climbPause, 4 * climbPause} {
		if c.held(now) {
			t.Fatal("nothing better is tried")
		}
		c.note(now, true, false)
		now = now.Add(time.Second)
		c.note(now, false, true)
		now = now.Add(pause - time.Millisecond)
		if !c.held(now) {
			t.Fatalf("tried again within %v", pause)
		}
		now = now.Add(time.Millisecond)
	}
	c.note(now, true, false)
	now = now.Add(climbProof + time.Second)
	c.held(now)
	c.note(now, false, true)
	if c.held(now) || c.pause != 0 {
		t.Fatal("a step that lasted counts as failed")
	}
}

func layers() []track.Layer {
	return []track.Layer{
		{Index: 0, Bitrate: 150_000, Temporal: []int{80_000, 150_000}, Active: true},
		{Index: 1, Bitrate: 500_000, Temporal: []int{260_000, 500_000}, Active: true},
		{Index: 2, Bitrate: 1_700_000, Active: true},
	}
}

func TestLadder(t *testing.T) {
	var l ladder
	l.build(layers())
	if want := []int{80_000, 150_000, 500_000, 1_700_000}; !slices.Equal(l.rates, want) {
		t.Fatalf("%v", l.rates)
	}
	off := layers()
	off[0].Active = false
	off[2].Bitrate = 0
	l.build(off)
	if want := []int{260_000, 500_000, guessedRates[2]}; !slices.Equal(l.rates, want) || l.layer(2) != 2 {
		t.Fatalf("the lowest is off: %v", l.rates)
	}
	off[1].Active, off[2].Active = false, false
	l.build(off)
	if len(l.rates) != 4 {
		t.Fatalf("all are off: %v", l.rates)
	}
	if l.build(nil); l.highest(step{0, packet.AllTemporal}) != allocate.Paused {
		t.Fatal("a step of nothing")
	}
}

func TestLadderHolds(t *testing.T) {
	var l ladder
	l.build(layers())
	for current, want := range map[int]int{allocate.Paused: 3, 0: 1, 1: 1, 2: 2, 3: 3} {
		s := allocate.Stream{Wanted: 3, Current: current}
		if l.hold(&s); s.Wanted != want {
			t.Errorf("at step %d up to %d is wanted, not %d", current, s.Wanted, want)
		}
	}
	if got := l.highest(step{1, 0}); got != 1 {
		t.Errorf("half of a layer that has no half is step %d", got)
	}
}
