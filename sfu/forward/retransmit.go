package forward

import (
	"encoding/binary"
	"time"

	"github.com/meetcast/meetcast/sfu/codec"
	"github.com/meetcast/meetcast/sfu/rewrite"
	"github.com/meetcast/meetcast/sfu/track"
)

const (
	// repairShare is the part of a slot's bandwidth that retransmissions may
	// take, and repairBurst for how long they may have it all at once: on a path
	// that is full, repeating what was lost would fill it for good.
	repairShare = 0.25
	repairBurst = 250 * time.Millisecond
	// minBurst lets a few packets be repeated on the narrowest path, bytes.
	minBurst = 12_000
	// defaultRepair is the bandwidth assumed until told, bit/s.
	defaultRepair = 1_500_000
	// minRepeat and maxRepeats bound how often one packet is sent again.
	minRepeat  = 30 * time.Millisecond
	maxRepeats = 5
	// repeatsKept is how many repeated packets are remembered.
	repeatsKept = 64
	// stampsKept is how many stamps are kept to repeat packets unchanged: those of
	// all packets that may be.
	stampsKept = givenKept
)

// retransmitter is the state of a slot's retransmissions, under Down.mu.
type retransmitter struct {
	header outHeader
	seq    uint16
	rate   float64   // bandwidth of the slot, bit/s
	tokens float64   // bytes that may be sent again now
	topped time.Time // when tokens were last added
	// repeats remembers what was sent again lately, by sequence number.
	repeats [repeatsKept]repeat
	// stamps holds the transport-wide numbers of packets by their sequence
	// number; only without an RTX stream. A packet that goes out twice under one
	// SRTP index must be the same to the bit (RFC 7714 §10.1 forbids to use a
	// nonce for two texts).
	stamps []uint16
	sent   ledger
}

// repeat is a packet that was sent again.
type repeat struct {
	seq   uint16
	times uint8
	lost  bool   // the last copy is known to be lost
	stamp uint16 // transport-wide number of the last copy
	at    uint32 // ms, wraps
}

func (r *retransmitter) init() {
	r.seq, r.rate = firstNumber(), defaultRepair
	r.tokens = r.burst()
}

// burst is the most that may be sent again at once, bytes.
func (r *retransmitter) burst() float64 {
	return max(minBurst, r.rate/8*repairBurst.Seconds())
}

func (r *retransmitter) open(o Outlet) {
	r.header.open(o.RTX, o.TransportCC, o.DependencyDescriptor)
	r.stamps = nil
	if o.RTX == 0 && o.TransportCC != 0 {
		r.stamps = make([]uint16, stampsKept)
	}
}

// stamped remembers the transport-wide number of a packet.
func (r *retransmitter) stamped(seq, stamp uint16) {
	r.sent.note(stamp, seq)
	if r.stamps != nil {
		r.stamps[seq%stampsKept] = stamp
	}
}

// allow tells whether a packet of size bytes may be sent again now.
func (r *retransmitter) allow(now time.Time, rtt time.Duration, seq uint16, size int) bool {
	if !r.topped.IsZero() {
		r.tokens = min(r.burst(), r.tokens+now.Sub(r.topped).Seconds()*r.rate/8*repairShare)
	}
	r.topped = now
	ms := uint32(now.UnixMilli())
	e := &r.repeats[seq%repeatsKept]
	since := time.Duration(ms-e.at) * time.Millisecond
	if e.seq != seq || since > time.Second {
		*e = repeat{seq: seq}
	}
	// A subscriber asks again before the packet can have come, but its round-trip
	// time may be shorter than ours, which ends with the feedback.
	early := since < max(rtt*2/3, minRepeat) && !e.lost
	if e.times > 0 && (e.times >= maxRepeats || early) {
		return false
	}
	if r.tokens < float64(size) {
		return false
	}
	r.tokens -= float64(size)
	e.times, e.at, e.lost = e.times+1, ms, false
	return true
}

// SetBandwidth tells how much of the subscriber's bandwidth is the slot's, bit/s.
// It bounds retransmissions.
func (d *Down) SetBandwidth(rate int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.rtx.rate = float64(max(rate, 0))
}

// Nack takes one lost packet that the subscriber asks for again.
func (d *Down) Nack(seq uint16) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.stats.Nacks++
	d.again(seq)
}

// again sends a packet of the slot again if it may. It needs d.mu.
func (d *Down) again(seq uint16) {
	now := d.cfg.Now()
	if d.up == nil || !d.open || d.cfg.Kind != track.Video {
		d.stats.Drops[DropUnconnected]++
		return
	}
	in, g, ok := d.seq.Find(seq)
	if !ok || !d.given.again(seq) {
		d.stats.Drops[DropUncached]++
		return
	}
	if !d.seq.Running(g) {
		// A key frame has begun another source, or the same one anew: what is
		// missing before it is shown no more, and would take the place of what is.
		d.stats.Drops[DropLate]++
		return
	}
	s := scratches.Get().(*scratch)
	defer scratches.Put(s)
	cache, ok := d.up.(Cache)
	if !ok || !cache.Cached(g.Source, in, &s.p, s.buf[2:]) || s.p.Epoch != d.epoch {
		d.stats.Drops[DropUncached]++
		return
	}
	var rtt time.Duration
	if d.cfg.RTT != nil {
		rtt = d.cfg.RTT()
	}
	if !d.rtx.allow(now, rtt, seq, len(s.p.Payload)+overhead) {
		d.stats.Drops[DropThrottled]++
		return
	}
	d.repeat(s, g, seq, now)
	if d.rtx.sent.entries != nil && d.rtx.repeats[seq%repeatsKept].times > 1 {
		for range repairCopies - 1 {
			d.repeat(s, g, seq, now)
		}
	}
}

// repeat sends a packet of the cache again. Its payload lies in s.buf[2:].
func (d *Down) repeat(s *scratch, g *rewrite.Segment, seq uint16, now time.Time) {
	p := &s.p
	if p.Descriptor.HasPictureID || p.Descriptor.HasTL0PICIDX {
		picture, tl0 := d.pictures.Map(g, &p.Descriptor)
		codec.PutPicture(p.Payload, &p.Descriptor, picture, tl0)
	}
	pt := d.out.Types[p.Codec%codecs]
	rtxType := d.out.RTXTypes[p.Codec%codecs]
	h, payload := &d.rtx.header, p.Payload
	h.Marker, h.Timestamp = p.Header.Marker || d.filter.last(p), p.Header.Timestamp+g.Time
	switch {
	case d.out.RTX != 0 && rtxType != 0:
		// RFC 4588 §4: the original sequence number goes before the payload.
		payload = s.buf[:2+len(p.Payload)]
		binary.BigEndian.PutUint16(payload, seq)
		h.SSRC, h.PayloadType, h.SequenceNumber = d.out.RTX, rtxType, d.rtx.seq
		d.rtx.seq++
		var dd []byte
		if raw := p.Dependency.Raw; d.out.DependencyDescriptor != 0 && len(raw) > 0 {
			dd = codec.AppendDependency(h.descriptor[:0], &p.Dependency, p.Dependency.FrameNumber+g.Frame, false, 0)
			h.descriptor = dd
		}
		h.describe(dd)
		if d.out.TransportCC != 0 {
			stamp := d.cfg.Stamper.Stamp(now, overhead+len(h.descriptor)+len(payload))
			h.number(stamp)
			d.rtx.sent.note(stamp, seq)
			d.rtx.repeats[seq%repeatsKept].stamp = stamp
		}
	case !p.Layered && d.out.RTX == 0 && (d.rtx.stamps != nil || d.out.TransportCC == 0):
		h.SSRC, h.PayloadType, h.SequenceNumber = d.out.SSRC, pt, seq
		if d.rtx.stamps != nil {
			h.number(d.rtx.stamps[seq%stampsKept])
		}
	default:
		d.stats.Drops[DropUncached]++
		return
	}
	if _, err := d.out.Writer.WriteRTP(&h.Header, payload); err != nil {
		d.stats.Drops[DropUnconnected]++
		return
	}
	d.stats.RTX++
}
