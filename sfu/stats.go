package sfu

import (
	"sync/atomic"

	"github.com/meetcast/meetcast/sfu/bwe"
	"github.com/meetcast/meetcast/sfu/forward"
	"github.com/meetcast/meetcast/sfu/netio"
	"github.com/meetcast/meetcast/sfu/track"
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
	// Socket is the UDP port; all zero where it has no batches.
	Socket netio.Stats
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
	forward.DownStats
}

// peerTotals keeps the counters of what a peer no longer has, under Peer.mu.
type peerTotals struct {
	ups           forward.UpStats
	downs         forward.DownStats
	malformedRTCP atomic.Uint64
}

func (t *peerTotals) up(u *forward.Track) { t.ups.Add(u.Stats()) }

func (t *peerTotals) down(s *slot) { t.downs.Add(s.down.Stats()) }

// Stats returns the present state of the peer.
func (p *Peer) Stats() PeerStats {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := PeerStats{State: p.State(), Bandwidth: p.bwe.Stats(), Up: p.gone.ups, Down: p.gone.downs,
		MalformedRTCP: p.gone.malformedRTCP.Load()}
	for _, pub := range p.published {
		pub.mu.Lock()
		up := pub.up
		pub.mu.Unlock()
		if up != nil {
			st := up.Stats()
			s.Up.Add(st)
			s.Tracks = append(s.Tracks, TrackStats{Info: up.Info(), Layers: up.Layers(), UpStats: st})
		}
	}
	for _, sl := range p.slots {
		st := sl.down.Stats()
		s.Down.Add(st)
		s.Slots = append(s.Slots, SlotStats{Mid: sl.mid, Kind: sl.kind, DownStats: st})
	}
	return s
}

// add counts a peer in.
func (s *Stats) add(p PeerStats) {
	s.Up.Add(p.Up)
	s.Down.Add(p.Down)
	s.MalformedRTCP += p.MalformedRTCP
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
	s.Socket = e.sockets.Stats()
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
