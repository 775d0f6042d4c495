//go:build linux

package netio

import (
	"slices"
	"sync"
	"time"
)

const (
	// trainSize is the room of one message, bytes: a frame of some 14 packets.
	// Longer frames take several messages.
	trainSize = 16 << 10
	// trainLength is how many segments the kernel takes at once
	// (UDP_MAX_SEGMENTS was 64 before Linux 6.9).
	trainLength = 64
)

// message is what one destination gets at once: a packet, or a train of packets
// of equal size of which the last may be shorter, as UDP_SEGMENT wants it.
type message struct {
	to      *destination
	buf     []byte
	segment int // bytes of each packet but the last
	packets int
	opened  time.Time // when its first packet came

	// Links of the list that it is in.
	next, prev *message
}

var messages = sync.Pool{New: func() any { return &message{buf: make([]byte, 0, trainSize)} }}

// newMessage takes one from the pool.
func newMessage(to *destination, now time.Time) *message {
	m := messages.Get().(*message)
	m.to, m.opened = to, now
	return m
}

// free gives it back. A buffer that had to grow for an unusual packet is not kept.
func (m *message) free() {
	if cap(m.buf) > trainSize {
		return
	}
	*m = message{buf: m.buf[:0]}
	messages.Put(m)
}

// fits tells whether a packet of n bytes may join the train: there is room and no
// shorter packet has ended it.
func (m *message) fits(n int) bool {
	return n > 0 && n <= m.segment && m.packets < trainLength &&
		len(m.buf)+n <= cap(m.buf) && len(m.buf) == m.packets*m.segment
}

// reserve adds a packet of n bytes that fits, or the first, and returns where it
// is to be written.
func (m *message) reserve(n int) []byte {
	if m.packets == 0 {
		m.segment = n
	}
	m.packets++
	at := len(m.buf)
	m.buf = slices.Grow(m.buf, n)[:at+n]
	return m.buf[at : at+n : at+n]
}

// packet returns one of its packets.
func (m *message) packet(i int) []byte {
	return m.buf[i*m.segment : min((i+1)*m.segment, len(m.buf))]
}
