package codec

// bitReader reads fields of bits, most significant first. Reading beyond the end
// gives zeros and sets short.
type bitReader struct {
	b     []byte
	pos   int // in bits
	short bool
}

// read returns the next n bits, at most 32.
func (r *bitReader) read(n int) uint32 {
	if r.pos+n > len(r.b)*8 {
		r.short, r.pos = true, len(r.b)*8
		return 0
	}
	var v uint32
	for range n {
		v = v<<1 | uint32(r.b[r.pos>>3]>>(7-r.pos&7)&1)
		r.pos++
	}
	return v
}

// flag reads one bit.
func (r *bitReader) flag() bool { return r.read(1) != 0 }

// below reads a number less than n in as few bits as it takes: ns(n) of the AV1
// specification §4.10.7.
func (r *bitReader) below(n int) int {
	w := 0
	for x := n; x != 0; x >>= 1 {
		w++
	}
	m := 1<<w - n
	v := int(r.read(w - 1))
	if v < m {
		return v
	}
	return v<<1 - m + int(r.read(1))
}

// bitWriter appends fields of bits, most significant first.
type bitWriter struct {
	b    []byte
	used int // bits of the last byte
}

// write appends the low n bits of v.
func (w *bitWriter) write(v uint32, n int) {
	for n--; n >= 0; n-- {
		if w.used == 0 {
			w.b = append(w.b, 0)
		}
		w.b[len(w.b)-1] |= byte(v>>n&1) << (7 - w.used)
		w.used = (w.used + 1) & 7
	}
}
