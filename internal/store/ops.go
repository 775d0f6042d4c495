package store

import (
	"context"
	"errors"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// markerTTL is how long the marker of a deleted key stays for slow watchers.
const markerTTL = time.Hour

// Get implements Store.
func (s *NATS) Get(ctx context.Context, key string) (Entry, error) {
	if err := CheckKey(key); err != nil {
		return Entry{}, s.wrap("get "+quote(key), err)
	}
	e, err := s.kv.Get(ctx, key)
	if err != nil {
		return Entry{}, s.wrap("get "+quote(key), err)
	}
	return entryOf(e), nil
}

// Put implements Store.
func (s *NATS) Put(ctx context.Context, key string, value []byte) (uint64, error) {
	err := check(key, value)
	if err == nil {
		var rev uint64
		if rev, err = s.kv.Put(ctx, key, value); err == nil {
			return rev, nil
		}
	}
	return 0, s.wrap("put "+quote(key), err)
}

// Create implements Store.
func (s *NATS) Create(ctx context.Context, key string, value []byte) (uint64, error) {
	err := check(key, value)
	if err == nil {
		var rev uint64
		if rev, err = s.kv.Create(ctx, key, value); err == nil {
			return rev, nil
		}
		if errors.Is(err, jetstream.ErrKeyExists) {
			err = ErrExists
		}
	}
	return 0, s.wrap("create "+quote(key), err)
}

// Update implements Store.
func (s *NATS) Update(ctx context.Context, key string, value []byte, revision uint64) (uint64, error) {
	err := check(key, value)
	if err == nil && revision == 0 {
		// Revision 0 would mean "must not exist" to the server; to us no entry
		// has it, so nobody can have read it.
		err = ErrConflict
	}
	if err == nil {
		var rev uint64
		if rev, err = s.kv.Update(ctx, key, value, revision); err == nil {
			return rev, nil
		}
		if errors.Is(err, jetstream.ErrKeyExists) || errors.Is(err, jetstream.ErrKeyRevisionMismatch) {
			err = ErrConflict
		}
	}
	return 0, s.wrap("update "+quote(key), err)
}

// Delete implements Store.
func (s *NATS) Delete(ctx context.Context, key string) error {
	err := CheckKey(key)
	if err == nil {
		// A purge with a TTL leaves a marker that disappears by itself.
		if err = s.kv.Purge(ctx, key, jetstream.PurgeTTL(markerTTL)); err == nil {
			return nil
		}
	}
	return s.wrap("delete "+quote(key), err)
}

func check(key string, value []byte) error {
	if err := CheckKey(key); err != nil {
		return err
	}
	if len(value) > MaxValue {
		return ErrTooLarge
	}
	return nil
}

// quote shortens a key for an error text; a malformed key may be anything.
func quote(key string) string {
	if len(key) > 64 {
		key = key[:64] + "…"
	}
	return `"` + key + `"`
}

func entryOf(e jetstream.KeyValueEntry) Entry {
	return Entry{Key: e.Key(), Value: e.Value(), Revision: e.Revision(), Created: e.Created()}
}
