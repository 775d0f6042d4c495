package forward

import (
	"time"

	"github.com/pion/rtp"

	"github.com/meetcast/meetcast/sfu/codec"
	"github.com/meetcast/meetcast/sfu/packet"
)

const (
	// redDepth is how many packets before it a packet of RED repeats: two outlive
	// any loss of two packets in a row.
	redDepth = 2
	// redFull is up to which size, bytes, a payload repeats redDepth packets, and
	// redHalf up to which it repeats one: speech at 20 ms has 80 bytes a packet,
	// music several hundred, which would be tripled for little.
	redFull = 480
	redHalf = 1000
)

// sound is what a Lane of audio remembers, under Lane.mu.
type sound struct {
	window window
	red    codec.RED
	lost   packet.Packet // recovered from redundancy
	past   [redDepth]spoken
	buf    []byte
	blocks [redDepth]codec.REDBlock
}

// spoken is a packet that later ones repeat.
type spoken struct {
	valid   bool
	seq     uint16
	time    uint32
	payload []byte
}

func (s *sound) reset() {
	s.window = window{}
	for i := range s.past {
		s.past[i].valid = false
	}
}

// unpack makes p the packet that RED wraps, and delivers those of the packets
// before it that are missing. It is false for what is malformed.
func (l *Lane) unpack(p *packet.Packet, now time.Time) bool {
	s := l.sound
	if s.red.Parse(p.Payload) != nil {
		return false
	}
	p.Payload = s.red.Primary
	for i, b := range s.red.Blocks {
		seq := p.Header.SequenceNumber - uint16(len(s.red.Blocks)-i)
		at := p.Header.Timestamp - uint32(b.Offset)
		if len(b.Payload) == 0 || b.Offset == 0 || !s.window.misses(seq) {
			continue
		}
		// Blocks are of the packets just before; one that is not newer than what
		// came before it is of another.
		if newer(seq, s.window.highest) && at-l.lastTime-1 >= 1<<31 {
			continue
		}
		s.window.add(seq)
		q := &s.lost
		*q = packet.Packet{Arrival: now, Codec: packet.Opus, Epoch: p.Epoch, Recovered: true, Payload: b.Payload, Header: rtp.Header{
			Version: 2, PayloadType: l.payloadType, SequenceNumber: seq, Timestamp: at, SSRC: p.Header.SSRC}}
		if codec.Describe(q) != nil {
			continue
		}
		l.stat.Lock()
		l.stats.Recovered++
		l.stat.Unlock()
		l.repack(q)
		l.deliver(q)
	}
	return true
}

// repack gives p the redundancy that it has on its way out, and remembers it.
func (l *Lane) repack(p *packet.Packet) {
	s := l.sound
	n, size := 0, len(p.Payload)
	for n < redDepth {
		old := &s.past[n]
		limit := redFull
		if n == 0 {
			limit = redHalf
		}
		size += len(old.payload)
		if !old.valid || old.seq != p.Header.SequenceNumber-uint16(n+1) || size > limit ||
			!codec.FitsRED(len(old.payload), p.Header.Timestamp-old.time) {
			break
		}
		n++
	}
	if n > 0 {
		for i := range n {
			old := &s.past[n-1-i]
			s.blocks[i] = codec.REDBlock{Offset: uint16(p.Header.Timestamp - old.time), Payload: old.payload}
		}
		s.buf = codec.AppendRED(s.buf[:0], p.Payload, s.blocks[:n])
		p.Redundant, p.RedundantBlocks = s.buf, n
	}
	if s.past[0].valid && !newer(p.Header.SequenceNumber, s.past[0].seq) {
		return
	}
	oldest := s.past[redDepth-1].payload
	copy(s.past[1:], s.past[:redDepth-1])
	s.past[0] = spoken{true, p.Header.SequenceNumber, p.Header.Timestamp, append(oldest[:0], p.Payload...)}
}

// windowSize is how many sequence numbers a window remembers.
const windowSize = 64

// window knows which of the newest packets came. It is a plain value.
type window struct {
	started bool
	highest uint16
	bits    uint64 // bit i: highest-i came
}

// add notes a packet. It is fresh unless it came before or is too old to tell,
// and far when the numbering must have begun anew.
func (w *window) add(seq uint16) (fresh, far bool) {
	if !w.started {
		w.started, w.highest, w.bits = true, seq, ^uint64(0) // nothing before counts as missing
		return true, false
	}
	if newer(seq, w.highest) {
		d := seq - w.highest
		w.bits, w.highest = w.bits<<min(d, windowSize)|1, seq
		return true, d >= 1<<12
	}
	d := w.highest - seq
	if d >= windowSize {
		return false, d >= 1<<12
	}
	fresh = w.bits>>d&1 == 0
	w.bits |= 1 << d
	return fresh, false
}

// misses tells whether a packet is known not to have come.
func (w *window) misses(seq uint16) bool {
	if !w.started {
		return false
	}
	if newer(seq, w.highest) {
		return seq-w.highest < windowSize
	}
	d := w.highest - seq
	return d < windowSize && w.bits>>d&1 == 0
}
