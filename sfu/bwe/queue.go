package bwe

import "time"

const (
	// baseWindow is how long the least delay is remembered, once or twice.
	baseWindow = 5 * time.Second
	// standingDelay is the least delay of packets that count as waiting in a queue.
	standingDelay = 20 * time.Millisecond
	// fullDelay is the delay at which a queue that stands for fullAfter says that
	// the path is full, whatever the trend says.
	fullDelay = 50 * time.Millisecond
	fullAfter = 60 * time.Millisecond
	// earlyAfter is how long a queue must stand for the trend to be believed.
	earlyAfter = 40 * time.Millisecond
	// shareWindow is over how much of a queue its rate is measured.
	shareWindow = 150 * time.Millisecond
	// arrivalsKept is how many arrivals that lasts for.
	arrivalsKept = 128
	// arrivalStep merges arrivals, so that the ring covers the window.
	arrivalStep = 2 * time.Millisecond
	// clockJump is a change of the delay that only a change of clocks can bring.
	clockJump = 30 * time.Second
)

// queue follows how long packets wait on the path: what they take beyond the
// least that was seen lately. While a queue stands, what comes out of it is our
// share of the bottleneck, to the bit: a burst measures the path as a probe does.
type queue struct {
	base, former time.Duration // least delays of this window and the one before
	turned       time.Duration // arrival at which this window began
	known        bool

	delay    time.Duration // of the newest packet, over the base
	peak     time.Duration // the greatest since the queue stands
	standing bool
	since    time.Duration // arrival at which the queue began to stand

	ring  [arrivalsKept]arrival
	head  int
	count int
	total uint64 // bytes that have arrived
}

// arrival is how much had arrived at a time, and when the last of it was sent.
type arrival struct {
	at, sent time.Duration
	total    uint64
}

// packet takes one received packet, in the order of sending.
func (q *queue) packet(sentAt, arrivalAt time.Duration, size int) {
	took := arrivalAt - sentAt
	if least := min(q.base, q.former); !q.known || took > least+clockJump || took < least-clockJump {
		*q = queue{base: took, former: took, turned: arrivalAt, known: true, total: q.total}
	}
	if arrivalAt-q.turned > baseWindow {
		q.former, q.base, q.turned = q.base, took, arrivalAt
	}
	q.base = min(q.base, took)
	q.delay = took - min(q.base, q.former)
	q.total += uint64(size)
	switch {
	case q.delay < standingDelay:
		q.standing = false
		return
	case !q.standing:
		q.standing, q.since, q.peak, q.head, q.count = true, arrivalAt, 0, 0, 0
	}
	q.peak = max(q.peak, q.delay)
	if q.count > 0 && arrivalAt-q.ring[q.head].at < arrivalStep {
		q.ring[q.head].total, q.ring[q.head].sent = q.total, sentAt
		return
	}
	q.head = (q.head + 1) % arrivalsKept
	q.ring[q.head] = arrival{arrivalAt, sentAt, q.total}
	q.count = min(q.count+1, arrivalsKept)
}

// stands returns how long the queue has been standing, 0 when it does not.
func (q *queue) stands() time.Duration {
	if !q.standing || q.count == 0 {
		return 0
	}
	return q.ring[q.head].at - q.since
}

// drains tells whether the queue has become much shorter than it was.
func (q *queue) drains() bool { return q.delay < q.peak*7/10 }

// share returns the rate at which packets leave the standing queue, bit/s, and
// the rate at which the same packets were sent; false when there were too few.
func (q *queue) share() (out, in float64, ok bool) {
	newest := q.ring[q.head]
	oldest := newest
	for i := 1; i < q.count; i++ {
		a := q.ring[(q.head-i+arrivalsKept)%arrivalsKept]
		if newest.at-a.at > shareWindow {
			break
		}
		oldest = a
	}
	span, sending := newest.at-oldest.at, newest.sent-oldest.sent
	if span < earlyAfter {
		return 0, 0, false
	}
	bits := float64(newest.total-oldest.total) * 8
	return bits / span.Seconds(), bits / max(sending, time.Millisecond).Seconds(), true
}
