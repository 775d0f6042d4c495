// Package bwe estimates how much one subscriber can be sent, from transport-wide
// congestion control feedback: Google congestion control as of
// draft-ietf-rmcat-gcc-02 with the trendline filter, told by the queue itself how
// much it lets through, a loss-based limit that knows the path's own loss, and
// probing. Time is an input.
//
//	Stamp ──> packets ──> subscriber ──> feedback ──> Report
//	                                                    │
//	          trend (queues) ─┐                         │
//	          queue ──────────┤                         │
//	          losses ─────────┼─> Target  <─────────────┘
//	          probe ──────────┘
package bwe

import (
	"sync"
	"time"
)

// Defaults and bounds of the estimate, bit/s.
const (
	DefaultStart = 600_000
	DefaultMin   = 60_000
	DefaultMax   = 30_000_000
)

// silence is after how long without feedback the path counts as broken.
const silence = 500 * time.Millisecond

// lossyShare is the share of lost packets from which a path counts as lossy.
const lossyShare = 0.01

// lostKept is how many lost packets are remembered for who repairs them.
const lostKept = 64

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
	queue    queue
	acked    acked
	losses   losses
	rtt      time.Duration // smoothed, 0 unknown
	target   float64       // delay-based, bit/s
	capacity capacity
	state    usage
	share    float64       // bit/s that the standing queue let through last
	shareAt  time.Duration // when

	lastIncrease time.Duration
	lastDecrease time.Duration
	lastFeedback time.Duration
	unheard      time.Duration // when the first packet after it went out
	waiting      bool          // there is such a packet
	heard        bool
	tested       bool // a limit was met

	// lost holds the numbers of packets that were lost, for who repairs.
	lost      [lostKept]uint16
	lostCount int

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
	return &Estimator{cfg: cfg, epoch: now, target: float64(cfg.Start), losses: losses{limit: float64(cfg.Max)}, probeGap: probeMinGap}
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
	if !e.waiting {
		e.waiting, e.unheard = true, at
	}
	return e.history.add(at, size, probing)
}

// Report takes one feedback packet of the subscriber, an RTCP packet for which
// IsFeedback is true. It is urgent when much less fits than before, or when the
// subscriber is heard again after a silence: what is sent should be chosen anew at
// once.
func (e *Estimator) Report(now time.Time, packet []byte) (urgent bool, err error) {
	r, err := newReader(packet)
	if err != nil {
		return false, err
	}
	at := now.Sub(e.epoch)
	e.mu.Lock()
	defer e.mu.Unlock()
	back := e.silentLocked(at)
	before := e.targetLocked()
	e.heard, e.lastFeedback, e.waiting = true, at, false
	e.packets(&r, at, back)
	e.judgeLoss(at)
	e.judgeDelay(at)
	e.judgeProbe(at)
	return back || e.targetLocked() < before*9/10, nil
}

// packets takes the fate of each packet. What was lost before the first that came
// after a break of the path says nothing of its capacity.
func (e *Estimator) packets(r *reader, at time.Duration, broken bool) {
	newest := time.Duration(-1)
	for {
		seq, arrival, received, ok := r.next()
		if !ok {
			break
		}
		s, known := e.history.take(at, seq)
		if !known {
			continue
		}
		if broken = broken && !received; broken {
			continue
		}
		e.losses.count(received)
		if !received {
			if e.lostCount < lostKept {
				e.lost[e.lostCount] = seq
				e.lostCount++
			}
			continue
		}
		e.trend.packet(s.at, arrival)
		e.queue.packet(s.at, arrival, s.size)
		e.acked.add(arrival, s.size)
		if s.probe && e.probe.running {
			e.probe.ack(s, arrival)
		}
		newest = max(newest, s.at)
	}
	if newest >= 0 {
		e.observeRTT(at - newest)
	}
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
	rate, _ := e.acked.rate()
	if e.losses.judge(at, float64(rate), e.target, e.rtt+300*time.Millisecond, e.queue.standing, e.cfg) {
		e.tested = true
	}
}
