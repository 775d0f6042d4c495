package room

import (
	"context"
	"sync"
	"time"

	"github.com/meetcast/meetcast/sfu/track"
)

// Bans keeps bans beyond the life of the process. Its methods may do I/O; they
// are never called on a room's loop.
type Bans interface {
	// Ban keeps a token out of a room until a time.
	Ban(ctx context.Context, room track.RoomID, tokenID string, until time.Time) error
	// Banned tells whether a token is kept out of a room.
	Banned(ctx context.Context, room track.RoomID, tokenID string) (bool, error)
}

// maxBan is how long a token without an expiry is banned; none is valid longer.
const maxBan = 366 * 24 * time.Hour

type banKey struct {
	room    track.RoomID
	tokenID string
}

// banList holds the bans of all rooms of this process, bounded: beyond max the
// one that ends first is dropped.
type banList struct {
	max int

	mu    sync.Mutex
	until map[banKey]time.Time
}

func newBanList(max int) *banList {
	return &banList{max: max, until: make(map[banKey]time.Time)}
}

func (l *banList) add(now time.Time, k banKey, until time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.until[k] = until
	if len(l.until) <= l.max {
		return
	}
	var first banKey
	for k, t := range l.until {
		if !t.After(now) {
			delete(l.until, k)
		} else if f, ok := l.until[first]; !ok || t.Before(f) {
			first = k
		}
	}
	if len(l.until) > l.max {
		delete(l.until, first)
	}
}

func (l *banList) has(now time.Time, k banKey) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	until, ok := l.until[k]
	if ok && !until.After(now) {
		delete(l.until, k)
		return false
	}
	return ok
}

func (l *banList) len() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.until)
}
