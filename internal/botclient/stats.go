package botclient

import (
	"time"

	"github.com/meetcast/meetcast/sfu/packet"
	"github.com/meetcast/meetcast/sfu/track"
)

// maxBindTimes bounds SlotStats.BindTime; the oldest is dropped.
const maxBindTimes = 1000

// Stats is what a bot has seen so far.
type Stats struct {
	// JoinTime runs from the start of Dial to ICE and DTLS being up; MediaTime
	// to the first media packet. Zero: not yet.
	JoinTime, MediaTime time.Duration
	Messages            uint64 // signaling messages received, answers aside
	DroppedEvents       uint64 // events nobody read in time
	Slots               []SlotStats
	Sent                []SentStats
}

// SlotStats are the books of one receive line.
type SlotStats struct {
	Mid         string
	Kind        track.Kind
	Participant string // bound now; empty while the slot carries nothing
	Source      track.Source
	Codec       packet.Codec

	Packets, Bytes uint64 // RTP packets and their bytes with headers
	Recovered      uint64 // came after a later one: reordered or retransmitted
	Duplicate      uint64
	Lost           uint64 // asked for in vain
	Missing        int    // asked for, not yet here
	Resets         uint64 // jumps of the sequence, which should go on for ever
	NACKs          uint64 // packets asked for, repeats included
	PLIs           uint64 // key frames asked for
	Frames         uint64 // complete pictures
	KeyFrames      uint64
	Freezes        uint64
	Frozen         time.Duration // sum of all freezes
	Late           uint64        // times without a packet for over a second while bound
	LongestGap     time.Duration // of those that ended
	Binds          uint64        // changes of what it carries
	// BindTime runs from the slot map to the first packet, for each bind.
	BindTime []time.Duration
}

// SentStats are the books of one published encoding.
type SentStats struct {
	Source              track.Source
	RID                 string
	Packets, Bytes      uint64 // payload bytes
	KeyFrameRequests    uint64
	RetransmitRequests  uint64
	Skipped             uint64 // packets that could not be written
	LateFrames          uint64 // frames the machine was too slow for
	PayloadBitrateAimed int    // bit/s of the clip
}

// Stats returns a copy of the books.
func (b *Bot) Stats() Stats {
	b.mu.Lock()
	s := Stats{Messages: b.messages.Load(), DroppedEvents: b.dropped.Load()}
	if !b.connectedAt.IsZero() {
		s.JoinTime = b.connectedAt.Sub(b.dialed)
	}
	if !b.mediaAt.IsZero() {
		s.MediaTime = b.mediaAt.Sub(b.dialed)
	}
	b.mu.Unlock()
	for _, r := range b.allReceivers() {
		s.Slots = append(s.Slots, r.snapshot())
	}
	for _, t := range b.cfg.Publish {
		if sender, ok := b.senders[t.Source]; ok {
			s.Sent = append(s.Sent, sender.snapshot()...)
		}
	}
	return s
}

func (r *receiver) snapshot() SlotStats {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.stats
	s.Participant, s.Source, s.Codec = r.slot.Participant, r.slot.Source, r.slot.Codec
	s.Recovered, s.Duplicate, s.Lost = r.seq.Late, r.seq.Duplicate, r.seq.Lost
	s.Resets, s.NACKs, s.Missing = r.seq.Resets, r.seq.NACKs, len(r.seq.missing)
	s.BindTime = append([]time.Duration(nil), s.BindTime...)
	return s
}

func (s *sender) snapshot() []SentStats {
	var out []SentStats
	for _, e := range s.layers {
		out = append(out, SentStats{
			Source: s.source, RID: e.rid, Packets: e.packets.Load(), Bytes: e.bytes.Load(),
			KeyFrameRequests: e.plis.Load(), RetransmitRequests: e.nacks.Load(), Skipped: e.skipped.Load(),
			LateFrames: s.bursts.Load(), PayloadBitrateAimed: e.clip.Bitrate(),
		})
	}
	return out
}
