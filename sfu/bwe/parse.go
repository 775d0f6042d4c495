package bwe

import (
	"encoding/binary"
	"errors"
	"time"
)

// ErrMalformed is returned for feedback that breaks its format.
var ErrMalformed = errors.New("malformed transport-wide feedback")

const (
	// feedbackHeader is the length of what comes before the packet chunks.
	feedbackHeader = 20
	// feedbackFormat and feedbackType are the FMT and PT of transport-wide
	// congestion control feedback.
	feedbackFormat, feedbackType = 15, 205

	deltaUnit     = 250 * time.Microsecond
	referenceUnit = 64 * time.Millisecond
	// beforeZero is added to all arrivals, so that none is negative however far back
	// the deltas of one feedback go.
	beforeZero = 24 * time.Hour
)

// IsFeedback tells whether an RTCP packet is transport-wide congestion control
// feedback.
func IsFeedback(b []byte) bool {
	return len(b) >= 4 && b[0]>>6 == 2 && b[0]&0x1f == feedbackFormat && b[1] == feedbackType
}

// reader walks through a feedback packet without taking it apart.
//
//	 0                   1                   2                   3
//	|V=2|P|  FMT=15 |    PT=205     |           length              |
//	|                     SSRC of packet sender                     |
//	|                      SSRC of media source                     |
//	|      base sequence number     |      packet status count      |
//	|                 reference time                | fb pkt. count |
//	|          packet chunk         |         packet chunk          | …
//	|         packet chunk          |  recv delta   |  recv delta   | …
type reader struct {
	chunks  []byte
	deltas  []byte
	seq     uint16
	left    int           // packets not yet read
	arrival time.Duration // on the receiver's clock

	chunk uint16
	run   int // packets left in the chunk
}

// newReader checks the parts that have a length of their own. A feedback on more
// packets than are ever remembered is cut there.
func newReader(b []byte) (reader, error) {
	if !IsFeedback(b) || len(b) < feedbackHeader {
		return reader{}, ErrMalformed
	}
	length := 4 * (int(binary.BigEndian.Uint16(b[2:])) + 1)
	if length > len(b) || length < feedbackHeader {
		return reader{}, ErrMalformed
	}
	b = b[:length]
	if pad := int(b[length-1]); b[0]&0x20 != 0 {
		if pad == 0 || pad > length-feedbackHeader {
			return reader{}, ErrMalformed
		}
		b = b[:length-pad]
	}
	count := int(binary.BigEndian.Uint16(b[14:]))
	end := feedbackHeader
	for n := 0; n < count; end += 2 {
		if end+2 > len(b) {
			return reader{}, ErrMalformed
		}
		n += chunkLength(binary.BigEndian.Uint16(b[end:]))
	}
	reference := binary.BigEndian.Uint32(b[16:]) >> 8
	return reader{chunks: b[feedbackHeader:end], deltas: b[end:], seq: binary.BigEndian.Uint16(b[12:]),
		left: min(count, historyMost), arrival: beforeZero + time.Duration(reference)*referenceUnit}, nil
}

// chunkLength is how many packets a chunk tells of; never 0, so that no chunk is
// read for nothing.
func chunkLength(c uint16) int {
	switch {
	case c&0x8000 == 0:
		return max(int(c&0x1fff), 1) // run length
	case c&0x4000 == 0:
		return 14 // vector of one bit each
	}
	return 7 // of two bits
}

// next returns the fate of the next packet, ok false after the last. A feedback
// that promises more arrival times than it has ends early.
func (r *reader) next() (seq uint16, arrival time.Duration, received, ok bool) {
	if r.left == 0 {
		return 0, 0, false, false
	}
	if r.run == 0 {
		r.chunk = binary.BigEndian.Uint16(r.chunks)
		r.chunks = r.chunks[2:]
		r.run = chunkLength(r.chunk)
	}
	symbol := r.symbol()
	r.run--
	r.left--
	seq = r.seq
	r.seq++
	switch symbol {
	case 1:
		if len(r.deltas) < 1 {
			return 0, 0, false, false
		}
		r.arrival += time.Duration(r.deltas[0]) * deltaUnit
		r.deltas = r.deltas[1:]
	case 2:
		if len(r.deltas) < 2 {
			return 0, 0, false, false
		}
		r.arrival += time.Duration(int16(binary.BigEndian.Uint16(r.deltas))) * deltaUnit
		r.deltas = r.deltas[2:]
	default:
		return seq, 0, false, true
	}
	return seq, r.arrival, true, true
}

// symbol is the status of the packet whose turn it is in the chunk.
func (r *reader) symbol() uint16 {
	switch {
	case r.chunk&0x8000 == 0:
		return r.chunk >> 13 & 3
	case r.chunk&0x4000 == 0:
		return r.chunk >> (r.run - 1) & 1
	}
	return r.chunk >> (2 * (r.run - 1)) & 3
}
