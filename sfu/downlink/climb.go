package downlink

import (
	"time"

	"github.com/meetcast/meetcast/sfu/allocate"
)

const (
	// climbProof is how long a better layer must last to have been worth it.
	climbProof = 3 * time.Second
	// climbPause and climbPauseMost bound how long nothing better is tried after it
	// was not; the pause doubles each time.
	climbPause     = 1 * time.Second
	climbPauseMost = 16 * time.Second
)

// climb keeps a subscriber from trying again and again what its path does not
// carry: each try fills the queue for everybody behind it. It is a plain value.
type climb struct {
	at    time.Time     // of the last step up, zero once it has lasted
	until time.Time     // nothing better before
	pause time.Duration // the next one
}

// hold takes from what is wanted all that is better than now while it lasts. What
// is paused may resume all the same.
func (c *climb) hold(now time.Time, streams []allocate.Stream) {
	if !c.at.IsZero() && now.Sub(c.at) > climbProof {
		c.at, c.pause = time.Time{}, 0
	}
	if !now.Before(c.until) {
		return
	}
	for i := range streams {
		if s := &streams[i]; s.Current >= 0 {
			s.Wanted = min(s.Wanted, s.Current)
		}
	}
}

// note takes a choice.
func (c *climb) note(now time.Time, current, chosen int) {
	switch {
	case current >= 0 && chosen > current:
		if c.at.IsZero() {
			c.at = now
		}
	case chosen < current && !c.at.IsZero():
		c.pause = min(max(2*c.pause, climbPause), climbPauseMost)
		c.at, c.until = time.Time{}, now.Add(c.pause)
	}
}
