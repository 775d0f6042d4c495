package botclient

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/meetcast/meetcast/signaling/wire"
)

// maxChat bounds the chat texts a bot remembers; the oldest is forgotten first.
const maxChat = 200

// State is what a bot knows of its room.
type State struct {
	Self         string
	Resume       string
	Moderator    bool
	Room         wire.Room
	Participants map[string]wire.Participant
	Slots        []wire.Slot
	Speakers     []string
	Broadcast    wire.Broadcast
	Chat         []wire.Chat
	Left         map[string]string // participants gone: the reason
	Kicked       bool
	Connected    bool // ICE and DTLS are up
	Closed       bool // the socket is gone
}

// Named returns the participant with a display name.
func (s State) Named(name string) (wire.Participant, bool) {
	for _, p := range s.Participants {
		if p.Name == name {
			return p, true
		}
	}
	return wire.Participant{}, false
}

// Event is one message of the server that is not an answer. Message points to
// the decoded wire type (such as *wire.Slots), nil for types unknown here.
type Event struct {
	Type    string
	Message any
}

// EventClosed is the type of the last event on a socket; Message is the error.
const EventClosed = "closed"

// board holds a bot's state and wakes those who wait for it to change.
type board struct {
	mu      sync.Mutex
	state   State
	changed chan struct{} // closed at the next change
}

func newBoard() *board {
	return &board{
		state:   State{Participants: map[string]wire.Participant{}, Left: map[string]string{}},
		changed: make(chan struct{}),
	}
}

func (b *board) update(change func(*State)) {
	b.mu.Lock()
	change(&b.state)
	close(b.changed)
	b.changed = make(chan struct{})
	b.mu.Unlock()
}

// view returns a copy and the channel that tells of the next change.
func (b *board) view() (State, <-chan struct{}) {
	b.mu.Lock()
	defer b.mu.Unlock()
	s := b.state
	s.Participants = maps.Clone(s.Participants)
	s.Left = maps.Clone(s.Left)
	s.Slots = slices.Clone(s.Slots)
	s.Speakers = slices.Clone(s.Speakers)
	s.Chat = slices.Clone(s.Chat)
	return s, b.changed
}

// wait returns when ok holds, or the context ends.
func (b *board) wait(ctx context.Context, ok func(State) bool) error {
	for {
		state, changed := b.view()
		if ok(state) {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for the room's state: %w", ctx.Err())
		case <-changed:
		}
	}
}

// decode returns the typed form of a server message.
func decode(kind string, raw []byte) (any, error) {
	var m any
	switch kind {
	case wire.TypeCandidate:
		m = new(wire.Candidate)
	case wire.TypeSlots:
		m = new(wire.Slots)
	case wire.TypeLayers:
		m = new(wire.Layers)
	case wire.TypeParticipants:
		m = new(wire.Participants)
	case wire.TypeSpeakers:
		m = new(wire.Speakers)
	case wire.TypeBroadcast:
		m = new(wire.Broadcast)
	case wire.TypeChat:
		m = new(wire.Chat)
	case wire.TypeMuteRequest:
		m = new(wire.MuteRequest)
	case wire.TypeKicked:
		m = new(wire.Kicked)
	case wire.TypePong:
		m = new(wire.Pong)
	case wire.TypeError:
		m = new(wire.Error)
	default:
		return nil, nil
	}
	if err := json.Unmarshal(raw, m); err != nil {
		return nil, fmt.Errorf("decode %s: %w", kind, err)
	}
	return m, nil
}

// apply brings the state up to date with a message.
func (s *State) apply(message any) {
	switch m := message.(type) {
	case *wire.Slots:
		s.Slots = m.Slots
	case *wire.Speakers:
		s.Speakers = m.Speakers
	case *wire.Broadcast:
		s.Broadcast = *m
	case *wire.Kicked:
		s.Kicked = true
	case *wire.Chat:
		s.Chat = append(s.Chat, *m)
		if len(s.Chat) > maxChat {
			s.Chat = slices.Delete(s.Chat, 0, len(s.Chat)-maxChat)
		}
	case *wire.Participants:
		for _, p := range slices.Concat(m.Joined, m.Updated) {
			s.Participants[p.ID] = p
			delete(s.Left, p.ID)
		}
		for _, l := range m.Left {
			delete(s.Participants, l.ID)
			s.Left[l.ID] = l.Reason
		}
	}
}

// joined starts the state afresh, as after every join.
func (s *State) joined(m wire.Joined) {
	s.Self, s.Resume, s.Moderator, s.Room = m.Self, m.Resume, m.Moderator, m.Room
	s.Broadcast, s.Chat, s.Closed = m.Broadcast, m.Chat, false
	s.Participants = make(map[string]wire.Participant, len(m.Participants))
	for _, p := range m.Participants {
		s.Participants[p.ID] = p
	}
}
