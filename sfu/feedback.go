package sfu

import (
	"time"

	"github.com/pion/interceptor"
	"github.com/pion/rtcp"

	"github.com/meetcast/meetcast/sfu/forward"
)

type attributes = interceptor.Attributes

// publisher sends feedback to the client that publishes.
type publisher struct{ p *Peer }

var _ forward.Feedback = publisher{}

// PictureLoss implements forward.Feedback.
func (f publisher) PictureLoss(ssrc uint32) {
	f.p.writeRTCP(&rtcp.PictureLossIndication{MediaSSRC: ssrc})
}

// Nack implements forward.Feedback.
func (f publisher) Nack(ssrc uint32, seqs []uint16) {
	f.p.writeRTCP(&rtcp.TransportLayerNack{MediaSSRC: ssrc, Nacks: rtcp.NackPairsFromSequenceNumbers(seqs)})
}

// RTT implements forward.Feedback.
func (f publisher) RTT() time.Duration { return f.p.bwe.RTT() }

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
