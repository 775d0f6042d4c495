package downlink

import "time"

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

// held tells whether nothing better is to be tried now.
func (c *climb) held(now time.Time) bool {
	if !c.at.IsZero() && now.Sub(c.at) > climbProof {
		c.at, c.pause = time.Time{}, 0
	}
	return now.Before(c.until)
}

// note takes a choice: whether some slots go to a better layer than they have, and
// some to a worse one. Who gives to whom says nothing of the path.
func (c *climb) note(now time.Time, up, down bool) {
	switch {
	case up && !down:
		if c.at.IsZero() {
			c.at = now
		}
	case down && !up && !c.at.IsZero():
		c.pause = min(max(2*c.pause, climbPause), climbPauseMost)
		c.at, c.until = time.Time{}, now.Add(c.pause)
	}
}
