package botclient

import "time"

// frameClock finds freezes as webrtc-stats defines freezeCount: an interval
// between two frames longer than three times the mean and than the mean plus
// 150 ms. It begins anew when the slot carries something else.
type frameClock struct {
	last    time.Time
	mean    time.Duration // over about the last 30 intervals
	n       int
	counted bool // the present interval is in the gaps already
}

// frame books a complete frame and returns the length of the freeze it ends.
func (c *frameClock) frame(now time.Time) time.Duration {
	defer func() { c.last, c.counted = now, false }()
	if c.last.IsZero() {
		return 0
	}
	interval := now.Sub(c.last)
	froze := c.n > 0 && interval > max(3*c.mean, c.mean+150*time.Millisecond)
	c.n = min(c.n+1, 30)
	c.mean += (interval - c.mean) / time.Duration(c.n)
	if froze {
		return interval
	}
	return 0
}

// restart begins anew.
func (c *frameClock) restart() { *c = frameClock{} }

// gap counts an interval between two pictures by its length; again means that
// the counts know of it, but not how long it became.
func (s *SlotStats) gap(d time.Duration, again bool) {
	s.LongestFreeze = max(s.LongestFreeze, d)
	if again {
		return
	}
	if d > 200*time.Millisecond {
		s.Over200++
	}
	if d > 500*time.Millisecond {
		s.Over500++
	}
	if d > time.Second {
		s.Over1000++
	}
}
