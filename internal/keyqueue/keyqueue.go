// Package keyqueue is a bounded queue of encoded media. When it is full it
// drops up to a key picture, never in the middle of a picture group: what comes
// out always decodes.
package keyqueue

import (
	"context"
	"errors"
	"sync"
	"time"
)

// ErrClosed is returned by Pop when the queue is closed and empty.
var ErrClosed = errors.New("queue closed")

// Meta is what the queue must know about an item.
type Meta struct {
	// Entry is true when a decoder may start with this item: a key picture, or
	// any frame of a programme without picture.
	Entry bool
	// Bytes the item holds.
	Bytes int
	// At is the decode time of the item, for the limit of time.
	At time.Duration
}

// Limits of a queue. A zero part does not limit.
type Limits struct {
	Items int
	Bytes int
	// Span between the decode times of the oldest and the newest item.
	Span time.Duration
}

// Queue is a bounded first-in first-out queue of T; safe for concurrent use.
type Queue[T any] struct {
	limits Limits

	mu      sync.Mutex
	items   []entry[T]
	bytes   int
	starved bool // dropped something: wait for the next Entry
	closed  bool
	dropped uint64
	wake    chan struct{} // holds one token when items or closed changed
}

type entry[T any] struct {
	v T
	m Meta
}

// New returns an empty queue.
func New[T any](l Limits) *Queue[T] {
	return &Queue[T]{limits: l, starved: true, wake: make(chan struct{}, 1)}
}

// Push appends v and returns how many items that cost: those dropped because
// the queue was full or because v needs a key picture that is not there. It
// never blocks. A closed queue drops everything.
func (q *Queue[T]) Push(v T, m Meta) (dropped int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed || (q.starved && !m.Entry) {
		q.dropped++
		return 1
	}
	q.starved = false
	q.items = append(q.items, entry[T]{v, m})
	q.bytes += m.Bytes
	if q.overfull() {
		dropped = q.shrink()
	}
	q.dropped += uint64(dropped)
	q.signal()
	return dropped
}

// Rewind drops all that precedes the newest Entry and returns how many items
// that were: a reader that comes back wants the newest picture group.
func (q *Queue[T]) Rewind() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	n := 0
	for i := len(q.items) - 1; i > 0; i-- {
		if q.items[i].m.Entry {
			n = q.cut(i)
			break
		}
	}
	q.dropped += uint64(n)
	return n
}

// Starve empties the queue and makes it wait for an Entry: the reader has lost
// its place. It returns how many items were dropped.
func (q *Queue[T]) Starve() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	n := q.cut(len(q.items))
	q.starved = true
	q.dropped += uint64(n)
	return n
}

// SkipToEntry drops items until the next one is an Entry; the reader of a new
// connection starts there.
func (q *Queue[T]) SkipToEntry() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	i := 0
	for i < len(q.items) && !q.items[i].m.Entry {
		i++
	}
	if i == len(q.items) {
		q.starved = true
	}
	n := q.cut(i)
	q.dropped += uint64(n)
	return n
}

// Pop removes the oldest item; it waits for one until ctx is done or the queue
// is closed and empty.
func (q *Queue[T]) Pop(ctx context.Context) (T, error) {
	for {
		if v, ok := q.TryPop(); ok {
			return v, nil
		}
		q.mu.Lock()
		closed := q.closed && len(q.items) == 0
		q.mu.Unlock()
		var zero T
		if closed {
			return zero, ErrClosed
		}
		select {
		case <-q.wake:
		case <-ctx.Done():
			return zero, ctx.Err()
		}
	}
}

// TryPop removes the oldest item if there is one.
func (q *Queue[T]) TryPop() (T, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	var zero T
	if len(q.items) == 0 {
		return zero, false
	}
	e := q.items[0]
	q.cut(1)
	if len(q.items) > 0 || q.closed {
		q.signal()
	}
	return e.v, true
}

// Wake has a token whenever there may be something to pop. There must be one
// reader.
func (q *Queue[T]) Wake() <-chan struct{} { return q.wake }

// Close refuses further items; what is queued can still be popped.
func (q *Queue[T]) Close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	q.signal()
}

// Closed reports whether the queue is closed and empty.
func (q *Queue[T]) Closed() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.closed && len(q.items) == 0
}

// Stats returns the items and bytes held, the time they span, and the number of
// items dropped since the start.
func (q *Queue[T]) Stats() (items, bytes int, span time.Duration, dropped uint64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.items), q.bytes, q.span(), q.dropped
}

func (q *Queue[T]) span() time.Duration {
	if len(q.items) == 0 {
		return 0
	}
	return q.items[len(q.items)-1].m.At - q.items[0].m.At
}

func (q *Queue[T]) overfull() bool {
	return (q.limits.Items > 0 && len(q.items) > q.limits.Items) ||
		(q.limits.Bytes > 0 && q.bytes > q.limits.Bytes) ||
		(q.limits.Span > 0 && q.span() > q.limits.Span)
}

// shrink cuts at the newest Entry; when that is the oldest item, or still too
// much, everything goes and the queue waits for the next Entry.
func (q *Queue[T]) shrink() int {
	n := 0
	for i := len(q.items) - 1; i > 0; i-- {
		if q.items[i].m.Entry {
			n = q.cut(i)
			break
		}
	}
	if q.overfull() {
		n += q.cut(len(q.items))
		q.starved = true
	}
	return n
}

// cut removes the first n items and lets go of what they hold.
func (q *Queue[T]) cut(n int) int {
	for i := range n {
		q.bytes -= q.items[i].m.Bytes
		q.items[i] = entry[T]{}
	}
	q.items = q.items[n:]
	if len(q.items) == 0 {
		q.items = nil
	}
	return n
}

func (q *Queue[T]) signal() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// Prime lets the next item be any: its reader has what precedes it.
func (q *Queue[T]) Prime() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.starved = false
}
