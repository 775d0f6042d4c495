package botclient

import "encoding/binary"

// Redundant audio (RFC 2198): each packet repeats the frames of the ones before.
//
//	F|PT 7|offset 14|length 10  for each repeated frame, then 0|PT 7, then frames
const (
	redDistance  = 1    // frames repeated, as Chromium does
	maxRedBlock  = 1023 // bytes, the length has ten bits
	maxRedOffset = 1<<14 - 1
)

// redHistory packs Opus frames with the ones before them.
type redHistory struct {
	last      []byte
	timestamp uint32
	valid     bool
}

// pack appends the frame with its redundancy to b.
func (r *redHistory) pack(b []byte, timestamp uint32, frame []byte) []byte {
	offset := timestamp - r.timestamp
	if r.valid && len(r.last) <= maxRedBlock && offset > 0 && offset <= maxRedOffset {
		b = append(b, 0x80|typeOpus)
		b = append(b, byte(offset>>6), byte(offset<<2)|byte(len(r.last)>>8), byte(len(r.last)))
		b = append(b, typeOpus)
		b = append(b, r.last...)
	} else {
		b = append(b, typeOpus)
	}
	b = append(b, frame...)
	r.last, r.timestamp, r.valid = append(r.last[:0], frame...), timestamp, true
	return b
}

// redundant returns how many earlier frames a packet repeats, false when it is
// malformed.
func redundant(b []byte) (n int, ok bool) {
	size := 0
	for len(b) > 0 && b[0]&0x80 != 0 {
		if len(b) < 4 {
			return 0, false
		}
		size += int(binary.BigEndian.Uint16(b[2:]) & 0x3ff)
		n++
		b = b[4:]
	}
	return n, len(b) > 0 && size <= len(b)-1
}
