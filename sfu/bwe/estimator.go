// Package bwe estimates how much one subscriber can be sent, from transport-wide
// congestion control feedback: Google congestion control as of
// draft-ietf-rmcat-gcc-02, with the trendline filter, a loss-based limit and
// probing. Time is an input.
//
//	Stamp ──> packets ──> subscriber ──> feedback ──> Feedback
//	                                                    │
//	          trend (queues) ─┐                         │
//	          loss ───────────┼─> Target  <─────────────┘
//	          probe ──────────┘
package bwe

import (
	"math"
	"sync"
	"time"

	"github.com/pion/rtcp"
)

// Defaults and bounds of the estimate, bit/s.
const (
	DefaultStart = 600_000
	DefaultMin   = 60_000
	DefaultMax   = 30_000_000
)

const (
	decrease     = 0.85
	growth       = 0.08 // per second while the capacity is not known
	lossHigh     = 0.10
	lossLow      = 0.02
	lossPackets  = 20 // least number of packets to judge loss by
	lossInterval = 200 * time.Millisecond
	probeLength  = 120 * time.Millisecond
	probeMinGap  = 1 * time.Second
	probeMaxGap  = 4 * time.Second
	lossStale    = 2 * time.Second // after which nothing is known of the loss
)

// Config bounds an Estimator; zero fields take the defaults.
type Config struct {
	Start, Min, Max int // bit/s
}

// Estimator is the estimate for one subscriber. It is safe for concurrent use.
type Estimator struct {
	cfg   Config
	epoch time.Time

	mu       sync.Mutex
	history  history
	trend    trend
	acked    acked
	rtt      time.Duration // smoothed, 0 unknown
	target   float64       // delay-based, bit/s
	lossRate float64       // loss-based limit, bit/s
	capacity capacity
	state    usage

	lastIncrease time.Duration
	lastDecrease time.Duration
	lastFeedback time.Duration
	heard        bool
	tested       bool // a limit was met

	lossLost, lossSeen int
	lossAt             time.Duration
	loss               float64

	probe     probe
	nextProbe time.Duration
	probeGap  time.Duration
	probes    uint64
}

// New returns an estimator that begins at now.
func New(cfg Config, now time.Time) *Estimator {
	if cfg.Start <= 0 {
		cfg.Start = DefaultStart
	}
	if cfg.Min <= 0 {
		cfg.Min = DefaultMin
	}
	if cfg.Max <= 0 {
		cfg.Max = DefaultMax
	}
	return &Estimator{cfg: cfg, epoch: now, target: float64(cfg.Start), lossRate: float64(cfg.Max), probeGap: probeMinGap}
}

// Stamp records that a packet of size bytes goes out now and returns its
// transport-wide sequence number.
func (e *Estimator) Stamp(now time.Time, size int) uint16 {
	at := now.Sub(e.epoch)
	e.mu.Lock()
	defer e.mu.Unlock()
	probing := e.probe.running && at < e.probe.until
	if probing {
		e.probe.sent(size)
	}
	return e.history.add(at, size, probing)
}

// Feedback takes one feedback packet of the subscriber.
func (e *Estimator) Feedback(now time.Time, fb *rtcp.TransportLayerCC) {
	at := now.Sub(e.epoch)
	e.mu.Lock()
	defer e.mu.Unlock()
	e.heard, e.lastFeedback = true, at
	newest := sent{}
	walk(fb, func(r report) {
		s, ok := e.history.take(r.seq)
		if !ok {
			return
		}
		e.lossSeen++
		if !r.received {
			e.lossLost++
			return
		}
		e.trend.packet(s.at, r.arrival)
		if e.trend.state == overuse {
			e.probe.overused = true
		}
		e.acked.add(r.arrival, int(s.size))
		if s.probe && e.probe.running {
			e.probe.ack(s, r.arrival)
		}
		if s.at >= newest.at {
			newest = s
		}
	})
	if newest.open {
		e.observeRTT(at - newest.at)
	}
	e.judgeLoss(at)
	e.judgeDelay(at)
	e.judgeProbe(at)
}

func (e *Estimator) observeRTT(rtt time.Duration) {
	if e.rtt == 0 {
		e.rtt = rtt
		return
	}
	e.rtt += (rtt - e.rtt) / 8
}

// judgeLoss updates the loss-based limit (draft-ietf-rmcat-gcc-02 §6).
func (e *Estimator) judgeLoss(at time.Duration) {
	if e.lossSeen < lossPackets || at-e.lossAt < lossInterval {
		return
	}
	elapsed := min(at-e.lossAt, time.Second)
	e.loss = float64(e.lossLost) / float64(e.lossSeen)
	e.lossLost, e.lossSeen, e.lossAt = 0, 0, at
	switch {
	case e.loss > lossHigh:
		e.lossRate = max(min(e.lossRate, e.target)*(1-0.5*e.loss), float64(e.cfg.Min))
		e.tested = true
	case e.loss < lossLow:
		e.lossRate = min(e.lossRate*math.Pow(1+3*growth, elapsed.Seconds()), float64(e.cfg.Max))
	}
}

// judgeDelay moves the delay-based estimate (draft-ietf-rmcat-gcc-02 §5.5).
func (e *Estimator) judgeDelay(at time.Duration) {
	rate, known := e.acked.rate()
	switch e.trend.state {
	case overuse:
		if e.state == overuse && at-e.lastDecrease < e.rtt+100*time.Millisecond {
			return
		}
		if known {
			e.capacity.sample(float64(rate))
			e.target = min(e.target, decrease*float64(rate))
		} else {
			e.target *= decrease
		}
		e.lastDecrease, e.tested = at, true
	case underuse: // queues drain: hold
		e.lastIncrease = at
	case normal:
		if known {
			e.increase(at, float64(rate))
		}
	}
	e.state = e.trend.state
	e.target = min(max(e.target, float64(e.cfg.Min)), float64(e.cfg.Max))
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

// Target returns the estimate in bit/s.
func (e *Estimator) Target() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.targetLocked()
}

func (e *Estimator) targetLocked() int {
	return int(max(min(e.target, e.lossRate), float64(e.cfg.Min)))
}

// Tested tells whether the path has ever shown a limit. Until then the estimate is
// where it began or what was sent, and says nothing about what would not fit.
func (e *Estimator) Tested() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.tested
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
	Loss     float64       // 0 .. 1, over the last interval
	Probes   uint64        // probes that were sent
}

// Stats returns the present state.
func (e *Estimator) Stats() Stats {
	e.mu.Lock()
	defer e.mu.Unlock()
	rate, _ := e.acked.rate()
	return Stats{Target: e.targetLocked(), Received: rate, RTT: e.rtt, Loss: e.loss, Probes: e.probes}
}
