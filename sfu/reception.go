package sfu

import (
	"sync"
	"time"

	"github.com/pion/rtcp"
)

// maxDropout is a jump of sequence numbers after which a source counts as begun
// anew (RFC 3550 appendix A.1).
const maxDropout = 3000

// reception keeps the books for receiver reports on one stream (RFC 3550 §6.4.1,
// appendix A.3 and A.8).
type reception struct {
	mu       sync.Mutex
	started  bool
	base     uint32 // extended sequence numbers: cycles in the upper half
	highest  uint32
	received uint32
	expected uint32 // at the last report
	counted  uint32 // received at the last report

	rate    uint32 // of timestamps, Hz
	epoch   time.Time
	transit uint32
	jitter  float64 // in units of the timestamp

	report   uint32    // middle of the last sender report's NTP time
	reported time.Time // when it came
}

// arrived counts a packet in.
func (r *reception) arrived(seq uint16, timestamp uint32, now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.started {
		r.begin(seq, timestamp, now)
		return
	}
	jump := seq - uint16(r.highest)
	switch {
	case jump == 0 || jump >= 1<<16-maxDropout: // again, or late
	case jump < maxDropout:
		r.highest += uint32(jump)
	default:
		r.begin(seq, timestamp, now)
		return
	}
	r.received++
	transit := r.clock(now) - timestamp
	d := int32(transit - r.transit)
	r.transit = transit
	if d < 0 {
		d = -d
	}
	r.jitter += (float64(d) - r.jitter) / 16
}

func (r *reception) begin(seq uint16, timestamp uint32, now time.Time) {
	r.started, r.base, r.highest = true, uint32(seq), uint32(seq)
	r.received, r.expected, r.counted = 1, 0, 0
	r.epoch, r.jitter = now, 0
	r.transit = r.clock(now) - timestamp
}

// clock is the time since the first packet in units of the timestamp.
func (r *reception) clock(now time.Time) uint32 {
	return uint32(uint64(now.Sub(r.epoch).Microseconds()) * uint64(r.rate) / 1_000_000)
}

// told notes a sender report.
func (r *reception) told(ntp uint64, now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.report, r.reported = uint32(ntp>>16), now
}

// block returns the report since the last one, false before the first packet.
func (r *reception) block(ssrc uint32, now time.Time) (rtcp.ReceptionReport, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.started {
		return rtcp.ReceptionReport{}, false
	}
	expected := r.highest - r.base + 1
	missed := int64(expected-r.expected) - int64(r.received-r.counted)
	fraction := uint8(0)
	if n := expected - r.expected; n > 0 && missed > 0 {
		fraction = uint8(min(255, missed<<8/int64(n)))
	}
	r.expected, r.counted = expected, r.received
	b := rtcp.ReceptionReport{SSRC: ssrc, FractionLost: fraction, LastSequenceNumber: r.highest, Jitter: uint32(r.jitter),
		TotalLost: uint32(min(max(0, int64(expected)-int64(r.received)), 0x7fffff))}
	if !r.reported.IsZero() {
		b.LastSenderReport = r.report
		b.Delay = uint32(now.Sub(r.reported) * 65536 / time.Second)
	}
	return b, true
}
