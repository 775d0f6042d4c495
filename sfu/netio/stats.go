package netio

import "sync/atomic"

// Drop is why a packet was not sent.
type Drop int

// The reasons of Stats.Drops.
const (
	// DropFull: the queue, or the table of destinations, was full.
	DropFull Drop = iota
	// DropRefused: the kernel would not send it, as when there is no route.
	DropRefused
	// DropClosed: the socket was closed before the kernel took it.
	DropClosed
	// Drops is how many reasons there are.
	Drops
)

// String is the reason's name in metrics.
func (d Drop) String() string {
	switch d {
	case DropFull:
		return "full"
	case DropRefused:
		return "refused"
	case DropClosed:
		return "closed"
	}
	return "unknown"
}

// Stats counts what a batched socket has done; all zero for a plain one.
type Stats struct {
	Sent      uint64 // packets
	Messages  uint64 // each a packet or a train of segments
	Calls     uint64 // system calls that sent them
	Fallbacks uint64 // destinations found to take no segments
	Received  uint64 // packets
	Reads     uint64 // system calls that received them
	Oversized uint64 // received packets that were too long, and so dropped
	Drops     [Drops]uint64
}

// counters is Stats while it counts.
type counters struct {
	sent, messages, calls, fallbacks, received, reads, oversized atomic.Uint64
	drops                                                        [Drops]atomic.Uint64
}

func (c *counters) load() Stats {
	s := Stats{Sent: c.sent.Load(), Messages: c.messages.Load(), Calls: c.calls.Load(),
		Fallbacks: c.fallbacks.Load(), Received: c.received.Load(), Reads: c.reads.Load(), Oversized: c.oversized.Load()}
	for i := range c.drops {
		s.Drops[i] = c.drops[i].Load()
	}
	return s
}

func (c *counters) drop(why Drop, packets int) { c.drops[why].Add(uint64(packets)) }
