package signaling

import (
	"encoding/json"

	"github.com/meetcast/meetcast/sfu/room"
	"github.com/meetcast/meetcast/signaling/wire"
	"github.com/meetcast/meetcast/signaling/ws"
)

// What is told of participants is most of what a large room says: each is
// encoded once for each of its changes, and messages are put together from that.

// encodeParticipant encodes one participant.
func encodeParticipant(m *room.MemberInfo) []byte { return encode(wireParticipant(m)) }

// encode encodes values whose types cannot fail to be encoded.
func encode(v any) []byte {
	data, err := json.Marshal(v)
	if err != nil {
		panic(err) // a bug: such a type was given
	}
	return data
}

// appendParticipants appends a member "name" of a JSON object whose value is the
// list, after what there is in the object.
func appendParticipants(b []byte, name string, list []*room.MemberInfo) []byte {
	b = append(b, `,"`+name+`":[`...)
	for i, m := range list {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, m.Encoded(encodeParticipant)...)
	}
	return append(b, ']')
}

// encodePresence encodes a wire.Participants.
func encodePresence(e *room.Presence) ws.Encoded {
	out := wire.Participants{Head: wire.Head{Type: wire.TypeParticipants}}
	for _, l := range e.Left {
		out.Left = append(out.Left, wire.Left{ID: string(l.ID), Reason: string(l.Reason)})
	}
	b := open(encode(out))
	if len(e.Joined) > 0 {
		b = appendParticipants(b, "joined", e.Joined)
	}
	if len(e.Updated) > 0 {
		b = appendParticipants(b, "updated", e.Updated)
	}
	return append(b, '}')
}

// encodeJoined encodes a wire.Joined with these participants.
func encodeJoined(j *wire.Joined, members []*room.MemberInfo) ws.Encoded {
	rest := struct {
		*wire.Joined
		Participants *struct{} `json:"participants,omitempty"` // hides that of Joined
	}{Joined: j}
	b := open(encode(rest))
	if len(members) > 0 {
		// Most participants take about as many bytes.
		size := len(b) + len(members)*(len(members[0].Encoded(encodeParticipant))+32)
		b = append(make([]byte, 0, size), b...)
	}
	return append(appendParticipants(b, "participants", members), '}')
}

// open takes the end of a JSON object off, so that members can be appended. The
// object is not empty: every message has a type.
func open(object []byte) []byte { return object[:len(object)-1] }
