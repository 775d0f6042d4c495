package packet

import (
	"sync"
	"time"
)

const (
	// ringStart is how many packets a ring holds at first.
	ringStart = 64
	// ringTime is what a ring grows for: it has the packets of this time at least,
	// unless they are more than it may hold. Nobody asks for older ones, and a small
	// picture should not cost the memory of a large one.
	ringTime = 2 * time.Second
)

// Ring keeps the newest packets of one layer, so that lost ones can be sent
// again. One goroutine puts, any may get.
type Ring struct {
	limit int // of slots, a power of two

	mu      sync.Mutex
	slots   []ringSlot // a power of two
	newest  uint16
	started bool
	span    int // how far back numbers are remembered: all slots but soon after growing
}

type ringSlot struct {
	valid bool
	p     Packet // Payload is the slot's own memory, Header has no extensions
	dd    []byte // memory of Dependency.Raw
}

// NewRing returns a ring that keeps the packets of two seconds, and size of them at
// most, rounded up to a power of two. Memory is taken as packets come.
func NewRing(size int) *Ring {
	n := 1
	for n < size {
		n *= 2
	}
	r := &Ring{limit: n, slots: make([]ringSlot, min(n, ringStart))}
	r.span = len(r.slots)
	return r
}

// Put keeps a copy of p without its header extensions other than the dependency
// descriptor. It is false, and keeps
// nothing, for a packet that the ring holds already or that is older than what
// the ring remembers.
func (r *Ring) Put(p *Packet) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	seq := p.Header.SequenceNumber
	if back := r.newest - seq; r.started && back < 1<<15 && int(back) >= r.span {
		return false
	}
	s := r.slot(seq)
	for s.valid && s.p.Header.SequenceNumber-seq >= 1<<15 && len(r.slots) < r.limit && p.Arrival.Sub(s.p.Arrival) < ringTime {
		r.grow()
		s = r.slot(seq)
	}
	if s.valid && s.p.Header.SequenceNumber-seq < 1<<15 {
		return false
	}
	r.advance(seq)
	buf := s.p.Payload[:0]
	s.valid, s.p = true, *p
	s.p.Header.Extensions, s.p.Header.CSRC, s.p.Header.Extension = nil, nil, false
	if cap(buf) < len(p.Payload) {
		buf = make([]byte, 0, room(len(p.Payload)))
	}
	s.p.Payload = append(buf, p.Payload...)
	s.dd = append(s.dd[:0], p.Dependency.Raw...)
	s.p.Dependency.Raw, s.p.Redundant = s.dd, nil
	return true
}

func (r *Ring) slot(seq uint16) *ringSlot { return &r.slots[int(seq)&(len(r.slots)-1)] }

// grow doubles the ring.
func (r *Ring) grow() {
	old := r.slots
	r.slots = make([]ringSlot, 2*len(old))
	for i := range old {
		if old[i].valid {
			*r.slot(old[i].p.Header.SequenceNumber) = old[i]
		}
	}
}

// advance notes that a number is in the ring. What was overwritten before the ring
// grew must not pass for new because its place is empty now.
func (r *Ring) advance(seq uint16) {
	switch ahead := seq - r.newest; {
	case !r.started:
		r.started, r.newest = true, seq
	case ahead < 1<<15:
		r.newest, r.span = seq, min(r.span+int(ahead), len(r.slots))
	}
}

// room is the memory for a payload of n bytes: sound and small pictures have short
// packets, most others are full, and few sizes let a slot grow seldom.
func room(n int) int {
	for _, size := range [...]int{256, 512, 1280} {
		if n <= size {
			return size
		}
	}
	return n
}

// Clear forgets all packets, for a source that begins anew.
func (r *Ring) Clear() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := range r.slots {
		r.slots[i].valid = false
	}
	r.started, r.span = false, len(r.slots)
}

// Get copies the packet with a sequence number into p, its payload and its
// dependency descriptor into buf, which must be large enough; false when the ring
// does not hold it.
func (r *Ring) Get(seq uint16, p *Packet, buf []byte) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.slot(seq)
	if !s.valid || s.p.Header.SequenceNumber != seq || len(s.p.Payload)+len(s.dd) > len(buf) {
		return false
	}
	*p = s.p
	n := copy(buf, s.p.Payload)
	p.Payload, p.Dependency.Raw = buf[:n:n], buf[n:n+copy(buf[n:], s.dd)]
	return true
}

// Span tells how many bytes of payload the packets from first to last have, false
// when one of them is missing.
func (r *Ring) Span(first, last uint16) (bytes int, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := int(last-first) + 1
	if n > len(r.slots) {
		return 0, false
	}
	for seq := first; n > 0; seq, n = seq+1, n-1 {
		s := r.slot(seq)
		if !s.valid || s.p.Header.SequenceNumber != seq {
			return 0, false
		}
		bytes += len(s.p.Payload)
	}
	return bytes, true
}
