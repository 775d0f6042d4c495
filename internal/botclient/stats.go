package botclient

import (
	"slices"
	"time"

	"github.com/meetcast/meetcast/internal/botclient/light"
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
	Offers              int    // sent; more than one is a renegotiation
	Strays              uint64 // packets of streams that nobody told of
	Path                light.Stats
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
	Lost           uint64 // asked for in vain; of sound: never came
	Skipped        uint64 // given up because a key frame made it needless
	Concealed      uint64 // sound that came as a redundant copy only
	Malformed      uint64 // redundant audio that makes no sense
	Missing        int    // asked for, not yet here
	Resets         uint64 // jumps of the sequence, which should go on for ever
	NACKs          uint64 // packets asked for, repeats included
	PLIs           uint64 // key frames asked for
	Frames         uint64 // complete pictures, in order, that decode
	KeyFrames      uint64
	Freezes        uint64
	Frozen         time.Duration // sum of all freezes
	// Intervals between two pictures of what the slot carried, by length; one
	// that does not end counts after a second.
	Over200, Over500, Over1000 uint64
	LongestFreeze              time.Duration
	Foreign                    uint64        // marked pictures of somebody else than the slot map said
	Late                       uint64        // times without a packet for over a second while bound
	LongestGap                 time.Duration // of those that ended
	Binds                      uint64        // changes of what it carries
	// BindTime runs from the slot map to the first packet, for each bind.
	BindTime []time.Duration
	// SwitchTime runs from the slot map to the first picture that decodes.
	SwitchTime []time.Duration
	// Latency runs from a marked frame's sending to its being whole here.
	Latency Histogram
}

// SentStats are the books of one published encoding.
type SentStats struct {
	Source              track.Source
	RID                 string
	Packets, Bytes      uint64 // payload bytes
	KeyFrameRequests    uint64
	RetransmitRequests  uint64
	Repeated            uint64 // packets sent again
	Paused              bool   // nobody wants it
	Skipped             uint64 // packets that could not be written
	LateFrames          uint64 // frames the machine was too slow for
	PayloadBitrateAimed int    // bit/s of the clip
}

// Stats returns a copy of the books.
func (b *Bot) Stats() Stats {
	b.mu.Lock()
	s := Stats{Messages: b.messages.Load(), DroppedEvents: b.dropped.Load(),
		Offers: int(b.offered.Load()), Strays: b.strays.Load(), Path: b.conn.Stats()}
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
	s.Skipped, s.Concealed, s.Latency = r.seq.Skipped, r.seq.Concealed, r.latency
	s.BindTime, s.SwitchTime = slices.Clone(s.BindTime), slices.Clone(s.SwitchTime)
	return s
}

func (s *sender) snapshot() []SentStats {
	var out []SentStats
	for _, e := range s.layers {
		out = append(out, SentStats{
			Source: s.source, RID: e.rid, Packets: e.packets.Load(), Bytes: e.bytes.Load(),
			KeyFrameRequests: e.plis.Load(), RetransmitRequests: e.nacks.Load(),
			Repeated: e.repeated.Load(), Paused: e.paused.Load(), Skipped: e.skipped.Load(),
			LateFrames: s.bursts.Load(), PayloadBitrateAimed: e.clip.Bitrate(),
		})
	}
	return out
}
