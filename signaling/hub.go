package signaling

import (
	"sync"

	"golang.org/x/time/rate"

	"github.com/meetcast/meetcast/sfu/room"
	"github.com/meetcast/meetcast/sfu/track"
	"github.com/meetcast/meetcast/signaling/wire"
	"github.com/meetcast/meetcast/signaling/ws"
)

// hub is what the sessions of one room share: the status of the broadcast and
// messages that are encoded once for all.
type hub struct {
	room        track.RoomID
	broadcaster Broadcaster // may be nil
	chat        *rate.Limiter

	refs int // guarded by hubs.mu

	watch  sync.Once
	cancel func() // set by watch

	mu       sync.Mutex
	status   BroadcastStatus
	told     bool // status came from Watch
	sessions map[*session]struct{}
	// event is the last one turned into a message: the next session most
	// probably gets the same.
	event   room.Event
	message *ws.Message
}

// hubs holds the hubs of the rooms with sessions.
type hubs struct {
	broadcaster Broadcaster
	chatRate    rate.Limit
	chatBurst   int

	mu  sync.Mutex
	all map[track.RoomID]*hub
}

// acquire returns the hub of a room; release must follow.
func (h *hubs) acquire(id track.RoomID) *hub {
	h.mu.Lock()
	hb := h.all[id]
	if hb == nil {
		hb = &hub{room: id, broadcaster: h.broadcaster, chat: rate.NewLimiter(h.chatRate, h.chatBurst),
			sessions: make(map[*session]struct{})}
		h.all[id] = hb
	}
	hb.refs++
	h.mu.Unlock()
	hb.watch.Do(hb.start)
	return hb
}

// release gives a hub back; the last one ends it.
func (h *hubs) release(hb *hub) {
	h.mu.Lock()
	hb.refs--
	end := hb.refs == 0
	if end {
		delete(h.all, hb.room)
	}
	h.mu.Unlock()
	if end && hb.cancel != nil {
		hb.cancel()
	}
}

// start begins to watch the broadcast. What Watch tells is newer than what
// Status told.
func (h *hub) start() {
	if h.broadcaster == nil {
		return
	}
	h.cancel = h.broadcaster.Watch(h.room, h.changed)
	status := h.broadcaster.Status(h.room)
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.told {
		h.status = status
	}
}

// changed tells everybody a new status.
func (h *hub) changed(status BroadcastStatus) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.status, h.told = status, true
	full := ws.NewShared(func() any { return wireBroadcast(status, true) })
	reduced := ws.NewShared(func() any { return wireBroadcast(status, false) })
	for s := range h.sessions {
		if s.identity.May.Broadcast {
			s.send(full)
		} else {
			s.send(reduced)
		}
	}
}

// join has the session told of the broadcast from now on, after it was told the
// present status.
func (h *hub) join(s *session, tell func(BroadcastStatus)) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.sessions[s] = struct{}{}
	tell(h.status)
}

// leave ends it.
func (h *hub) leave(s *session) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.sessions, s)
}

// messageOf returns the message that tells an event, nil for one that is not
// told by a message of its own. What a room tells to many is encoded once.
func (h *hub) messageOf(e room.Event) *ws.Message {
	var value func() any
	switch e := e.(type) {
	case *room.SlotMap:
		return ws.NewLazy(func() any { return wireSlots(e) })
	case *room.MuteRequest:
		return ws.NewMessage(wire.MuteRequest{Head: wire.Head{Type: wire.TypeMuteRequest}, Source: string(e.Source), By: string(e.By)})
	case *room.Presence:
		value = func() any { return encodePresence(e) }
	case *room.Speakers:
		value = func() any { return wireSpeakers(e.Speakers) }
	case *room.Chat:
		value = func() any { return wireChat(*e) }
	default:
		return nil
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.event != e {
		h.event, h.message = e, ws.NewShared(value)
	}
	return h.message
}
