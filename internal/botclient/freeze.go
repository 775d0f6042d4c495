package botclient

import "time"

// frameClock finds freezes as webrtc-stats defines freezeCount: an interval
// between two frames longer than three times the mean and than the mean plus
// 150 ms. It begins anew when the slot carries something else.
type frameClock struct {
	last time.Time
	mean time.Duration // over about the last 30 intervals
	n    int
}

// frame books a complete frame and returns the length of the freeze it ends.
func (c *frameClock) frame(now time.Time) time.Duration {
	defer func() { c.last = now }()
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
