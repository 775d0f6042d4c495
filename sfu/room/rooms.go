package room

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/meetcast/meetcast/sfu/track"
)

// Rooms makes and closes rooms. A room is there from its first member or
// observer to its last.
type Rooms struct {
	cfg   Config
	bans  *banList
	stats counters

	mu     sync.Mutex
	rooms  map[track.RoomID]*Room
	closed bool

	loops sync.WaitGroup
}

// NewRooms returns an empty registry.
func NewRooms(cfg Config) *Rooms {
	cfg = cfg.withDefaults()
	return &Rooms{cfg: cfg, bans: newBanList(cfg.MaxBans), rooms: make(map[track.RoomID]*Room)}
}

// Join adds a member to a room, which is made when there is none. The client's
// first event, a Welcome, comes before Join returns. Errors are ErrBanned,
// ErrFull, ErrTooManyRooms, ErrClosed, or those of Config.Bans.
func (r *Rooms) Join(ctx context.Context, id track.RoomID, who Identity, client Client) (*Member, error) {
	if r.cfg.Bans != nil && who.TokenID != "" {
		banned, err := r.cfg.Bans.Banned(ctx, id, who.TokenID)
		if err != nil {
			return nil, fmt.Errorf("look up bans: %w", err)
		}
		if banned {
			return nil, ErrBanned
		}
	}
	for {
		room, err := r.open(id)
		if err != nil {
			return nil, err
		}
		m := &Member{
			id: newMemberID(), room: room, client: client, identity: who,
			name: who.Name, muted: make(map[track.Source]bool), asked: make(map[track.Source]track.MemberID),
		}
		reply := make(chan error, 1)
		switch err := room.ask(&join{m, reply}, reply); {
		case err == nil:
			return m, nil
		case !errors.Is(err, errRoomClosed):
			return nil, err
		}
		// The room closed between open and join: make another.
	}
}

// Kick removes another member from m's room and bans its token from the room
// until the token expires. After ErrBanNotKept the member is gone all the same.
func (m *Member) Kick(ctx context.Context, id track.MemberID) error {
	reply := make(chan error, 1)
	a := &kick{m: m, target: id, reply: reply}
	if err := m.room.ask(a, reply); err != nil {
		return gone(err)
	}
	keep := m.room.cfg.Bans
	if keep == nil || a.banned.TokenID == "" {
		return nil
	}
	if err := keep.Ban(ctx, m.room.id, a.banned.TokenID, a.banned.banEnd(time.Now())); err != nil {
		return fmt.Errorf("%w: %w", ErrBanNotKept, err)
	}
	return nil
}

// Get returns a room that is open.
func (r *Rooms) Get(id track.RoomID) (*Room, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	room, ok := r.rooms[id]
	return room, ok
}

// open returns the room of that name and makes it if need be.
func (r *Rooms) open(id track.RoomID) (*Room, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return nil, ErrClosed
	}
	if room, ok := r.rooms[id]; ok {
		return room, nil
	}
	if len(r.rooms) >= r.cfg.MaxRooms {
		return nil, ErrTooManyRooms
	}
	room := newRoom(id, r)
	r.rooms[id] = room
	r.loops.Go(room.run)
	room.logger.Info("room opened")
	return room, nil
}

// release forgets a room that is empty. Whoever holds it gets errRoomClosed.
func (r *Rooms) release(room *Room) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.rooms[room.id] == room {
		delete(r.rooms, room.id)
	}
}

// Close ends all rooms and waits. It is idempotent.
func (r *Rooms) Close() error {
	r.mu.Lock()
	r.closed = true
	for _, room := range r.rooms {
		room.post(closeRoom{})
	}
	clear(r.rooms)
	r.mu.Unlock()
	r.loops.Wait()
	return nil
}

// newMemberID returns an id that nobody guesses or has had before.
func newMemberID() track.MemberID {
	return track.MemberID("m-" + strings.ToLower(rand.Text()[:14]))
}

// Stats counts what happened in all rooms so far; Rooms, Members and Bans are
// the numbers at present.
type Stats struct {
	Rooms, Members, Bans               int
	Joins, Resumes, Left, Kicked, Lost int64
}

type counters struct {
	members, joins, resumes, left, kicked, lost atomic.Int64
}

func (c *counters) count(reason Reason) {
	switch reason {
	case ReasonLeft:
		c.left.Add(1)
	case ReasonKicked:
		c.kicked.Add(1)
	case ReasonLost:
		c.lost.Add(1)
	}
}

// Stats returns the counters.
func (r *Rooms) Stats() Stats {
	r.mu.Lock()
	rooms := len(r.rooms)
	r.mu.Unlock()
	return Stats{
		Rooms: rooms, Members: int(r.stats.members.Load()), Bans: r.bans.len(),
		Joins: r.stats.joins.Load(), Resumes: r.stats.resumes.Load(), Left: r.stats.left.Load(),
		Kicked: r.stats.kicked.Load(), Lost: r.stats.lost.Load(),
	}
}
