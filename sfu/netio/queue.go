//go:build linux

package netio

import (
	"sync"
	"time"
)

const (
	// queueLimit is how many messages may wait in one queue (64 MiB of buffers).
	queueLimit = 4096
	// flushStep is added to the delay for each message that waits, up to flushMost.
	flushStep = 50 * time.Microsecond
	flushMost = 5 * time.Millisecond
)

// queue holds what one sender goroutine has to send: open messages, which wait for
// more packets until they are due, and ready ones, first come first sent. Both
// are in order, so the packets of a destination stay in order too.
//
// Lock order: destination.mu, mu.
type queue struct {
	delay time.Duration
	limit int
	count *counters
	wake  chan struct{} // tells the sender to look

	mu          sync.Mutex
	open, ready list
	waiting     int // messages, those being sent included
	closed      bool
}

func newQueue(delay time.Duration, limit int, count *counters) *queue {
	return &queue{delay: delay, limit: limit, count: count, wake: make(chan struct{}, 1)}
}

// begin opens a message; nil when the queue is full, which is counted, or has
// ended.
func (q *queue) begin(d *destination) *message {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return nil
	}
	if q.waiting >= q.limit {
		q.count.drop(DropFull, 1)
		return nil
	}
	m := newMessage(d, time.Now())
	q.waiting++
	if q.open.push(m); q.open.first == m {
		q.signal() // the sender sets its clock
	}
	return m
}

// finish ends an open message: the sender may have it. The destination is locked.
func (q *queue) finish(m *message) {
	q.mu.Lock()
	q.open.remove(m)
	q.ready.push(m)
	q.signal()
	q.mu.Unlock()
}

// take moves what is to be sent now into batch. Without anything it returns how
// long to wait, negative for until woken, and whether all is over.
func (q *queue) take(batch []*message) (taken []*message, wait time.Duration, over bool) {
	wait = q.expire()
	q.mu.Lock()
	defer q.mu.Unlock()
	for len(batch) < cap(batch) && q.ready.first != nil {
		m := q.ready.first
		q.ready.remove(m)
		batch = append(batch, m)
	}
	return batch, wait, q.closed && q.open.first == nil && q.ready.first == nil && len(batch) == 0
}

// expire ends the messages that have been open for long enough and returns how
// long the next one has left, negative without any.
func (q *queue) expire() time.Duration {
	for {
		m, d, left := q.oldest()
		if m == nil {
			return -1
		}
		if left > 0 {
			return left
		}
		d.expire(m)
	}
}

// oldest returns the message that has been open longest, its destination and how
// long it may stay open.
func (q *queue) oldest() (*message, *destination, time.Duration) {
	q.mu.Lock()
	defer q.mu.Unlock()
	m := q.open.first
	if m == nil {
		return nil, nil, 0
	}
	if q.closed {
		return m, m.to, 0
	}
	return m, m.to, q.patience() - time.Since(m.opened)
}

// patience is how long a message stays open. A frame's packets come one by one,
// each to all subscribers before the next, so that the rounds take longer the more
// there are; one delay for all would send large rooms their frames in single
// packets, just where that costs most. The picture is not shown before its last
// packet anyway.
func (q *queue) patience() time.Duration {
	return max(q.delay, min(q.delay+time.Duration(q.open.length)*flushStep, flushMost))
}

// done frees messages that were sent.
func (q *queue) done(batch []*message) {
	for i, m := range batch {
		m.free()
		batch[i] = nil
	}
	q.mu.Lock()
	q.waiting -= len(batch)
	q.mu.Unlock()
}

// end refuses further packets; what waits is sent.
func (q *queue) end() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	q.signal()
}

func (q *queue) ended() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.closed
}

func (q *queue) signal() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}
