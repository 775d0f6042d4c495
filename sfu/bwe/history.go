package bwe

import "time"

const (
	// historyLeast and historyMost bound how many sent packets are remembered:
	// it grows when feedback takes longer than the packets last.
	historyLeast = 1 << 8
	historyMost  = 1 << 12
	// historyAge is how long a packet without feedback is worth remembering.
	historyAge = 2 * time.Second
)

// sent is one packet on its way.
type sent struct {
	at    time.Duration // since the estimator began
	size  int           // bytes
	probe bool          // belongs to the running probe
}

// record is a sent packet as it is kept: 8 bytes, for there are many.
type record struct {
	at   uint32 // since the estimator began, in ticks
	seq  uint16
	info uint16 // size, and the flags below
}

const (
	// tick is 2^15 ns, 33 µs: feedback has a resolution of 250 µs.
	tick = 15
	// recordOpen marks a packet that was not yet reported on.
	recordOpen  = 1 << 15
	recordProbe = 1 << 14
	recordSize  = recordProbe - 1
)

// age returns how long before now the packet was sent.
func (r *record) age(now time.Duration) time.Duration {
	return time.Duration(uint32(now>>tick)-r.at) << tick
}

// history remembers what was sent by transport-wide sequence number.
type history struct {
	next    uint16
	packets []record
}

func (h *history) add(at time.Duration, size int, probe bool) uint16 {
	if h.packets == nil {
		h.packets = make([]record, historyLeast)
	}
	seq := h.next
	h.next++
	r := h.slot(seq)
	if r.info&recordOpen != 0 && len(h.packets) < historyMost && r.age(at) < historyAge {
		h.grow()
		r = h.slot(seq)
	}
	info := uint16(min(size, recordSize)) | recordOpen
	if probe {
		info |= recordProbe
	}
	*r = record{at: uint32(at >> tick), seq: seq, info: info}
	return seq
}

func (h *history) slot(seq uint16) *record { return &h.packets[int(seq)&(len(h.packets)-1)] }

func (h *history) grow() {
	old := h.packets
	h.packets = make([]record, 2*len(old))
	for _, r := range old {
		if r.info&recordOpen != 0 {
			*h.slot(r.seq) = r
		}
	}
}

// take returns a sent packet once.
func (h *history) take(now time.Duration, seq uint16) (sent, bool) {
	if h.packets == nil {
		return sent{}, false
	}
	r := h.slot(seq)
	if r.info&recordOpen == 0 || r.seq != seq {
		return sent{}, false
	}
	r.info &^= recordOpen
	return sent{at: now - r.age(now), size: int(r.info & recordSize), probe: r.info&recordProbe != 0}, true
}
