package live

import "time"

// clock ties media time to the wall.
type clock struct {
	epoch time.Time // wall time of media time 0, when the source told it

	// Without that, the sample that came with the least delay is taken as
	// having had none. Two windows, so that the estimate follows a clock that
	// drifts.
	best, next time.Time // earliest wall time of media time 0 seen
	turned     time.Time
}

// clockWindow is how long an estimate holds at least.
const clockWindow = 30 * time.Second

func (c *clock) sample(pts time.Duration, now time.Time) {
	zero := now.Add(-pts)
	if c.best.IsZero() || zero.Before(c.best) {
		c.best = zero
	}
	if c.next.IsZero() || zero.Before(c.next) {
		c.next = zero
	}
	if c.turned.IsZero() {
		c.turned = now
	}
	if now.Sub(c.turned) >= clockWindow {
		c.best, c.next, c.turned = c.next, time.Time{}, now
	}
}

// wall returns when media time m was captured.
func (c *clock) wall(m time.Duration) (time.Time, bool) {
	switch {
	case !c.epoch.IsZero():
		return c.epoch.Add(m), true
	case !c.best.IsZero():
		return c.best.Add(m), true
	}
	return time.Time{}, false
}
