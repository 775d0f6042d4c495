package bwe

import (
	"math"
	"time"
)

// usage is what the delay says about the path.
type usage uint8

const (
	normal usage = iota
	overuse
	underuse
)

// Parameters of the delay-based detector, from draft-ietf-rmcat-gcc-02 §5 and
// the trendline filter that replaced its Kalman filter in practice.
const (
	burst         = 5 * time.Millisecond // packets sent within belong together
	trendWindow   = 20
	smoothing     = 0.9
	trendGain     = 4
	maxDeltas     = 60
	overuseTime   = 10.0 // ms of sustained overuse before it counts
	thresholdUp   = 0.0087
	thresholdDown = 0.039
)

// group is a burst of packets, compared as one.
type group struct {
	first, last time.Duration // sent
	arrival     time.Duration // of the last
	set         bool
}

// trend detects a growing queue from how the distances between bursts change on
// their way.
type trend struct {
	cur, prev group

	deltas      int
	accumulated float64 // ms
	smoothed    float64 // ms
	firstAt     time.Duration
	xs, ys      [trendWindow]float64
	n           int

	threshold  float64 // ms
	lastUpdate time.Duration
	overFor    float64 // ms
	overCount  int
	previous   float64
	state      usage
}

// packet takes one received packet, in the order of sending.
func (t *trend) packet(sentAt, arrival time.Duration) {
	if !t.cur.set {
		t.cur = group{first: sentAt, last: sentAt, arrival: arrival, set: true}
		return
	}
	if sentAt < t.cur.first {
		return // reordered across bursts
	}
	if t.belongs(sentAt, arrival) {
		t.cur.last = max(t.cur.last, sentAt)
		t.cur.arrival = max(t.cur.arrival, arrival)
		return
	}
	if t.prev.set {
		sendDelta, arrivalDelta := t.cur.last-t.prev.last, t.cur.arrival-t.prev.arrival
		if arrivalDelta < 0 || arrivalDelta > 3*time.Second {
			threshold := t.threshold
			*t = trend{threshold: threshold} // the receiver's clock jumped
		} else {
			t.update(ms(arrivalDelta-sendDelta), ms(sendDelta), t.cur.arrival)
		}
	}
	t.prev = t.cur
	t.cur = group{first: sentAt, last: sentAt, arrival: arrival, set: true}
}

// belongs tells whether a packet is part of the running burst: sent together,
// or drained together from a queue that formed on the way.
func (t *trend) belongs(sentAt, arrival time.Duration) bool {
	if sentAt-t.cur.first <= burst {
		return true
	}
	gap := arrival - t.cur.arrival
	return gap <= burst && gap-(sentAt-t.cur.last) < 0 && arrival-t.cur.arrival < 100*time.Millisecond &&
		sentAt-t.cur.first < 100*time.Millisecond
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

func (t *trend) update(delta, sendDelta float64, arrival time.Duration) {
	if t.deltas == 0 {
		t.firstAt = arrival
	}
	t.deltas++
	t.accumulated += delta
	t.smoothed = smoothing*t.smoothed + (1-smoothing)*t.accumulated
	if t.n == trendWindow {
		copy(t.xs[:], t.xs[1:])
		copy(t.ys[:], t.ys[1:])
		t.n--
	}
	t.xs[t.n], t.ys[t.n] = ms(arrival-t.firstAt), t.smoothed
	t.n++
	slope := t.previous
	if t.n == trendWindow {
		slope = t.slope()
	}
	t.detect(slope, sendDelta, arrival)
}

// slope is the least-squares slope of the smoothed delay over time.
func (t *trend) slope() float64 {
	var mx, my float64
	for i := range t.n {
		mx, my = mx+t.xs[i], my+t.ys[i]
	}
	mx, my = mx/float64(t.n), my/float64(t.n)
	var num, den float64
	for i := range t.n {
		num += (t.xs[i] - mx) * (t.ys[i] - my)
		den += (t.xs[i] - mx) * (t.xs[i] - mx)
	}
	if den == 0 {
		return t.previous
	}
	return num / den
}

func (t *trend) detect(slope, sendDelta float64, arrival time.Duration) {
	if t.threshold == 0 {
		t.threshold = 12.5
	}
	m := float64(min(t.deltas, maxDeltas)) * slope * trendGain
	switch {
	case m > t.threshold:
		t.overFor += sendDelta
		t.overCount++
		if t.overFor > overuseTime && t.overCount > 1 && slope >= t.previous {
			t.overFor, t.overCount = 0, 0
			t.state = overuse
		}
	case m < -t.threshold:
		t.overFor, t.overCount, t.state = 0, 0, underuse
	default:
		t.overFor, t.overCount, t.state = 0, 0, normal
	}
	t.previous = slope
	t.adapt(m, arrival)
}

// adapt follows the delay with the threshold, so that competing flows neither
// starve us nor are starved.
func (t *trend) adapt(m float64, arrival time.Duration) {
	elapsed := min(ms(arrival-t.lastUpdate), 100)
	t.lastUpdate = arrival
	if math.Abs(m) > t.threshold+15 {
		return
	}
	k := thresholdDown
	if math.Abs(m) > t.threshold {
		k = thresholdUp
	}
	t.threshold = min(max(t.threshold+k*(math.Abs(m)-t.threshold)*elapsed, 6), 600)
}
