package bwe

import (
	"math"
	"time"
)

const (
	// decrease is what is taken of the rate that arrives on a full path when its
	// queue could not be measured, backOff when it was.
	decrease = 0.85
	backOff  = 0.95
	// passes is the part of what is sent that must come out of a queue for it to be
	// somebody else's, when that is less than the idle part of the estimate.
	passes = 0.95
	idle   = 0.7
	// patience is how long others are given to empty it.
	patience = 500 * time.Millisecond
	// collapse is the part of the estimate below which what comes out of the queue
	// is believed again at once.
	collapse = 0.7
	// drainTime is within how long a queue shall be gone, drainMost the most of the
	// path's capacity that is left unused for it.
	drainTime = time.Second
	drainMost = 0.5
	// floodDelay is what packets wait in a long queue.
	floodDelay = 100 * time.Millisecond
	// growth is per second while the capacity is not known.
	growth = 0.08
	// freshFor is how long what a queue told is the capacity of the path.
	freshFor = 5 * time.Second
)

// full tells whether the delay says that the path is full now.
func (e *Estimator) full() bool {
	stands := e.queue.stands()
	return stands >= fullAfter && e.queue.delay >= fullDelay || stands >= earlyAfter && e.trend.state == overuse
}

// judgeDelay moves the delay-based estimate (draft-ietf-rmcat-gcc-02 §5.5).
func (e *Estimator) judgeDelay(at time.Duration) {
	rate, known := e.acked.rate()
	switch {
	case e.full():
		e.overused(at, float64(rate), known)
	case e.queue.standing: // it drains, or has just begun: hold
		e.lastIncrease = at
	default:
		if e.state == overuse {
			e.recover(at)
		}
		e.state = normal
		if known {
			e.increase(at, float64(rate))
		}
	}
	e.target = min(max(e.target, float64(e.cfg.Min)), float64(e.cfg.Max))
}

// overused lowers the estimate to what the queue lets through, less what it takes
// to empty it.
func (e *Estimator) overused(at time.Duration, rate float64, known bool) {
	e.lastIncrease = at
	if e.state == overuse && e.queue.drains() {
		return
	}
	out, in, measured := e.queue.share()
	// What was done shows after a round trip; that much less still comes through
	// than was thought shows at once.
	if early := at-e.lastDecrease < e.rtt+100*time.Millisecond; e.state == overuse && early && !(measured && out < collapse*e.target) {
		return
	}
	switch {
	case measured:
		e.share, e.shareAt = out, at
		e.capacity.sample(out)
		if out > passes*in && in < idle*e.target && e.queue.stands() < patience {
			// All of the little that was sent came through: it is others that fill the
			// queue, and they have to make room first. It says nothing of what would fit.
			return
		}
		drain := min(drainMost, max(0, e.queue.delay-2*fullDelay).Seconds()/drainTime.Seconds())
		e.target = min(e.target, out*(backOff-drain))
	case known:
		e.target = min(e.target, decrease*rate)
	default:
		e.target *= decrease
	}
	e.state, e.lastDecrease, e.tested = overuse, at, true
}

// recover returns to what the queue has shown to fit once it is gone.
func (e *Estimator) recover(at time.Duration) {
	if e.share > 0 && at-e.shareAt < freshFor {
		e.target = max(e.target, backOff*e.share)
	}
}

// increase climbs: by a constant share while the capacity is unknown, by about a
// packet per round trip near it, never far beyond what really arrives.
func (e *Estimator) increase(at time.Duration, rate float64) {
	elapsed := min(at-e.lastIncrease, time.Second)
	e.lastIncrease = at
	limit := 1.5*rate + 10_000
	if e.target >= limit {
		return
	}
	// What arrives without a queue growing is proof, however little was promised.
	next := max(e.target, 0.95*rate)
	if e.capacity.near(rate) {
		response := e.rtt + 100*time.Millisecond
		next += 1200 * 8 * elapsed.Seconds() / response.Seconds()
	} else {
		next *= math.Pow(1+growth, elapsed.Seconds())
	}
	e.target = min(next, limit)
}
