package traces

import (
	"time"

	"github.com/pion/rtp"

	"github.com/meetcast/meetcast/sfu/codec"
)

// What a browser does about losses: it asks for a packet when it sees the gap,
// again after each round trip, ten times, and for a key frame when nothing could
// be shown for 3 s, or 200 ms before the first picture.
const (
	nackInterval = 20 * time.Millisecond
	nackRTT      = 100 * time.Millisecond
	nackTries    = 10
	noFrame      = 3 * time.Second
	noFirst      = 200 * time.Millisecond
)

// screen is a slot as the browser receives it. It shows a frame as soon as it is
// whole and everything before it was shown, or it is a key frame.
type screen struct {
	*loop
	nack func(seqs []uint16)
	pli  func()

	packets map[int64]piece
	missing map[int64]*missed
	next    int64 // first number of the frame to show next
	newest  int64
	started bool

	shown   []shown
	askedAt time.Duration
	began   time.Duration
	width   int
}

// piece is one packet.
type piece struct {
	last, first, key, empty bool
	width                   int
}

type missed struct {
	tries int
	next  time.Duration
}

// shown is a frame on the screen.
type shown struct {
	at    time.Duration
	width int
}

func newScreen(l *loop, nack func([]uint16), pli func()) *screen {
	s := &screen{loop: l, nack: nack, pli: pli, packets: map[int64]piece{}, missing: map[int64]*missed{}, began: -1}
	l.every(nackInterval, s.tick)
	return s
}

// receive takes a packet of the slot, or one unpacked from its RTX stream.
func (s *screen) receive(h *rtp.Header, payload []byte) {
	if !s.started {
		s.started, s.next, s.newest, s.began = true, int64(h.SequenceNumber), int64(h.SequenceNumber)-1, s.now
	}
	n := s.newest + int64(int16(h.SequenceNumber-uint16(s.newest)))
	var p piece
	p.last, p.empty = h.Marker, len(payload) == 0
	if d, start, err := codec.ParseVP8(payload); err == nil {
		p.first = start
		if b := payload[d.HeaderLen:]; start && b[0]&1 == 0 && len(b) >= 10 {
			p.key, p.width = true, int(b[6])|int(b[7])<<8
		}
	}
	if n >= s.next {
		s.packets[n] = p
	}
	delete(s.missing, n)
	for m := s.newest + 1; m < n; m++ {
		s.missing[m] = &missed{}
	}
	s.newest = max(s.newest, n)
	s.ask()
	for s.show() {
	}
}

// show shows a frame if it can.
func (s *screen) show() bool {
	for s.packets[s.next].empty {
		delete(s.packets, s.next)
		s.next++
	}
	end, ok := s.whole(s.next)
	at := s.next
	if !ok {
		// A later key frame needs nothing of what is missing.
		for n := s.next + 1; n <= s.newest && !ok; n++ {
			if s.packets[n].key {
				end, ok = s.whole(n)
				at = n
			}
		}
	}
	if !ok {
		return false
	}
	if p := s.packets[at]; p.key {
		s.width = p.width
	}
	for n := s.next; n <= end; n++ {
		delete(s.packets, n)
		delete(s.missing, n)
	}
	s.next = end + 1
	if s.width > 0 {
		s.shown = append(s.shown, shown{s.now, s.width})
	}
	return true
}

// whole returns the last number of the frame that begins at n if all of it is there.
func (s *screen) whole(n int64) (int64, bool) {
	begin := n
	for p, ok := s.packets[n]; ok && !p.empty && p.first == (n == begin); p, ok = s.packets[n] {
		if p.last {
			return n, true
		}
		n++
	}
	return 0, false
}

// ask asks for what is missing.
func (s *screen) ask() {
	var seqs []uint16
	for n := s.next; n <= s.newest; n++ {
		m := s.missing[n]
		if m == nil || m.tries >= nackTries || s.now < m.next {
			continue
		}
		m.tries++
		m.next = s.now + nackRTT
		seqs = append(seqs, uint16(n))
	}
	if len(seqs) > 0 {
		s.nack(seqs)
	}
}

func (s *screen) tick() {
	s.ask()
	wait, since := noFirst, s.began
	if n := len(s.shown); n > 0 {
		wait, since = noFrame, s.shown[n-1].at
	}
	if s.started && s.now-max(since, s.askedAt) >= wait {
		s.askedAt = s.now
		s.pli()
	}
}

// longest returns the longest time without a new picture within a span, and when
// it ended.
func (s *screen) longest(from, to time.Duration) (gap, at time.Duration) {
	last := from
	for _, f := range append(s.shown[:len(s.shown):len(s.shown)], shown{at: to}) {
		if f.at < from {
			continue
		}
		if t := min(f.at, to); t-last > gap {
			gap, at = t-last, t
		}
		last = f.at
		if f.at >= to {
			break
		}
	}
	return gap, at
}

// firstOf returns when a picture of a width was first shown after a time.
func (s *screen) firstOf(width int, after time.Duration) (time.Duration, bool) {
	for _, f := range s.shown {
		if f.at >= after && f.width >= width {
			return f.at, true
		}
	}
	return 0, false
}

// share returns which part of the frames within a span had a width or more.
func (s *screen) share(width int, from, to time.Duration) float64 {
	n, all := 0, 0
	for _, f := range s.shown {
		if f.at >= from && f.at < to {
			all++
			if f.width >= width {
				n++
			}
		}
	}
	return float64(n) / float64(max(all, 1))
}
