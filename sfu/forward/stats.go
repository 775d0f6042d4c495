package forward

import (
	"github.com/meetcast/meetcast/sfu/track"
)

// Drop is a reason for which a packet was not forwarded.
type Drop uint8

// The reasons.
const (
	DropMalformed   Drop = iota // not RTP, or not what its codec says
	DropOversize                // longer than MTU
	DropDuplicate               // came twice
	DropLate                    // from before what is forwarded now
	DropCodec                   // of a codec that the other side did not agree to
	DropWaiting                 // before the first key frame of its source
	DropUnconnected             // no transport yet, or it is gone
	DropThrottled               // a retransmission beyond the allowed rate
	DropUncached                // asked for again, but no longer kept
	Drops                       // how many reasons there are
)

// String names the reason as a metric label.
func (d Drop) String() string {
	return [Drops + 1]string{"malformed", "oversize", "duplicate", "late", "codec", "waiting", "unconnected",
		"throttled", "uncached", "unknown"}[min(d, Drops)]
}

// UpStats counts what happened to one layer, or to all of a track.
type UpStats struct {
	Packets, Bytes uint64
	KeyFrames      uint64
	PLIs           uint64 // requests for key frames sent
	Nacks          uint64 // packets asked for again
	Recovered      uint64 // packets of audio that came out of later ones
	Drops          [Drops]uint64
}

// Add sums statistics.
func (s *UpStats) Add(o UpStats) {
	s.Packets += o.Packets
	s.Bytes += o.Bytes
	s.KeyFrames += o.KeyFrames
	s.PLIs += o.PLIs
	s.Nacks += o.Nacks
	s.Recovered += o.Recovered
	for i := range s.Drops {
		s.Drops[i] += o.Drops[i]
	}
}

// Stats sums over all layers of the track.
func (t *Track) Stats() UpStats {
	var sum UpStats
	for _, l := range t.lanes {
		l.stat.Lock()
		sum.Add(l.stats)
		l.stat.Unlock()
	}
	return sum
}

// DownStats counts what happened to one slot.
type DownStats struct {
	Source         track.TrackID // empty when nothing is bound
	Layer          int           // forwarded now, -1 for none
	Target         int           // wanted, -1 while paused
	Temporal       int           // highest temporal layer forwarded now
	Packets, Bytes uint64
	Switches       uint64 // changes of source or layer
	PLIs           uint64 // received from the subscriber
	Nacks          uint64 // packets that the subscriber missed
	RTX            uint64 // packets sent again
	Padding        uint64 // packets sent to probe
	Left           uint64 // packets of upper layers, left out
	Replays        uint64 // key frames that came from the cache
	Drops          [Drops]uint64
}

// Add sums the counters.
func (s *DownStats) Add(o DownStats) {
	s.Packets += o.Packets
	s.Bytes += o.Bytes
	s.Switches += o.Switches
	s.PLIs += o.PLIs
	s.Nacks += o.Nacks
	s.RTX += o.RTX
	s.Padding += o.Padding
	s.Left += o.Left
	s.Replays += o.Replays
	for i := range s.Drops {
		s.Drops[i] += o.Drops[i]
	}
}
