package avproc

import (
	"fmt"
	"math/bits"
)

// nutFields reads the fields of a header packet; the first failure sticks.
type nutFields struct {
	b   []byte
	bad bool
}

func (f *nutFields) v() uint64 {
	var v uint64
	for i, b := range f.b {
		if i == 10 {
			break
		}
		v = v<<7 | uint64(b&0x7f)
		if b < 0x80 {
			f.b = f.b[i+1:]
			return v
		}
	}
	f.bad = true
	return 0
}

// s reads a signed number: 0, 1, -1, 2, -2 ...
func (f *nutFields) s() int64 {
	v := f.v() + 1
	if v&1 != 0 {
		return -int64(v >> 1)
	}
	return int64(v >> 1)
}

func (f *nutFields) bytes() []byte {
	n := f.v()
	if f.bad || n > uint64(len(f.b)) {
		f.bad = true
		return nil
	}
	out := f.b[:n]
	f.b = f.b[n:]
	return out
}

// parseMain reads the main header: time bases, frame codes, elided heads.
func (n *NUTReader) parseMain(f *nutFields) error {
	if n.Streams != nil {
		return nil // a repeated header
	}
	version := f.v()
	if version > 3 {
		f.v() // minor version
	}
	streams := f.v()
	f.v() // max distance
	bases := f.v()
	if f.bad || version < 2 || version > 4 || streams == 0 || streams > maxNUTStreams || bases == 0 || bases > 16 {
		return fmt.Errorf("%w: main header", ErrBadNUT)
	}
	for range bases {
		b := nutTimeBase{f.v(), f.v()}
		if b.num == 0 || b.den == 0 || b.num >= 1<<31 || b.den >= 1<<31 {
			return fmt.Errorf("%w: time base", ErrBadNUT)
		}
		n.bases = append(n.bases, b)
	}
	if err := n.parseCodes(f); err != nil {
		return err
	}
	n.elision = [][]byte{nil}
	for range min(f.v(), 127) {
		n.elision = append(n.elision, f.bytes())
	}
	if f.bad {
		return fmt.Errorf("%w: main header", ErrBadNUT)
	}
	n.Streams = make([]NUTStream, streams)
	return nil
}

// parseCodes reads the run-length coded table of the 256 frame codes.
func (n *NUTReader) parseCodes(f *nutFields) error {
	var c nutCode
	for i := 0; i < 256; {
		c.flags = f.v()
		fields := f.v()
		if fields > 0 {
			c.ptsDelta = f.s()
		}
		if fields > 1 {
			c.mul = f.v()
		}
		if fields > 2 {
			c.stream = f.v()
		}
		c.lsb, c.reserved = 0, 0
		if fields > 3 {
			c.lsb = f.v()
		}
		if fields > 4 {
			c.reserved = f.v()
		}
		count := c.mul - c.lsb
		if fields > 5 {
			count = f.v()
		}
		if fields > 6 {
			f.s() // match time delta
		}
		if fields > 7 {
			c.header = f.v()
		}
		for range min(max(fields, 8)-8, 64) {
			f.v()
		}
		if f.bad || count == 0 || count > 256 || c.lsb > maxNUTFrame {
			return fmt.Errorf("%w: frame code table", ErrBadNUT)
		}
		for j := uint64(0); j < count && i < 256; i++ {
			if i == 'N' {
				n.codes[i] = nutCode{flags: nutInvalid}
				continue
			}
			n.codes[i] = c
			n.codes[i].lsb += j
			j++
		}
	}
	return nil
}

// parseStream reads one stream header.
func (n *NUTReader) parseStream(f *nutFields) error {
	id := f.v()
	f.v()     // class
	f.bytes() // fourcc
	base, shift := f.v(), f.v()
	f.v() // max pts distance
	f.v() // decode delay
	f.v() // flags
	extra := f.bytes()
	if f.bad || id >= uint64(len(n.Streams)) || base >= uint64(len(n.bases)) || shift > 16 {
		return fmt.Errorf("%w: stream header", ErrBadNUT)
	}
	if n.Streams[id].haveHeader {
		return nil
	}
	n.Streams[id] = NUTStream{
		Extradata: append([]byte(nil), extra...),
		Num:       n.bases[base].num, Den: n.bases[base].den,
		shift: shift, haveHeader: true,
	}
	return nil
}

// parseSyncpoint sets all streams to the timestamp of a sync point.
func (n *NUTReader) parseSyncpoint(f *nutFields) error {
	t := f.v()
	if f.bad || len(n.bases) == 0 {
		return fmt.Errorf("%w: sync point", ErrBadNUT)
	}
	from := n.bases[t%uint64(len(n.bases))]
	ticks := t / uint64(len(n.bases))
	for i := range n.Streams {
		s := &n.Streams[i]
		if !s.haveHeader {
			continue
		}
		hi, lo := bits.Mul64(from.num*s.Den, ticks)
		by := from.den * s.Num
		if hi >= by {
			return fmt.Errorf("%w: sync point", ErrBadNUT)
		}
		q, _ := bits.Div64(hi, lo, by)
		s.lastPTS = int64(q & (1<<62 - 1))
	}
	return nil
}
