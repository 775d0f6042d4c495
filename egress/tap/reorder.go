package tap

import "time"

// reorderSize is how many packets a reorder buffer spans, a power of two: a
// second of a large picture.
const reorderSize = 512

// reorder puts packets in the order of their sequence numbers (RFC 3550 §5.1).
// A gap is waited for until the packet behind it has been here for wait; then
// it is skipped and told. The zero value with a wait is ready to use. It is a
// plain value without locks; the time is an input.
type reorder[T any] struct {
	wait time.Duration

	slots   [reorderSize]slot[T]
	begun   bool
	next    int64 // sequence number that leaves next, extended
	highest int64
	held    int
	torn    bool // packets were given up outside pop: the next one comes after a gap

	late, skipped uint64 // packets that came too late; that never came
}

type slot[T any] struct {
	full    bool
	arrival time.Duration
	value   T
}

// extend finds the extended number nearest to the highest seen.
func (r *reorder[T]) extend(seq uint16) int64 {
	return r.highest + int64(int16(seq-uint16(r.highest)))
}

// push takes a packet; false when it is a duplicate, too late, or when the
// stream began anew far away, which empties the buffer: evict is called for each
// value that leaves unused.
func (r *reorder[T]) push(seq uint16, now time.Duration, v T, evict func(T)) bool {
	if !r.begun {
		r.begun, r.highest, r.next = true, int64(seq)+1<<16, int64(seq)+1<<16
	}
	n := r.extend(seq)
	if n < r.next-3*reorderSize || n > r.next+3*reorderSize {
		r.reset(evict)
		return r.push(seq, now, v, evict)
	}
	if n < r.next {
		r.late++
		return false
	}
	for n >= r.next+reorderSize {
		r.drop(evict)
	}
	s := &r.slots[n%reorderSize]
	if s.full {
		r.late++
		return false
	}
	*s = slot[T]{true, now, v}
	r.held++
	r.highest = max(r.highest, n)
	return true
}

// drop gives up the next number.
func (r *reorder[T]) drop(evict func(T)) {
	s := &r.slots[r.next%reorderSize]
	if s.full {
		evict(s.value)
		*s = slot[T]{}
		r.held--
	}
	r.skipped++
	r.next++
	r.torn = true
}

// pop returns the next packet in order. gap tells that packets before it are
// lost. ok is false when there is none, or when it is still worth waiting.
func (r *reorder[T]) pop(now time.Duration) (v T, gap, ok bool) {
	if r.held == 0 {
		return v, false, false
	}
	s := &r.slots[r.next%reorderSize]
	if !s.full {
		n := r.next
		for !s.full {
			n++
			s = &r.slots[n%reorderSize]
		}
		if now-s.arrival < r.wait {
			return v, false, false
		}
		r.skipped += uint64(n - r.next)
		r.next, gap = n, true
	}
	v = s.value
	*s = slot[T]{}
	r.held--
	r.next++
	gap, r.torn = gap || r.torn, false
	return v, gap, true
}

// reset empties the buffer; the next packet begins anew.
func (r *reorder[T]) reset(evict func(T)) {
	for i := range r.slots {
		if r.slots[i].full {
			evict(r.slots[i].value)
			r.slots[i] = slot[T]{}
		}
	}
	r.torn = r.torn || r.begun
	r.begun, r.held = false, 0
}
