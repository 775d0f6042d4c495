// Package rewrite makes one continuous RTP stream out of packets of changing
// sources: sequence numbers, timestamps and picture ids go on as if there had
// been one sender. The machines are plain values without locks or clocks;
// copying one exports its state.
package rewrite

// maxSegments is how many changes of numbering are remembered for packets that
// come late and for retransmissions. Older ones are answered by "not known".
const maxSegments = 32

// slide is how far the start of the running segment may lie behind its newest
// packet, so that 16-bit comparison stays unambiguous.
const slide = 1 << 13

// newer tells whether sequence number a comes after b (RFC 1982).
func newer(a, b uint16) bool { return a != b && a-b < 1<<15 }

// Segment is a run of packets of one source that are renumbered alike.
type Segment struct {
	// Source is the SSRC of the packets' source.
	Source uint32
	// in and out are the numbers of the first packet, last the newest one's.
	in, out, last uint16
	// empty is true until a packet of the segment was forwarded.
	empty bool
	// run counts the calls of Switch.
	run uint16
	// Time is added to RTP timestamps, Picture and TL0 to the picture ids of VP8
	// and VP9, Frame to the frame numbers of dependency descriptors.
	Time    uint32
	Picture uint16
	Frame   uint16
	TL0     uint8
}

// Seq renumbers. The zero Seq starts at number 0; use StartAt for another.
//
//	source:   … 17 18 19 | 5000 5001 5002
//	                      Switch(5000)
//	slot:     … 80 81 82 |   83   84   85
type Seq struct {
	segs [maxSegments]Segment
	n    int    // segments in use; the newest is segs[n-1]
	next uint16 // the number after the highest given out
	run  uint16 // of the newest segment
}

// StartAt makes next the first number, before anything else.
func (s *Seq) StartAt(next uint16) { s.next = next }

// Next is the number after the highest given out.
func (s *Seq) Next() uint16 { return s.next }

// Switch begins a segment: packet first of the source becomes the next number.
// Time and picture offsets are the caller's to set on the returned segment.
func (s *Seq) Switch(source uint32, first uint16) *Segment {
	if s.run++; s.run == 0 {
		s.run = 1
	}
	return s.push(Segment{Source: source, in: first, out: s.next, last: s.next, empty: true, run: s.run})
}

// push appends a segment, forgetting the oldest, or replaces an empty one.
func (s *Seq) push(g Segment) *Segment {
	if s.n > 0 && s.segs[s.n-1].empty {
		s.n--
	}
	if s.n == maxSegments {
		copy(s.segs[:], s.segs[1:])
		s.n--
	}
	s.segs[s.n] = g
	s.n++
	return &s.segs[s.n-1]
}

// Current returns the running segment, nil before the first Switch.
func (s *Seq) Current() *Segment {
	if s.n == 0 {
		return nil
	}
	return &s.segs[s.n-1]
}

// Running tells whether a segment began with or after the last Switch.
func (s *Seq) Running(g *Segment) bool { return g.run == s.run }

// Empty tells whether no packet of the segment was forwarded yet.
func (g *Segment) Empty() bool { return g.empty }

// Map returns the number of a source's packet and its segment. It is false for
// a packet from before the source was last switched to, from another source, or
// from too long ago.
func (s *Seq) Map(source uint32, in uint16) (uint16, *Segment, bool) {
	var run uint16
	for i := s.n - 1; i >= 0; i-- {
		g := &s.segs[i]
		if g.Source != source {
			continue
		}
		if run != 0 && g.run != run {
			break // its numbers then may be of other packets
		}
		run = g.run
		if newer(g.in, in) {
			continue
		}
		out := g.out + (in - g.in)
		if i < s.n-1 {
			// A late packet must not run into the numbers of the next segment.
			if !newer(s.segs[i+1].out, out) {
				return 0, nil, false
			}
			if newer(out, g.last) {
				g.last = out
			}
			return out, g, true
		}
		s.advance(g, out)
		return out, g, true
	}
	return 0, nil, false
}

// advance notes that out was given out in the running segment.
func (s *Seq) advance(g *Segment, out uint16) {
	if g.empty || newer(out, g.last) {
		g.last, g.empty = out, false
	}
	if !newer(s.next, out) {
		s.next = out + 1
	}
	if d := g.last - g.out; d > 2*slide {
		g.in, g.out = g.in+d-slide, g.out+d-slide
		s.forget(g.out)
	}
}

// forget drops segments that ended long before out.
func (s *Seq) forget(out uint16) {
	k := 0
	for k < s.n-1 && newer(out, s.segs[k].last) {
		k++
	}
	if k > 0 {
		copy(s.segs[:], s.segs[k:s.n])
		s.n -= k
	}
}

// Skip leaves a packet of the running segment out, so that the subscriber sees
// no gap. When a newer packet went out before it, its number has been kept free:
// Skip then returns that number and true, and the caller may fill it.
func (s *Seq) Skip(source uint32, in uint16) (hole uint16, ok bool) {
	g := s.Current()
	if g == nil || g.Source != source {
		return 0, false
	}
	out := g.out + (in - g.in)
	if newer(g.in, in) || newer(s.next, out) {
		hole, _, ok = s.Map(source, in)
		return hole, ok
	}
	// Packets missing before this one keep their numbers.
	rest := *g
	rest.in, rest.out, rest.empty = in+1, out, true
	rest.last, s.next = out, out
	if g.empty && in == g.in {
		*g = rest
		return 0, false
	}
	if g.empty {
		g.last, g.empty = out-1, false
	}
	s.push(rest)
	return 0, false
}

// Split begins a segment with a packet of the running one that is newer than all
// so far. It goes on in everything until the caller changes its offsets.
func (s *Seq) Split(in uint16) *Segment {
	g := s.Current()
	if g.empty && in == g.in {
		return g
	}
	rest := *g
	rest.in, rest.out, rest.empty = in, g.out+(in-g.in), true
	rest.last = rest.out
	if g.empty {
		g.last, g.empty = rest.out-1, false
	}
	return s.push(rest)
}

// Insert gives out a number to a packet of our own, such as padding.
func (s *Seq) Insert() uint16 {
	out := s.next
	s.next++
	g := s.Current()
	if g == nil {
		return out
	}
	rest := *g
	rest.in, rest.out, rest.empty = g.in+(out-g.out), s.next, true
	rest.last = s.next
	if g.empty {
		*g = rest
		return out
	}
	s.push(rest)
	return out
}

// Find returns which packet of which source went out under a number. It is
// false for numbers of inserted packets and of segments already forgotten.
func (s *Seq) Find(out uint16) (in uint16, seg *Segment, ok bool) {
	if !newer(s.next, out) {
		return 0, nil, false
	}
	for i := s.n - 1; i >= 0; i-- {
		g := &s.segs[i]
		if g.empty || newer(g.out, out) {
			continue
		}
		// Between the end of this segment and the next lies what was inserted.
		// In the running segment a missing packet is newer than none.
		if newer(out, g.last) {
			return 0, nil, false
		}
		return g.in + (out - g.out), g, true
	}
	return 0, nil, false
}
