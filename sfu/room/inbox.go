package room

import "sync"

// action changes a room; apply runs on its loop.
type action interface{ apply(*Room) }

// inbox is an unbounded queue of actions with one reader. See the package
// comment for why it needs no bound.
type inbox struct {
	ready chan struct{} // holds one token while the queue is not empty

	mu     sync.Mutex
	queue  []action
	closed bool
}

func newInbox() *inbox {
	return &inbox{ready: make(chan struct{}, 1)}
}

// post queues an action and reports whether the loop will see it.
func (b *inbox) post(a action) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return false
	}
	b.queue = append(b.queue, a)
	select {
	case b.ready <- struct{}{}:
	default:
	}
	return true
}

// take returns what is queued, in order; spare becomes the next queue.
func (b *inbox) take(spare []action) []action {
	b.mu.Lock()
	defer b.mu.Unlock()
	queue := b.queue
	b.queue = spare[:0]
	return queue
}

// close refuses whatever comes from now on.
func (b *inbox) close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed, b.queue = true, nil
}
