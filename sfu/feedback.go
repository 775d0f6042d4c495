package sfu

import (
	"time"

	"github.com/pion/rtcp"

	"github.com/meetcast/meetcast/sfu/forward"
	"github.com/meetcast/meetcast/sfu/jsep"
)

var _ forward.Feedback = (*publication)(nil)

// PictureLoss implements forward.Feedback: by PLI (RFC 4585 §6.3.1), or by FIR
// (RFC 5104 §4.3.1) where the client knows nothing else.
func (pub *publication) PictureLoss(ssrc uint32) {
	p := pub.peer
	if pub.line.Has(jsep.FIR) && !pub.line.Has(jsep.PLI) {
		p.writeRTCP(&rtcp.FullIntraRequest{SenderSSRC: p.ssrc, FIR: []rtcp.FIREntry{{SSRC: ssrc, SequenceNumber: uint8(p.firs.Add(1))}}})
		return
	}
	p.writeRTCP(&rtcp.PictureLossIndication{SenderSSRC: p.ssrc, MediaSSRC: ssrc})
}

// Nack implements forward.Feedback.
func (pub *publication) Nack(ssrc uint32, seqs []uint16) {
	if pub.line.Has(jsep.NACK) {
		pub.peer.writeRTCP(&rtcp.TransportLayerNack{SenderSSRC: pub.peer.ssrc, MediaSSRC: ssrc, Nacks: rtcp.NackPairsFromSequenceNumbers(seqs)})
	}
}

// RTT implements forward.Feedback.
func (pub *publication) RTT() time.Duration { return pub.peer.bwe.RTT() }

// writeRTCP sends feedback to the client: alone where it agreed to that (RFC 5506),
// else behind an empty report (RFC 3550 §6.1). Before the transport is up there is
// nobody to tell.
func (p *Peer) writeRTCP(pkts ...rtcp.Packet) {
	if p.State() != Connected {
		return
	}
	if !p.wired.Load().reducedSize {
		pkts = append([]rtcp.Packet{&rtcp.ReceiverReport{SSRC: p.ssrc}, p.description()}, pkts...)
	}
	p.sendRTCP(pkts)
}

// description names us (RFC 3550 §6.5).
func (p *Peer) description() rtcp.Packet {
	return rtcp.NewCNAMESourceDescription(p.ssrc, p.cname)
}

// maxRTCP is the longest compound packet that is sent, bytes: it fits every path.
const maxRTCP = 1200

// sendRTCP sends packets, together if they fit.
func (p *Peer) sendRTCP(pkts []rtcp.Packet) {
	b, err := rtcp.Marshal(pkts)
	if err != nil {
		p.log.Debug("marshal RTCP", "error", err)
		return
	}
	if n := len(pkts); len(b) > maxRTCP && n > 1 {
		p.sendRTCP(pkts[:n/2])
		p.sendRTCP(pkts[n/2:])
		return
	}
	_ = p.conn.WriteRTCP(b) // a lost report is followed by the next
}

// ntpEpoch is the beginning of NTP time (RFC 5905 §6) in Unix seconds.
const ntpEpoch = -2208988800

// fromNTP converts an NTP timestamp in 32.32 fixed point.
func fromNTP(t uint64) time.Time {
	return time.Unix(int64(t>>32)+ntpEpoch, int64((t&0xffffffff)*1e9>>32))
}

// toNTP is the inverse of fromNTP.
func toNTP(t time.Time) uint64 {
	return uint64(t.Unix()-ntpEpoch)<<32 | uint64(t.Nanosecond())<<32/1e9
}
