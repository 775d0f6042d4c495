package storetest

import (
	"context"
	"fmt"
	"sync"

	"github.com/meetcast/meetcast/internal/store"
)

// memoryWatch queues events for one watcher; its queue is unbounded because a
// test never writes much.
type memoryWatch struct {
	prefix string
	cancel context.CancelFunc
	ended  chan struct{}

	mu    sync.Mutex
	queue []store.Event
	wake  chan struct{}
}

// Watch implements store.Store.
func (m *Memory) Watch(ctx context.Context, prefix string, fn func(store.Event)) (func(), error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.readyLocked(ctx, store.CheckPrefix(prefix)); err != nil {
		return nil, fmt.Errorf("watch: %w", err)
	}
	ctx, cancel := context.WithCancel(ctx)
	w := &memoryWatch{
		prefix: prefix,
		cancel: cancel,
		ended:  make(chan struct{}),
		wake:   make(chan struct{}, 1),
	}
	for _, e := range m.listLocked(prefix) {
		w.push(store.Event{Entry: e})
	}
	m.watches[w] = struct{}{}
	go func() {
		defer close(w.ended)
		w.run(ctx, fn)
		m.mu.Lock()
		delete(m.watches, w)
		m.mu.Unlock()
	}()
	return w.stop, nil
}

func (m *Memory) tellLocked(ev store.Event) {
	for w := range m.watches {
		if under(ev.Key, w.prefix) {
			w.push(ev)
		}
	}
}

func (w *memoryWatch) push(ev store.Event) {
	w.mu.Lock()
	w.queue = append(w.queue, ev)
	w.mu.Unlock()
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

func (w *memoryWatch) run(ctx context.Context, fn func(store.Event)) {
	for {
		w.mu.Lock()
		queue := w.queue
		w.queue = nil
		w.mu.Unlock()
		for _, ev := range queue {
			if ctx.Err() != nil {
				return
			}
			fn(ev)
		}
		select {
		case <-w.wake:
		case <-ctx.Done():
			return
		}
	}
}

func (w *memoryWatch) stop() {
	w.cancel()
	<-w.ended
}
