package downlink

import (
	"testing"
	"time"

	"github.com/meetcast/meetcast/sfu/allocate"
)

// A step up that had to be taken back is not tried again at once, and each time
// later; one that lasts is forgotten.
func TestClimbWithPatience(t *testing.T) {
	var c climb
	now := time.Unix(1000, 0)
	wanted := func() int {
		s := []allocate.Stream{{Wanted: 2, Current: 0}}
		c.hold(now, s)
		return s[0].Wanted
	}
	for _, pause := range []time.Duration{climbPause, 2 * climbPause, 4 * climbPause} {
		if wanted() != 2 {
			t.Fatal("nothing better is tried")
		}
		c.note(now, 0, 1)
		now = now.Add(time.Second)
		c.note(now, 1, 0)
		now = now.Add(pause - time.Millisecond)
		if wanted() != 0 {
			t.Fatalf("tried again within %v", pause)
		}
		now = now.Add(time.Millisecond)
	}
	c.note(now, 0, 1)
	now = now.Add(climbProof + time.Second)
	wanted()
	c.note(now, 1, 0)
	if wanted() != 2 || c.pause != 0 {
		t.Fatal("a step that lasted counts as failed")
	}
}

// What is paused may come back while nothing better is tried.
func TestClimbLetsResume(t *testing.T) {
	now := time.Unix(1000, 0)
	c := climb{until: now.Add(time.Second)}
	s := []allocate.Stream{{Wanted: 2, Current: allocate.Paused}}
	if c.hold(now, s); s[0].Wanted != 2 {
		t.Fatal("a paused picture is held back")
	}
}
