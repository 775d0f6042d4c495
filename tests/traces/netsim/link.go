// Package netsim models network paths on a clock of its own: capacity that
// follows a script, a queue with a limit, delay, jitter, loss and outages, all
// from a seed. It sends nothing and knows no time but the one it is told, so a
// trace of a minute takes milliseconds and is the same every time.
package netsim

import (
	"math/rand/v2"
	"time"
)

// Step is a capacity from a time on.
type Step struct {
	At   time.Duration
	Rate int // bit/s
}

// Span is a time during which everything is lost.
type Span struct{ From, To time.Duration }

// Path describes one direction of a network path. Times count from the start of
// the trace.
type Path struct {
	// Capacity is a script in order of time; none means no limit.
	Capacity []Step
	// Queue is what may wait for the capacity, bytes; what comes on top is lost.
	Queue int
	// Delay is what every packet takes, and Jitter the most that chance adds.
	// Packets keep their order.
	Delay, Jitter time.Duration
	// Loss is the probability of each packet to be lost.
	Loss float64
	// Outages are times during which everything is lost.
	Outages []Span
	Seed    uint64
}

// Link carries packets over a Path. It is for one goroutine.
type Link struct {
	path    Path
	rand    *rand.Rand
	free    time.Duration // when the last packet that was taken has been sent
	last    time.Duration // the latest arrival
	waiting []waiting
	queued  int // bytes
	stats   Stats
}

// waiting is a packet in the queue.
type waiting struct {
	sent time.Duration
	size int
}

// Stats counts packets and bytes.
type Stats struct {
	Sent, Lost, Overflowed int
	Bytes                  int // carried
}

// NewLink returns an idle link.
func NewLink(p Path) *Link {
	return &Link{path: p, rand: rand.New(rand.NewPCG(p.Seed, p.Seed^0x9e3779b97f4a7c15))}
}

// Stats returns what happened so far.
func (l *Link) Stats() Stats { return l.stats }

// Queued returns the bytes that wait at a time.
func (l *Link) Queued(at time.Duration) int {
	l.drain(at)
	return l.queued
}

func (l *Link) drain(at time.Duration) {
	n := 0
	for n < len(l.waiting) && l.waiting[n].sent <= at {
		l.queued -= l.waiting[n].size
		n++
	}
	l.waiting = l.waiting[n:]
}

// Send puts a packet of size bytes on the link and returns when it arrives,
// false when it is lost. Times must not go back.
func (l *Link) Send(at time.Duration, size int) (time.Duration, bool) {
	l.stats.Sent++
	lost := l.path.Loss > 0 && l.rand.Float64() < l.path.Loss
	extra := time.Duration(0)
	if l.path.Jitter > 0 {
		extra = time.Duration(l.rand.Int64N(int64(l.path.Jitter)))
	}
	if lost || l.path.out(at) {
		l.stats.Lost++
		return 0, false
	}
	sent := at
	if len(l.path.Capacity) > 0 {
		l.drain(at)
		if l.queued+size > l.path.Queue {
			l.stats.Overflowed++
			return 0, false
		}
		sent = l.path.serve(max(at, l.free), size*8)
		l.free = sent
		l.waiting = append(l.waiting, waiting{sent, size})
		l.queued += size
	}
	l.stats.Bytes += size
	l.last = max(l.last, sent+l.path.Delay+extra)
	return l.last, true
}

func (p *Path) out(at time.Duration) bool {
	for _, o := range p.Outages {
		if at >= o.From && at < o.To {
			return true
		}
	}
	return false
}

// Rate returns the capacity at a time, bit/s.
func (p *Path) Rate(at time.Duration) int {
	rate := 0
	for _, s := range p.Capacity {
		if s.At <= at {
			rate = s.Rate
		}
	}
	return rate
}

// never is the time of what is not sent within any trace.
const never = 1 << 60

// serve returns when bits whose turn comes at from have been sent.
func (p *Path) serve(from time.Duration, bits int) time.Duration {
	left := float64(bits)
	for i, s := range p.Capacity {
		end := time.Duration(never)
		if i+1 < len(p.Capacity) {
			end = p.Capacity[i+1].At
		}
		if end <= from || s.Rate == 0 {
			continue
		}
		begin := max(from, s.At)
		if can := (end - begin).Seconds() * float64(s.Rate); can < left {
			left -= can
			continue
		}
		return begin + time.Duration(left/float64(s.Rate)*float64(time.Second))
	}
	return never
}
