// Package catalog knows the organisations, their API keys and their streams. It
// keeps all of it in the store, under these keys:
//
//	orgs.ORG                 an organisation
//	apikeys.PREFIX           the hash of an API key, found by the key's prefix
//	streams.ORG.ID           a stream; ids grow with time
//	names.NAME               which stream a stream name means
//	rooms.ORG.ROOM           which stream a room has for its own
//	meta.bootstrap           how far the first start has come
package catalog

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/meetcast/meetcast/internal/store"
)

// The errors callers may tell apart with errors.Is.
var (
	// ErrNotFound means that there is no such organisation, stream or key.
	ErrNotFound = errors.New("not found")
	// ErrAPIKey means that an API key is malformed, unknown or revoked.
	ErrAPIKey = errors.New("unknown API key")
	// ErrTaken means that a stream name belongs to another organisation.
	ErrTaken = errors.New("stream name belongs to another organisation")
)

// InvalidError says that a value given by a client cannot be stored.
type InvalidError struct {
	Field string
	// Message is a sentence for people.
	Message string
}

// Error implements error.
func (e *InvalidError) Error() string { return e.Field + ": " + e.Message }

// KV is what a Catalog needs of a store.
type KV interface {
	Get(ctx context.Context, key string) (store.Entry, error)
	Create(ctx context.Context, key string, value []byte) (uint64, error)
	Update(ctx context.Context, key string, value []byte, revision uint64) (uint64, error)
	Delete(ctx context.Context, key string) error
	Keys(ctx context.Context, prefix string) ([]string, error)
	List(ctx context.Context, prefix string) ([]store.Entry, error)
}

// Catalog is safe for concurrent use, also by several processes on one store.
type Catalog struct {
	kv  KV
	now func() time.Time

	mu     sync.Mutex
	lastID uint64 // time part of the newest stream id
}

// New returns the catalog in kv. A nil now is time.Now.
func New(kv KV, now func() time.Time) *Catalog {
	if now == nil {
		now = time.Now
	}
	return &Catalog{kv: kv, now: now}
}

// stamp is the time as it is stored.
func (c *Catalog) stamp() time.Time { return c.now().UTC().Truncate(time.Millisecond) }

// get reads one record.
func get[T any](ctx context.Context, kv KV, key string) (v T, revision uint64, err error) {
	e, err := kv.Get(ctx, key)
	switch {
	case errors.Is(err, store.ErrNotFound), errors.Is(err, store.ErrKey):
		return v, 0, ErrNotFound // nothing is stored under a malformed key
	case err != nil:
		return v, 0, err
	}
	if err := json.Unmarshal(e.Value, &v); err != nil {
		return v, 0, fmt.Errorf("decode %s: %w", key, err)
	}
	return v, e.Revision, nil
}

// create writes a record that must not exist.
func create(ctx context.Context, kv KV, key string, v any) (uint64, error) {
	data, err := json.Marshal(v)
	if err != nil {
		return 0, fmt.Errorf("encode %s: %w", key, err)
	}
	return kv.Create(ctx, key, data)
}

// update writes a record that must still have the given revision.
func update(ctx context.Context, kv KV, key string, v any, revision uint64) (uint64, error) {
	data, err := json.Marshal(v)
	if err != nil {
		return 0, fmt.Errorf("encode %s: %w", key, err)
	}
	return kv.Update(ctx, key, data, revision)
}

// maxTries bounds how often a change is attempted again after another writer
// was faster; each failure means that somebody else succeeded.
const maxTries = 100

// change reads a record, lets edit change it and writes it, again if another
// writer came between.
func change[T any](ctx context.Context, kv KV, key string, edit func(*T) error) (T, error) {
	for range maxTries {
		v, revision, err := get[T](ctx, kv, key)
		if err != nil {
			return v, err
		}
		if err := edit(&v); err != nil {
			return v, err
		}
		if _, err = update(ctx, kv, key, v, revision); !errors.Is(err, store.ErrConflict) {
			return v, err
		}
	}
	var zero T
	return zero, fmt.Errorf("change %s: too many writers", key)
}
