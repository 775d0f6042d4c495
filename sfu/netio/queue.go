//go:build linux

package netio

import (
	"net"
	"net/netip"
	"sync"
	"time"
)

const (
	// queueLimit is how many messages may wait in one queue (64 MiB of buffers).
	queueLimit = 4096
	// destinationLimit is how many destinations one queue knows at a time.
	destinationLimit = 1 << 14
	// sweepFrom is how many it may know before it looks for those gone quiet.
	sweepFrom = 256
	// flushStep is added to the delay for each message that waits, up to flushMost.
	flushStep = 50 * time.Microsecond
	flushMost = 5 * time.Millisecond
)

// destination is where packets go. One queue owns it.
type destination struct {
	name    sockaddr
	open    *message // still taking packets
	used    uint64   // the sweep before which it was last used
	noTrain bool     // takes no segments; known to the sender alone
}

// queue holds what one sender goroutine has to send: open messages, which wait for
// more packets until they are due, and ready ones, first come first sent. Both
// are in order, so the packets of a destination stay in order too.
type queue struct {
	delay time.Duration
	limit int
	count *counters
	wake  chan struct{} // tells the sender to look

	mu           sync.Mutex
	destinations map[netip.AddrPort]*destination
	sweepAt      int
	sweeps       uint64
	open, ready  list
	waiting      int // messages, those being sent included
	closed       bool
}

func newQueue(delay time.Duration, limit int, count *counters) *queue {
	return &queue{delay: delay, limit: limit, count: count, wake: make(chan struct{}, 1),
		destinations: make(map[netip.AddrPort]*destination), sweepAt: sweepFrom}
}

// put copies a packet into the queue. A full queue drops it, which is no error:
// the network could have lost it as well.
func (q *queue) put(packet []byte, to netip.AddrPort, v6 bool) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return net.ErrClosed
	}
	d := q.destinations[to]
	if d == nil {
		var err error
		if d, err = q.learn(to, v6); err != nil {
			return err
		}
		if d == nil {
			q.count.drop(DropFull, 1)
			return nil
		}
	}
	d.used = q.sweeps
	if d.open != nil && !d.open.fits(len(packet)) {
		q.close(d.open)
	}
	if d.open == nil {
		if q.waiting >= q.limit {
			q.count.drop(DropFull, 1)
			return nil
		}
		d.open = newMessage(d, time.Now())
		q.waiting++
		if q.open.push(d.open); q.open.first == d.open {
			q.signal() // the sender sets its clock
		}
	}
	d.open.add(packet)
	if urgent(packet) {
		q.close(d.open)
	}
	return nil
}

// learn adds a destination, nil when there are too many. Those that were not used
// between two sweeps go.
func (q *queue) learn(to netip.AddrPort, v6 bool) (*destination, error) {
	if len(q.destinations) >= q.sweepAt {
		for addr, d := range q.destinations {
			if d.open == nil && d.used < q.sweeps {
				delete(q.destinations, addr)
			}
		}
		q.sweeps++
		q.sweepAt = min(max(sweepFrom, 2*len(q.destinations)), destinationLimit)
	}
	if len(q.destinations) >= destinationLimit {
		return nil, nil
	}
	name, err := newSockaddr(to, v6)
	if err != nil {
		return nil, err
	}
	d := &destination{name: name}
	q.destinations[to] = d
	return d, nil
}

// close ends an open message: the sender may have it.
func (q *queue) close(m *message) {
	q.open.remove(m)
	m.to.open = nil
	q.ready.push(m)
	q.signal()
}

// take moves what is to be sent now into batch. Without anything it returns how
// long to wait, negative for until woken, and whether all is over.
func (q *queue) take(batch []*message) (taken []*message, wait time.Duration, over bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	wait = -1
	if q.open.first != nil {
		now := time.Now()
		for m := q.open.first; m != nil; m = q.open.first {
			if left := q.patience() - now.Sub(m.opened); left > 0 && !q.closed {
				wait = left
				break
			}
			q.close(m)
		}
	}
	for len(batch) < cap(batch) && q.ready.first != nil {
		m := q.ready.first
		q.ready.remove(m)
		batch = append(batch, m)
	}
	return batch, wait, q.closed && q.ready.first == nil && len(batch) == 0
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

func (q *queue) signal() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}
