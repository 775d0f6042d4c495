package turn

import "sync/atomic"

// Refusal is why something was refused.
type Refusal int

// The reasons of Stats.Refused.
const (
	// RefusedCredentials: unknown name, wrong password, wrong realm.
	RefusedCredentials Refusal = iota
	// RefusedExpired: credentials that open nothing any more.
	RefusedExpired
	// RefusedUser and RefusedIP: the quota of one user, of one address.
	RefusedUser
	RefusedIP
	// RefusedFull: no allocation or connection is left.
	RefusedFull
	// RefusedPeer: a peer that is not the media port.
	RefusedPeer
	// RefusedTransport: relaying of TCP, or a certain port.
	RefusedTransport
	// RefusedFrame: a connection that does not speak TURN.
	RefusedFrame
	// Refusals is how many reasons there are.
	Refusals
)

// String is the reason's name in metrics.
func (r Refusal) String() string {
	names := [Refusals]string{"credentials", "expired", "user_quota", "ip_quota", "full", "peer", "transport", "frame"}
	if r < 0 || r >= Refusals {
		return "unknown"
	}
	return names[r]
}

// Stats counts what the server has done. Up is from clients to the media port.
type Stats struct {
	Allocations int    // at present
	Connections int    // at present, over TCP and TLS
	Allocated   uint64 // ever
	Up, Down    struct{ Packets, Bytes uint64 }
	Dropped     uint64 // packets that slow clients did not get
	Refused     [Refusals]uint64
}

// Stats returns the counters.
func (s *Server) Stats() Stats {
	s.mu.Lock()
	open := s.open
	s.mu.Unlock()
	c := &s.count
	out := Stats{Allocations: open, Connections: s.streams.open(), Allocated: c.allocated.Load(), Dropped: c.dropped.Load()}
	out.Up.Packets, out.Up.Bytes = c.upPackets.Load(), c.upBytes.Load()
	out.Down.Packets, out.Down.Bytes = c.downPackets.Load(), c.downBytes.Load()
	for i := range c.refused {
		out.Refused[i] = c.refused[i].Load()
	}
	return out
}

// counters is Stats while it counts.
type counters struct {
	allocated, dropped                         atomic.Uint64
	upPackets, upBytes, downPackets, downBytes atomic.Uint64
	refused                                    [Refusals]atomic.Uint64
}

func (c *counters) refuse(why Refusal) { c.refused[why].Add(1) }

func (c *counters) up(n int) {
	c.upPackets.Add(1)
	c.upBytes.Add(uint64(n))
}

func (c *counters) down(n int) {
	c.downPackets.Add(1)
	c.downBytes.Add(uint64(n))
}
