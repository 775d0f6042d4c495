package sfu

import (
	"encoding/binary"
	"math/bits"
	"time"

	"github.com/meetcast/meetcast/sfu/track"
)

// Types and formats of RTCP packets (RFC 3550 §12.1, RFC 4585 §6.1).
const (
	typeSR   = 200
	typeRR   = 201
	typeRTPF = 205 // transport layer feedback
	typePSF  = 206 // payload-specific feedback

	formatNACK = 1
	formatTWCC = 15
	formatPLI  = 1
	formatFIR  = 4

	rtcpHeader  = 4
	reportBlock = 24
)

// What one datagram of RTCP may say, all of its packets together: the reader serves
// all peers. Whoever misses more than maxNacks packets needs a key frame, and nobody
// is sent as many as maxStatuses between two feedbacks.
const (
	maxNacks    = 512
	maxStatuses = 4096
)

// budget is what is left of it.
type budget struct{ nacks, statuses int }

// RTCP takes feedback and reports of the client: transport.Handler. What it does
// with them takes microseconds and never waits for anybody.
func (c handler) RTCP(b []byte, now time.Time) {
	left := budget{maxNacks, maxStatuses}
	for len(b) > 0 {
		n := 0
		if len(b) >= rtcpHeader {
			n = rtcpHeader + 4*int(binary.BigEndian.Uint16(b[2:]))
		}
		if n < 8 || n > len(b) || b[0]>>6 != 2 || !c.p.feedback(b[:n], &left, now) {
			c.p.malformedRTCP.Add(1)
			return
		}
		b = b[n:]
	}
}

// feedback takes one packet of a compound, at least 8 bytes long; it is false for
// a malformed one.
func (p *Peer) feedback(b []byte, left *budget, now time.Time) bool {
	count, from := int(b[0]&0x1f), binary.BigEndian.Uint32(b[4:])
	switch b[1] {
	case typeSR:
		if len(b) < 28+count*reportBlock {
			return false
		}
		p.senderReport(from, binary.BigEndian.Uint64(b[8:]), binary.BigEndian.Uint32(b[16:]), now)
		p.reportBlocks(b[28:], count)
	case typeRR:
		if len(b) < 8+count*reportBlock {
			return false
		}
		p.reportBlocks(b[8:], count)
	case typeRTPF, typePSF:
		if len(b) < 12 {
			return false
		}
		return p.slotFeedback(b, count, left, now)
	}
	return true // names, good-byes and what we do not know
}

// senderReport takes the clock of a published layer.
func (p *Peer) senderReport(ssrc uint32, ntp uint64, timestamp uint32, now time.Time) {
	s := p.streams.Load().find(ssrc)
	if s == nil || s.rtx {
		return
	}
	s.reception.told(ntp, now)
	if lane := s.lane.Load(); lane != nil {
		lane.SenderReport(track.ClockRef{NTP: fromNTP(ntp), RTP: timestamp})
	}
}

// reportBlocks takes what the client says of the slots (RFC 3550 §6.4.1).
func (p *Peer) reportBlocks(b []byte, count int) {
	w := p.wired.Load()
	for range count {
		if s := w.slot(binary.BigEndian.Uint32(b)); s != nil {
			s.lost.Store(uint32(b[4]))
		}
		b = b[reportBlock:]
	}
}

// slotFeedback takes feedback on slots. b is at least 12 bytes long.
func (p *Peer) slotFeedback(b []byte, format int, left *budget, now time.Time) bool {
	w, ssrc := p.wired.Load(), binary.BigEndian.Uint32(b[8:])
	switch {
	case b[1] == typeRTPF && format == formatTWCC:
		if len(b) < 16 || left.statuses <= 0 {
			return false
		}
		left.statuses -= int(binary.BigEndian.Uint16(b[14:]))
		// Congestion control is about the transport: whichever stream is named.
		urgent, err := p.bwe.Report(now, b)
		p.choice.Repair(w.downs)
		if urgent {
			p.loop.hurry(p)
		}
		return err == nil
	case b[1] == typeRTPF && format == formatNACK:
		if s := w.slot(ssrc); s != nil {
			s.nacks(b[12:], left)
		}
	case b[1] == typePSF && format == formatPLI:
		if s := w.slot(ssrc); s != nil {
			s.down.PictureLoss()
		}
	case b[1] == typePSF && format == formatFIR:
		for e := b[12:]; len(e) >= 8; e = e[8:] {
			if s := w.slot(binary.BigEndian.Uint32(e)); s != nil {
				s.down.PictureLoss()
			}
		}
	}
	return true
}

// nacks takes lost packets (RFC 4585 §6.2.1): a number and 16 that follow it.
func (s *slot) nacks(b []byte, left *budget) {
	for ; len(b) >= 4 && left.nacks > 0; b = b[4:] {
		seq, mask := binary.BigEndian.Uint16(b), binary.BigEndian.Uint16(b[2:])
		left.nacks -= 1 + bits.OnesCount16(mask)
		s.down.Nack(seq)
		for ; mask != 0; mask >>= 1 {
			if seq++; mask&1 != 0 {
				s.down.Nack(seq)
			}
		}
	}
}
