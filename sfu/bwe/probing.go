package bwe

import "time"

const (
	// probeLength is how long a probe takes, probeMinGap and probeMaxGap what is
	// between two of which the first has shown nothing.
	probeLength = 120 * time.Millisecond
	probeMinGap = 1 * time.Second
	probeMaxGap = 4 * time.Second
	// probeStale is after how long without feedback nothing is known of the path.
	probeStale = 2 * time.Second
	// probeLeast is the least that is probed for, bit/s: enough for a small picture,
	// where doubling what sound alone takes would need several probes to succeed.
	probeLeast = 250_000
)

// Probe asks whether to send padding, and how much, when demand (bit/s) exceeds
// the estimate. It starts a probe when one is due; while it runs, bytes is what
// should go out now on top of the media. Call it every few milliseconds while
// it returns running, else as often as convenient.
func (e *Estimator) Probe(now time.Time, demand int) (bytes int, running bool) {
	at := now.Sub(e.epoch)
	e.mu.Lock()
	defer e.mu.Unlock()
	p := &e.probe
	if p.running {
		if at >= p.until {
			if at > p.judge+time.Second {
				e.failProbe(at) // nobody answers
			}
			return 0, false // what remains is waiting for feedback
		}
		due := int(float64(p.rate) / 8 * (at - p.began).Seconds())
		return max(0, due-p.bytes), true
	}
	if !e.mayProbe(at, demand) {
		return 0, false
	}
	target := e.targetLocked()
	rate := min(max(2*target, probeLeast), max(demand*11/10, target*12/10), e.cfg.Max)
	*p = probe{rate: rate, began: at, until: at + probeLength, running: true}
	p.judge = p.until + max(2*e.rtt, 200*time.Millisecond)
	e.probes++
	return 0, true
}

// mayProbe tells whether a probe is due. A path on which nothing is sent, because
// nothing fits, gives no feedback and must be probed all the same.
func (e *Estimator) mayProbe(at time.Duration, demand int) bool {
	if !e.heard || demand <= e.targetLocked() || at < e.nextProbe || at-e.lastDecrease < time.Second {
		return false
	}
	if at-e.lastFeedback > probeStale {
		return true
	}
	return e.state != overuse && !e.queue.standing && !e.losses.trial.running
}

// judgeProbe ends a probe: what it has shown is believed, failure doubles the
// time to the next one.
func (e *Estimator) judgeProbe(at time.Duration) {
	p := &e.probe
	if !p.running || at < p.until || (at < p.judge && p.got < p.packets) {
		return
	}
	before := e.targetLocked()
	if got := p.result(e.losses.own); got > before {
		p.running = false
		e.target = min(max(e.target, float64(got)), float64(e.cfg.Max))
		e.losses.limit = max(e.losses.limit, e.target)
		if float64(got) > e.capacity.mean {
			e.capacity.known = false
		}
		e.probeGap = probeMinGap
		e.nextProbe = at + probeMinGap/2
		return
	}
	e.failProbe(at)
}

func (e *Estimator) failProbe(at time.Duration) {
	e.probe.running = false
	e.nextProbe = at + e.probeGap
	e.probeGap = min(2*e.probeGap, probeMaxGap)
}
