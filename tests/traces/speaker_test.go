package traces

import (
	"encoding/binary"
	"time"

	"github.com/pion/rtp"
)

// speaker is an audio slot as the browser receives it: it notes which packets of
// the microphone came, by themselves or inside a later one (RFC 2198).
type speaker struct {
	*loop
	heard   map[uint32]time.Duration // when it first came
	carried int                      // came inside another only
}

func newSpeaker(l *loop) *speaker { return &speaker{loop: l, heard: map[uint32]time.Duration{}} }

func (s *speaker) receive(h *rtp.Header, payload []byte) {
	if h.PayloadType != redType {
		s.sound(payload, false)
		return
	}
	var sizes []int
	for len(payload) >= 4 && payload[0]&0x80 != 0 {
		sizes = append(sizes, int(binary.BigEndian.Uint32(payload)&0x3ff))
		payload = payload[4:]
	}
	if len(payload) == 0 {
		return
	}
	payload = payload[1:]
	for _, n := range sizes {
		if n > len(payload) {
			return
		}
		s.sound(payload[:n], true)
		payload = payload[n:]
	}
	s.sound(payload, false)
}

func (s *speaker) sound(b []byte, redundant bool) {
	if len(b) < 5 {
		return
	}
	n := binary.BigEndian.Uint32(b[1:])
	if _, ok := s.heard[n]; !ok {
		s.heard[n] = s.now
		if redundant {
			s.carried++
		}
	}
}

// missing returns how many packets of sound that were made within a span never
// came, the longest run of them, and the greatest delay of those that did.
func (s *speaker) missing(from, to time.Duration) (lost, run int, delay time.Duration) {
	n := 0
	for i := uint32(from / frameTime); i < uint32(to/frameTime); i++ {
		at, ok := s.heard[i]
		if ok {
			delay = max(delay, at-time.Duration(i+1)*frameTime)
			n = 0
			continue
		}
		lost++
		n++
		run = max(run, n)
	}
	return lost, run, delay
}
