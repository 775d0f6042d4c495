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
	freshFor    = 5 * time.Second
	probeLength = 120 * time.Millisecond
	probeMinGap = 1 * time.Second
	probeMaxGap = 4 * time.Second
	// silence is after how long without feedback the path counts as broken.
	silence = 500 * time.Millisecond
)

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

// Feedback takes one feedback packet of the subscriber that was taken apart.
// Report does the same with the bytes of the packet and takes less time.
func (e *Estimator) Feedback(now time.Time, fb *rtcp.TransportLayerCC) (urgent bool) {
	b, err := fb.Marshal()
	if err != nil {
		return false
	}
	urgent, _ = e.Report(now, b)
	return urgent
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
