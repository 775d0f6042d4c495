// Package store is the server's memory: a small key-value port for streams,
// organisations, revocations and whatever else must outlive the process.
//
// A key is one or more tokens of letters, digits, "-" and "_" joined by dots,
// as in "streams.acme.0195". A prefix is a whole number of tokens: "streams"
// covers "streams.acme.0195" and not "streamsettings".
//
// Every key has a revision that grows with each write, so that two writers who
// read the same revision cannot both succeed with Update.
//
// Open gives the one implementation, NATS JetStream, embedded or remote; the
// package storetest holds the conformance suite and a fake for tests.
package store

import (
	"context"
	"errors"
	"time"
)

// Limits of the port, the same in every implementation.
const (
	MaxKey   = 400       // bytes of a key
	MaxValue = 512 << 10 // bytes of a value
)

// The errors callers may tell apart with errors.Is. Anything else is a fault of
// the store itself: disk, network, a cancelled context.
var (
	// ErrNotFound means that the key does not exist or was deleted.
	ErrNotFound = errors.New("key not found")
	// ErrExists means that Create found the key taken.
	ErrExists = errors.New("key exists")
	// ErrConflict means that somebody else wrote the key after the given revision.
	ErrConflict = errors.New("key was changed by another writer")
	// ErrKey means that a key or prefix is malformed or too long.
	ErrKey = errors.New("malformed key")
	// ErrTooLarge means that a value is longer than MaxValue.
	ErrTooLarge = errors.New("value too large")
	// ErrInUse means that another process has the data directory open.
	ErrInUse = errors.New("data directory is in use by another process")
	// ErrClosed means that the store was closed.
	ErrClosed = errors.New("store is closed")
)

// Entry is one key with its value.
type Entry struct {
	Key   string
	Value []byte
	// Revision of the last write, at least 1; grows over all keys of a store.
	Revision uint64
	// Created is when that revision was written.
	Created time.Time
}

// Event is one change seen by a watcher. Value is empty when Deleted.
type Event struct {
	Entry
	Deleted bool
}

// Store is the port. All methods are safe for concurrent use. A write that
// returned without an error is on disk: it is there after kill -9.
type Store interface {
	// Get returns ErrNotFound when the key does not exist.
	Get(ctx context.Context, key string) (Entry, error)
	// Put writes whatever was there before and returns the new revision.
	Put(ctx context.Context, key string, value []byte) (uint64, error)
	// Create writes a key that must not exist, else ErrExists.
	Create(ctx context.Context, key string, value []byte) (uint64, error)
	// Update writes if the key still has the given revision, else ErrConflict.
	Update(ctx context.Context, key string, value []byte, revision uint64) (uint64, error)
	// Delete removes a key. A key that does not exist is no error.
	Delete(ctx context.Context, key string) error
	// Keys returns the keys under a prefix in ascending order; "" means all.
	Keys(ctx context.Context, prefix string) ([]string, error)
	// List returns the entries under a prefix, ordered by key.
	List(ctx context.Context, prefix string) ([]Entry, error)
	// Watch calls fn with every entry under a prefix and then with each change,
	// in order and from one goroutine, until stop is called or ctx ends. stop is
	// idempotent and waits for a running call of fn; fn must not call it.
	Watch(ctx context.Context, prefix string, fn func(Event)) (stop func(), err error)
}

// CheckKey returns ErrKey unless key has the form described above.
func CheckKey(key string) error {
	if len(key) == 0 || len(key) > MaxKey {
		return ErrKey
	}
	token := 0
	for i := range len(key) {
		switch c := key[i]; {
		case c == '.':
			if token == 0 {
				return ErrKey
			}
			token = 0
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '-', c == '_':
			token++
		default:
			return ErrKey
		}
	}
	if token == 0 {
		return ErrKey
	}
	return nil
}

// CheckPrefix is CheckKey for prefixes, where "" is allowed.
func CheckPrefix(prefix string) error {
	if prefix == "" {
		return nil
	}
	return CheckKey(prefix)
}
