package sfu

import (
	"sync"

	"github.com/meetcast/meetcast/sfu/bwe"
	"github.com/meetcast/meetcast/sfu/forward"
	"github.com/meetcast/meetcast/sfu/netio"
	"github.com/meetcast/meetcast/sfu/track"
	"github.com/meetcast/meetcast/sfu/transport"
)

// Stats counts what an engine has done.
type Stats struct {
	Peers     int // live now
	Connected int // of them connected
	Tracks    int // published now
	// Up and Down sum over all peers, those gone included.
	Up   forward.UpStats
	Down forward.DownStats
	// MalformedRTCP counts compound packets that could not be read.
	MalformedRTCP uint64
	// Unrouted counts RTP packets that belong to nothing that was negotiated.
	Unrouted uint64
	// Socket is the UDP port; all zero where it has no batches.
	Socket netio.Stats
	// Transport is what ICE, DTLS and SRTP did, and what they dropped.
	Transport transport.Stats
}

// PeerStats is the state of one peer.
type PeerStats struct {
	State     PeerState
	Bandwidth bwe.Stats
	Tracks    []TrackStats
	Slots     []SlotStats
	// Up and Down sum over all tracks and slots, those gone included.
	Up            forward.UpStats
	Down          forward.DownStats
	MalformedRTCP uint64
	Unrouted      uint64
}

// TrackStats is one published track.
type TrackStats struct {
	Info   track.Info
	Layers []track.Layer
	forward.UpStats
}

// SlotStats is one slot.
type SlotStats struct {
	Mid  string
	Kind track.Kind
	// Loss is the share of packets that the client last reported lost, 0 .. 1.
	Loss float64
	forward.DownStats
}

// totals keeps the counters of what a peer no longer has.
type totals struct {
	mu    sync.Mutex
	ups   forward.UpStats
	downs forward.DownStats
}

func (t *totals) up(s forward.UpStats) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.ups.Add(s)
}

func (t *totals) down(s forward.DownStats) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.downs.Add(s)
}

// Stats returns the present state of the peer.
func (p *Peer) Stats() PeerStats {
	w := p.wired.Load()
	s := PeerStats{State: p.State(), Bandwidth: p.bwe.Stats(), MalformedRTCP: p.malformedRTCP.Load(), Unrouted: p.unrouted.Load()}
	p.totals.mu.Lock()
	s.Up, s.Down = p.totals.ups, p.totals.downs
	p.totals.mu.Unlock()
	for _, pub := range w.pubs {
		if up := pub.uplink(); up != nil {
			st := up.Stats()
			s.Up.Add(st)
			s.Tracks = append(s.Tracks, TrackStats{Info: up.Info(), Layers: up.Layers(), UpStats: st})
		}
	}
	for _, sl := range w.slots {
		st := sl.down.Stats()
		s.Down.Add(st)
		s.Slots = append(s.Slots, SlotStats{Mid: sl.mid, Kind: sl.kind, Loss: float64(sl.lost.Load()) / 256, DownStats: st})
	}
	return s
}

// add counts a peer in.
func (s *Stats) add(p PeerStats) {
	s.Up.Add(p.Up)
	s.Down.Add(p.Down)
	s.MalformedRTCP += p.MalformedRTCP
	s.Unrouted += p.Unrouted
}

// Stats returns the present state of the engine.
func (e *Engine) Stats() Stats {
	e.mu.Lock()
	s := e.gone
	peers := make([]*Peer, 0, len(e.peers))
	for p := range e.peers {
		peers = append(peers, p)
	}
	e.mu.Unlock()
	s.Peers = len(peers)
	s.Socket, s.Transport = e.sockets.Stats(), e.port.Stats()
	for _, p := range peers {
		ps := p.Stats()
		s.add(ps)
		s.Tracks += len(ps.Tracks)
		if ps.State == Connected {
			s.Connected++
		}
	}
	return s
}
