package bwe

import "time"

// Target returns the estimate in bit/s.
func (e *Estimator) Target() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.targetLocked()
}

func (e *Estimator) targetLocked() int {
	return int(max(min(e.target, e.losses.limit), float64(e.cfg.Min)))
}

// Tested tells whether the path has ever shown a limit. Until then the estimate is
// where it began or what was sent, and says nothing about what would not fit.
func (e *Estimator) Tested() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.tested
}

// Silent tells whether nothing was heard of the subscriber although packets have
// gone out: the path is broken, or as good as.
func (e *Estimator) Silent(now time.Time) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.silentLocked(now.Sub(e.epoch))
}

func (e *Estimator) silentLocked(at time.Duration) bool {
	return e.heard && e.waiting && at-e.unheard > silence+2*e.rtt
}

// Flooded tells whether a long queue stands on the path that does not drain: every
// packet that is sent now makes all that follow later still.
func (e *Estimator) Flooded() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.queue.standing && e.queue.delay >= floodDelay && !e.queue.drains()
}

// Loss returns the share of packets that do not arrive, 0 .. 1, over ten seconds or
// so.
func (e *Estimator) Loss() float64 {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.losses.mean
}

// Lossy tells whether the path loses packets although no queue stands on it: to
// send less would not help.
func (e *Estimator) Lossy() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.losses.own > lossyShare || !e.queue.standing && e.losses.rate > 2*lossyShare
}

// Lost appends to buf the transport-wide sequence numbers of packets that were
// reported lost since the last call, the first few dozen of them.
func (e *Estimator) Lost(buf []uint16) []uint16 {
	e.mu.Lock()
	defer e.mu.Unlock()
	buf = append(buf, e.lost[:e.lostCount]...)
	e.lostCount = 0
	return buf
}

// RTT returns the smoothed round-trip time, 0 while unknown.
func (e *Estimator) RTT() time.Duration {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.rtt
}

// Stats is the state of an estimator.
type Stats struct {
	Target   int           // bit/s
	Received int           // bit/s that arrive
	RTT      time.Duration // smoothed
	Queue    time.Duration // that packets wait on the path
	Loss     float64       // 0 .. 1, smoothed
	Probes   uint64        // probes that were sent
}

// Stats returns the present state.
func (e *Estimator) Stats() Stats {
	e.mu.Lock()
	defer e.mu.Unlock()
	rate, _ := e.acked.rate()
	return Stats{Target: e.targetLocked(), Received: rate, RTT: e.rtt, Queue: e.queue.delay, Loss: e.losses.rate, Probes: e.probes}
}
