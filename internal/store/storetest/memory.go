// Package storetest holds what tests need around the store: a fake in memory
// and the conformance suite which the fake and the real one both pass.
package storetest

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/meetcast/meetcast/internal/store"
)

// Memory is a store.Store that forgets everything with the process. The zero
// value is not usable; see NewMemory.
type Memory struct {
	mu       sync.Mutex
	entries  map[string]store.Entry
	revision uint64
	watches  map[*memoryWatch]struct{}
	closed   bool
	fail     error
}

var _ store.Store = (*Memory)(nil)

// NewMemory returns an empty store.
func NewMemory() *Memory {
	return &Memory{
		entries: make(map[string]store.Entry),
		watches: make(map[*memoryWatch]struct{}),
	}
}

// Fail makes every call answer err from now on, as a broken disk would; nil
// heals it.
func (m *Memory) Fail(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.fail = err
}

// Get implements store.Store.
func (m *Memory) Get(ctx context.Context, key string) (store.Entry, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.readyLocked(ctx, store.CheckKey(key)); err != nil {
		return store.Entry{}, fmt.Errorf("get: %w", err)
	}
	e, ok := m.entries[key]
	if !ok {
		return store.Entry{}, fmt.Errorf("get: %w", store.ErrNotFound)
	}
	e.Value = slices.Clone(e.Value)
	return e, nil
}

// Put implements store.Store.
func (m *Memory) Put(ctx context.Context, key string, value []byte) (uint64, error) {
	return m.write(ctx, "put", key, value, func(store.Entry, bool) error { return nil })
}

// Create implements store.Store.
func (m *Memory) Create(ctx context.Context, key string, value []byte) (uint64, error) {
	return m.write(ctx, "create", key, value, func(_ store.Entry, ok bool) error {
		if ok {
			return store.ErrExists
		}
		return nil
	})
}

// Update implements store.Store.
func (m *Memory) Update(ctx context.Context, key string, value []byte, revision uint64) (uint64, error) {
	return m.write(ctx, "update", key, value, func(e store.Entry, ok bool) error {
		if !ok || e.Revision != revision {
			return store.ErrConflict
		}
		return nil
	})
}

func (m *Memory) write(ctx context.Context, doing, key string, value []byte, may func(store.Entry, bool) error) (uint64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	err := m.readyLocked(ctx, store.CheckKey(key))
	if err == nil && len(value) > store.MaxValue {
		err = store.ErrTooLarge
	}
	if err == nil {
		old, ok := m.entries[key]
		err = may(old, ok)
	}
	if err != nil {
		return 0, fmt.Errorf("%s: %w", doing, err)
	}
	m.revision++
	e := store.Entry{Key: key, Value: slices.Clone(value), Revision: m.revision, Created: time.Now()}
	m.entries[key] = e
	m.tellLocked(store.Event{Entry: e})
	return e.Revision, nil
}

// Delete implements store.Store.
func (m *Memory) Delete(ctx context.Context, key string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.readyLocked(ctx, store.CheckKey(key)); err != nil {
		return fmt.Errorf("delete: %w", err)
	}
	m.revision++
	delete(m.entries, key)
	e := store.Entry{Key: key, Revision: m.revision, Created: time.Now()}
	m.tellLocked(store.Event{Entry: e, Deleted: true})
	return nil
}

// Keys implements store.Store.
func (m *Memory) Keys(ctx context.Context, prefix string) ([]string, error) {
	entries, err := m.List(ctx, prefix)
	if err != nil {
		return nil, err
	}
	var keys []string
	for _, e := range entries {
		keys = append(keys, e.Key)
	}
	return keys, nil
}

// List implements store.Store.
func (m *Memory) List(ctx context.Context, prefix string) ([]store.Entry, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.readyLocked(ctx, store.CheckPrefix(prefix)); err != nil {
		return nil, fmt.Errorf("list: %w", err)
	}
	return m.listLocked(prefix), nil
}

func (m *Memory) listLocked(prefix string) []store.Entry {
	var list []store.Entry
	for _, key := range slices.Sorted(maps.Keys(m.entries)) {
		if under(key, prefix) {
			e := m.entries[key]
			e.Value = slices.Clone(e.Value)
			list = append(list, e)
		}
	}
	return list
}

// Close ends all watches; every later call answers store.ErrClosed.
func (m *Memory) Close() error {
	m.mu.Lock()
	m.closed = true
	watches := slices.Collect(maps.Keys(m.watches))
	m.mu.Unlock()
	for _, w := range watches {
		w.stop()
	}
	return nil
}

func (m *Memory) readyLocked(ctx context.Context, err error) error {
	switch {
	case err != nil:
		return err
	case ctx.Err() != nil:
		return ctx.Err()
	case m.closed:
		return store.ErrClosed
	}
	return m.fail
}

func under(key, prefix string) bool {
	return prefix == "" || strings.HasPrefix(key, prefix+".")
}
