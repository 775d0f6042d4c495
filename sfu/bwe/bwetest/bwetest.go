// Package bwetest makes the feedback of a subscriber, for tests of what is done
// with it.
package bwetest

import (
	"encoding/binary"
	"time"
)

// Recorder notes arrivals by transport-wide sequence number and reports them
// (draft-holmer-rmcat-transport-wide-cc-extensions-01 §3.1). The zero Recorder is
// ready.
type Recorder struct {
	arrivals map[int64]time.Duration
	base     int64 // the next number to report on
	newest   int64
	started  bool
	count    uint8
}

// Note takes the number of a packet that came at a time of the receiver's clock.
func (r *Recorder) Note(seq uint16, at time.Duration) {
	if !r.started {
		r.started, r.base, r.newest = true, int64(seq), int64(seq)
		r.arrivals = map[int64]time.Duration{}
	}
	n := r.newest + int64(int16(seq-uint16(r.newest)))
	r.newest = max(r.newest, n)
	r.arrivals[n] = at
	r.base = min(r.base, n) // what came late is reported again
}

// Report builds the feedback on all that came since the last, nil for nothing.
func (r *Recorder) Report() []byte {
	if len(r.arrivals) == 0 {
		return nil
	}
	var symbols []byte
	var deltas []byte
	var reference, last time.Duration
	first := true
	for n := r.base; n <= r.newest; n++ {
		at, ok := r.arrivals[n]
		if !ok {
			symbols = append(symbols, 0)
			continue
		}
		if first {
			first = false
			reference = at / (64 * time.Millisecond)
			last = reference * 64 * time.Millisecond
		}
		delta := (at - last) / (250 * time.Microsecond)
		last += delta * 250 * time.Microsecond
		if delta >= 0 && delta < 256 {
			symbols, deltas = append(symbols, 1), append(deltas, byte(delta))
		} else {
			symbols, deltas = append(symbols, 2), binary.BigEndian.AppendUint16(deltas, uint16(int16(delta)))
		}
	}
	b := []byte{0x8f, 205, 0, 0, 0, 0, 0, 1, 0, 0, 0, 2}
	b = binary.BigEndian.AppendUint16(b, uint16(r.base))
	b = binary.BigEndian.AppendUint16(b, uint16(len(symbols)))
	b = append(b, byte(reference>>16), byte(reference>>8), byte(reference), r.count)
	for len(symbols) > 0 {
		chunk := uint16(0xc000) // a vector of seven symbols
		for i := range min(7, len(symbols)) {
			chunk |= uint16(symbols[i]) << (12 - 2*i)
		}
		b = binary.BigEndian.AppendUint16(b, chunk)
		symbols = symbols[min(7, len(symbols)):]
	}
	b = append(b, deltas...)
	for len(b)%4 != 0 {
		b = append(b, 0)
	}
	binary.BigEndian.PutUint16(b[2:], uint16(len(b)/4-1))
	r.count++
	r.base = r.newest + 1
	clear(r.arrivals)
	return b
}
