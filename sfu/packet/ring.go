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
	dd    []byte // memory of Dependency.Raw
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

// Put keeps a copy of p without its header extensions other than the dependency
// descriptor. It is false, and keeps
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
	s.dd = append(s.dd[:0], p.Dependency.Raw...)
	s.p.Dependency.Raw, s.p.Redundant = s.dd, nil
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

// Get copies the packet with a sequence number into p, its payload and its
// dependency descriptor into buf, which must be large enough; false when the ring
// does not hold it.
func (r *Ring) Get(seq uint16, p *Packet, buf []byte) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := &r.slots[int(seq)&(len(r.slots)-1)]
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
	n := int(last-first) + 1
	if n > len(r.slots) {
		return 0, false
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for seq := first; n > 0; seq, n = seq+1, n-1 {
		s := &r.slots[int(seq)&(len(r.slots)-1)]
		if !s.valid || s.p.Header.SequenceNumber != seq {
			return 0, false
		}
		bytes += len(s.p.Payload)
	}
	return bytes, true
}
