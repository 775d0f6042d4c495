package signaling

import (
	"strings"
	"time"

	"github.com/meetcast/meetcast/sfu/room"
	"github.com/meetcast/meetcast/sfu/track"
	"github.com/meetcast/meetcast/signaling/wire"
)

// The words of Participant.Sources.
const (
	sourceOn    = "on"
	sourceMuted = "muted"
)

func wireParticipant(m *room.MemberInfo) wire.Participant {
	p := wire.Participant{
		ID: string(m.ID), Name: m.Name, Moderator: m.Moderator, Hand: unixMilli(m.Hand), Away: m.Away,
		Sources: make(map[string]string, len(m.Sources)),
	}
	for s, muted := range m.Sources {
		p.Sources[string(s)] = sourceOn
		if muted {
			p.Sources[string(s)] = sourceMuted
		}
	}
	return p
}

func wireSlots(e *room.SlotMap) *wire.Slots {
	out := &wire.Slots{Head: wire.Head{Type: wire.TypeSlots}, Slots: make([]wire.Slot, len(e.Slots))}
	for i, s := range e.Slots {
		out.Slots[i] = wire.Slot{Mid: s.Mid, Kind: s.Kind.String(), Participant: string(s.Member), Source: string(s.Source)}
		if s.Codec != 0 {
			out.Slots[i].Codec = strings.ToLower(s.Codec.String())
		}
	}
	return out
}

func wireSpeakers(list []track.MemberID) *wire.Speakers {
	out := &wire.Speakers{Head: wire.Head{Type: wire.TypeSpeakers}, Speakers: make([]string, len(list))}
	for i, id := range list {
		out.Speakers[i] = string(id)
	}
	return out
}

func wireChat(c room.Chat) wire.Chat {
	return wire.Chat{Head: wire.Head{Type: wire.TypeChat}, Text: c.Text, From: string(c.From), Name: c.Name, At: unixMilli(c.At)}
}

// wireBroadcast tells a moderator all, a participant what concerns it.
func wireBroadcast(s BroadcastStatus, moderator bool) wire.Broadcast {
	b := wire.Broadcast{Head: wire.Head{Type: wire.TypeBroadcast}, Status: s.State, Since: unixMilli(s.Since), Record: s.Record}
	if b.Status == "" {
		b.Status = wire.BroadcastIdle
	}
	if !moderator {
		return b
	}
	b.Reason, b.Layout, b.Live, b.VOD, b.NanoStream = s.Reason, s.Layout, s.Live, s.VOD, s.NanoStream
	for _, d := range s.Destinations {
		b.Destinations = append(b.Destinations, wire.Destination{URL: d.URL, Status: d.State, Reason: d.Reason})
	}
	return b
}

func unixMilli(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}
