package store

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"

	"github.com/nats-io/nats.go/jetstream"
)

// Keys implements Store.
func (s *NATS) Keys(ctx context.Context, prefix string) ([]string, error) {
	var keys []string
	err := s.scan(ctx, prefix, func(e jetstream.KeyValueEntry) { keys = append(keys, e.Key()) },
		jetstream.IgnoreDeletes(), jetstream.MetaOnly())
	if err != nil {
		return nil, s.wrap("list keys under "+quote(prefix), err)
	}
	slices.Sort(keys)
	return slices.Compact(keys), nil
}

// List implements Store.
func (s *NATS) List(ctx context.Context, prefix string) ([]Entry, error) {
	byKey := make(map[string]Entry)
	err := s.scan(ctx, prefix, func(e jetstream.KeyValueEntry) {
		// A key written during the scan comes twice; the later one counts.
		if isDelete(e) {
			delete(byKey, e.Key())
		} else {
			byKey[e.Key()] = entryOf(e)
		}
	})
	if err != nil {
		return nil, s.wrap("list "+quote(prefix), err)
	}
	entries := make([]Entry, 0, len(byKey))
	for _, e := range byKey {
		entries = append(entries, e)
	}
	slices.SortFunc(entries, func(a, b Entry) int { return strings.Compare(a.Key, b.Key) })
	return entries, nil
}

// scan calls fn with the entries that are there now.
func (s *NATS) scan(ctx context.Context, prefix string, fn func(jetstream.KeyValueEntry), opts ...jetstream.WatchOpt) error {
	ctx, cancel := context.WithCancel(ctx) // ends the library's goroutine on ctx
	defer cancel()
	w, err := s.watcher(ctx, prefix, opts...)
	if err != nil {
		return err
	}
	defer endWatcher(w)
	for {
		select {
		case e, ok := <-w.Updates():
			switch {
			case !ok:
				return errors.New("the connection ended")
			case e == nil: // the end of what is there
				return nil
			}
			fn(e)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Watch implements Store.
func (s *NATS) Watch(ctx context.Context, prefix string, fn func(Event)) (func(), error) {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil, s.wrap("watch "+quote(prefix), ErrClosed)
	}
	s.watches.Add(1) // under mu, so that Close cannot have begun to wait
	s.mu.Unlock()
	ctx, cancel := context.WithCancel(ctx)
	w, err := s.watcher(ctx, prefix)
	if err != nil {
		cancel()
		s.watches.Done()
		return nil, s.wrap("watch "+quote(prefix), err)
	}
	ended := make(chan struct{})
	go func() {
		defer s.watches.Done()
		defer close(ended)
		defer cancel()
		s.runWatch(ctx, w, fn)
	}()
	var once sync.Once
	return func() { once.Do(cancel); <-ended }, nil
}

func (s *NATS) runWatch(ctx context.Context, w jetstream.KeyWatcher, fn func(Event)) {
	defer endWatcher(w)
	for {
		// A stop wins over events that are already queued.
		if ctx.Err() != nil {
			return
		}
		select {
		case e, ok := <-w.Updates():
			if !ok {
				return
			}
			if e == nil {
				continue
			}
			ev := Event{Entry: entryOf(e), Deleted: isDelete(e)}
			if ev.Deleted {
				ev.Value = nil
			}
			fn(ev)
		case <-ctx.Done():
			return
		case <-s.done:
			return
		}
	}
}

func (s *NATS) watcher(ctx context.Context, prefix string, opts ...jetstream.WatchOpt) (jetstream.KeyWatcher, error) {
	if err := CheckPrefix(prefix); err != nil {
		return nil, err
	}
	if s.isClosed() {
		return nil, ErrClosed
	}
	filter := ">"
	if prefix != "" {
		filter = prefix + ".>"
	}
	return s.kv.WatchFiltered(ctx, []string{filter}, opts...)
}

// endWatcher stops a watcher and takes what it still has: its subscription
// blocks on the channel and would never end otherwise.
func endWatcher(w jetstream.KeyWatcher) {
	_ = w.Stop()
	for range w.Updates() {
		continue
	}
}

func isDelete(e jetstream.KeyValueEntry) bool {
	return e.Operation() != jetstream.KeyValuePut
}
