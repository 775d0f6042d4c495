package transport

import "time"

const (
	// windowBits is how far back a packet may come and still count once. Losses are
	// asked for again for seconds.
	windowBits = 1024
	// maxStreams is how many SSRCs of a peer are known at a time.
	maxStreams = 64
	// streamIdle is when an SSRC may be forgotten for another one.
	streamIdle = 30 * time.Second
)

// window tells packets that came before (RFC 3711 §3.3.2). Its zero value has seen
// nothing.
type window struct {
	bits    [windowBits / 64]uint64 // a ring, by index
	highest uint64
	started bool
}

// seen tells whether an index came before, or is too old to tell.
func (w *window) seen(index uint64) bool {
	if !w.started || index > w.highest {
		return false
	}
	if w.highest-index >= windowBits {
		return true
	}
	return w.bits[index/64%uint64(len(w.bits))]&(1<<(index%64)) != 0
}

// mark notes an index that was not seen.
func (w *window) mark(index uint64) {
	if !w.started {
		w.started, w.highest = true, index
	}
	if index > w.highest {
		if index-w.highest >= windowBits {
			clear(w.bits[:])
		} else {
			for i := w.highest + 1; i <= index; i++ {
				w.bits[i/64%uint64(len(w.bits))] &^= 1 << (i % 64)
			}
		}
		w.highest = index
	}
	w.bits[index/64%uint64(len(w.bits))] |= 1 << (index % 64)
}

// extend makes the 48-bit index of a sequence number: with the roll-over count that
// brings it nearest to the highest one (RFC 3711 §3.3.1).
func extend(highest uint64, started bool, seq uint16) uint64 {
	if !started {
		return uint64(seq)
	}
	diff := int64(int16(seq - uint16(highest)))
	if diff < 0 && uint64(-diff) > highest {
		return highest&^0xFFFF | uint64(seq)
	}
	return highest + uint64(diff)
}

// stream is what is known of one SSRC of the peer.
type stream struct {
	ssrc uint32
	used time.Time
	window
}

// streams are the SSRCs of a peer, bounded. They are added when one of their
// packets has proved authentic.
type streams struct {
	list []*stream
	last *stream
}

// find returns an SSRC's stream, nil when it is new.
func (s *streams) find(ssrc uint32) *stream {
	if s.last != nil && s.last.ssrc == ssrc {
		return s.last
	}
	for _, st := range s.list {
		if st.ssrc == ssrc {
			s.last = st
			return st
		}
	}
	return nil
}

// room tells whether a new SSRC may be added.
func (s *streams) room(now time.Time) bool {
	return len(s.list) < maxStreams || now.Sub(s.oldest().used) > streamIdle
}

// add adds a new SSRC for which there is room.
func (s *streams) add(ssrc uint32) *stream {
	if len(s.list) < maxStreams {
		s.list = append(s.list, &stream{})
		s.last = s.list[len(s.list)-1]
	} else {
		s.last = s.oldest()
	}
	*s.last = stream{ssrc: ssrc}
	return s.last
}

// oldest returns the stream that was used longest ago; there is one.
func (s *streams) oldest() *stream {
	old := s.list[0]
	for _, st := range s.list {
		if st.used.Before(old.used) {
			old = st
		}
	}
	return old
}
