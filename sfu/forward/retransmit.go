package forward

import (
	"encoding/binary"
	"math/rand/v2"
	"time"

	"github.com/pion/rtp"

	"github.com/meetcast/meetcast/sfu/codec"
	"github.com/meetcast/meetcast/sfu/packet"
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
	// stampsKept is how many stamps are kept to repeat packets unchanged.
	stampsKept = 512
)

// retransmitter is the state of a slot's retransmissions, under Down.mu.
type retransmitter struct {
	header rtp.Header
	stamp  [2]byte
	seq    uint16
	buf    [MTU + 2]byte
	rate   float64 // bandwidth of the slot, bit/s
	tokens float64 // bytes that may be sent again now
	filled time.Time
	// repeats remembers what was sent again lately, by sequence number.
	repeats [repeatsKept]repeat
	// stamps holds the transport-wide numbers of packets by their sequence
	// number; only without an RTX stream. A packet that goes out twice under one
	// SRTP index must be the same to the bit (RFC 7714 §10.1 forbids to use a
	// nonce for two texts).
	stamps []uint16
}

// repeat is a packet that was sent again.
type repeat struct {
	seq   uint16
	times uint8
	at    time.Time
}

func (r *retransmitter) init() {
	r.seq, r.rate = uint16(rand.Uint32()), defaultRepair
	r.tokens = r.burst()
}

// burst is the most that may be sent again at once, bytes.
func (r *retransmitter) burst() float64 {
	return max(minBurst, r.rate/8*repairBurst.Seconds())
}

func (r *retransmitter) open(o Outlet) {
	r.header = rtp.Header{Version: 2, SSRC: o.RTX}
	if o.TransportCC != 0 {
		_ = r.header.SetExtension(o.TransportCC, r.stamp[:])
	}
	r.stamps = nil
	if o.RTX == 0 && o.TransportCC != 0 {
		r.stamps = make([]uint16, stampsKept)
	}
}

// stamped remembers the transport-wide number of a packet.
func (r *retransmitter) stamped(seq, stamp uint16) {
	if r.stamps != nil {
		r.stamps[seq%stampsKept] = stamp
	}
}

// allow tells whether a packet of size bytes may be sent again now.
func (r *retransmitter) allow(now time.Time, rtt time.Duration, seq uint16, size int) bool {
	if !r.filled.IsZero() {
		r.tokens = min(r.burst(), r.tokens+now.Sub(r.filled).Seconds()*r.rate/8*repairShare)
	}
	r.filled = now
	e := &r.repeats[seq%repeatsKept]
	if e.seq != seq || now.Sub(e.at) > time.Second {
		*e = repeat{seq: seq}
	}
	// A subscriber asks again before the packet can have come.
	if e.times > 0 && (e.times >= maxRepeats || now.Sub(e.at) < max(rtt, minRepeat)) {
		return false
	}
	if r.tokens < float64(size) {
		return false
	}
	r.tokens -= float64(size)
	e.times, e.at = e.times+1, now
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
	now := d.cfg.Now()
	if d.up == nil || !d.open || d.cfg.Kind != track.Video {
		d.stats.Drops[DropUnconnected]++
		return
	}
	in, g, ok := d.seq.Find(seq)
	if !ok {
		d.stats.Drops[DropUncached]++
		return
	}
	if now := d.seq.Current(); now != nil && g.Source != now.Source {
		// A key frame of another source has come since: what is missing before it
		// is shown no more, and would take the place of what is.
		d.stats.Drops[DropLate]++
		return
	}
	var p packet.Packet
	cache, ok := d.up.(Cache)
	if !ok || !cache.Cached(g.Source, in, &p, d.rtx.buf[2:]) {
		d.stats.Drops[DropUncached]++
		return
	}
	var rtt time.Duration
	if d.cfg.RTT != nil {
		rtt = d.cfg.RTT()
	}
	if !d.rtx.allow(now, rtt, seq, len(p.Payload)+20) {
		d.stats.Drops[DropThrottled]++
		return
	}
	d.repeat(&p, g, seq, now)
}

// repeat sends a packet of the cache again. Its payload lies in rtx.buf[2:].
func (d *Down) repeat(p *packet.Packet, g *rewrite.Segment, seq uint16, now time.Time) {
	if p.Codec == packet.VP8 {
		picture, tl0 := d.vp8.Map(g, &p.VP8)
		codec.PutVP8(p.Payload, &p.VP8, picture, tl0)
	}
	pt := d.out.Types[p.Codec%codecs]
	rtxType := d.out.RTXTypes[p.Codec%codecs]
	h, payload := &d.rtx.header, p.Payload
	h.Marker, h.Timestamp = p.Header.Marker, p.Header.Timestamp+g.Time
	switch {
	case d.out.RTX != 0 && rtxType != 0:
		// RFC 4588 §4: the original sequence number goes before the payload.
		payload = d.rtx.buf[:2+len(p.Payload)]
		binary.BigEndian.PutUint16(payload, seq)
		h.SSRC, h.PayloadType, h.SequenceNumber = d.out.RTX, rtxType, d.rtx.seq
		d.rtx.seq++
		if d.out.TransportCC != 0 {
			binary.BigEndian.PutUint16(d.rtx.stamp[:], d.cfg.Stamper.Stamp(now, 20+len(payload)))
		}
	case d.rtx.stamps != nil || d.out.TransportCC == 0:
		h.SSRC, h.PayloadType, h.SequenceNumber = d.out.SSRC, pt, seq
		if d.rtx.stamps != nil {
			binary.BigEndian.PutUint16(d.rtx.stamp[:], d.rtx.stamps[seq%stampsKept])
		}
	default:
		d.stats.Drops[DropUncached]++
		return
	}
	if _, err := d.out.Writer.WriteRTP(h, payload); err != nil {
		d.stats.Drops[DropUnconnected]++
		return
	}
	d.stats.RTX++
}
