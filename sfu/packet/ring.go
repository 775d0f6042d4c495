package packet

import (
	"slices"
	"sync"
)

// Ring keeps the newest packets of one layer, so that lost ones can be sent
// again. One goroutine puts, any may get.
type Ring struct {
	mu    sync.Mutex
	slots []ringSlot
}

type ringSlot struct {
	valid bool
	p     Packet // Payload is the slot's own memory, Header has no extensions
}

// NewRing returns a ring of size packets, rounded up to a power of two. Memory
// for payloads is taken as packets come.
func NewRing(size int) *Ring {
	n := 1
	for n < size {
		n *= 2
	}
	return &Ring{slots: make([]ringSlot, n)}
}

// Put keeps a copy of p without its header extensions. It is false, and keeps
// nothing, for a packet that the ring holds already or that is older than what
// the ring remembers.
func (r *Ring) Put(p *Packet) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := &r.slots[int(p.Header.SequenceNumber)&(len(r.slots)-1)]
	if s.valid && s.p.Header.SequenceNumber-p.Header.SequenceNumber < 1<<15 {
		return false
	}
	buf := s.p.Payload[:0]
	s.valid, s.p = true, *p
	s.p.Header.Extensions, s.p.Header.CSRC, s.p.Header.Extension = nil, nil, false
	if cap(buf) < len(p.Payload) {
		// Most packets of a video are full: grow once.
		buf = slices.Grow(buf, max(len(p.Payload), 1200))
	}
	s.p.Payload = append(buf, p.Payload...)
	return true
}

// Clear forgets all packets, for a source that begins anew.
func (r *Ring) Clear() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := range r.slots {
		r.slots[i].valid = false
	}
}

// Get copies the packet with a sequence number into p, its payload into buf,
// which must be large enough; false when the ring does not hold it.
func (r *Ring) Get(seq uint16, p *Packet, buf []byte) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := &r.slots[int(seq)&(len(r.slots)-1)]
	if !s.valid || s.p.Header.SequenceNumber != seq || len(s.p.Payload) > len(buf) {
		return false
	}
	*p = s.p
	p.Payload = buf[:copy(buf, s.p.Payload)]
	return true
}
