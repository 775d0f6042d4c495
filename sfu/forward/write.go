package forward

import (
	"encoding/binary"
	"time"

	"github.com/meetcast/meetcast/sfu/codec"
	"github.com/meetcast/meetcast/sfu/packet"
	"github.com/meetcast/meetcast/sfu/rewrite"
	"github.com/meetcast/meetcast/sfu/track"
)

// WritePacket implements track.DownTrack. It is the hot path: packets of other
// layers are turned away by two atomic loads, and nothing here allocates.
func (d *Down) WritePacket(p *packet.Packet) {
	source := uint64(p.Header.SSRC) | live
	if d.current.Load() != source {
		if int32(p.Layer) != d.target.Load() {
			return
		}
		if !p.KeyFrame && d.cfg.Kind == track.Video {
			d.waiting.Add(1)
			return
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.up == nil || !d.open {
		d.stats.Drops[DropUnconnected]++
		return
	}
	pt := d.out.Types[p.Codec%codecs]
	if pt == 0 {
		d.stats.Drops[DropCodec]++
		return
	}
	if len(p.Payload) == 0 {
		d.seq.Skip(p.Header.SSRC, p.Header.SequenceNumber)
		return
	}
	now := d.cfg.Now()
	fresh := d.current.Load() != source
	if fresh {
		d.begin(p, now)
	}
	d.forward(p, pt, fresh, now)
}

// begin makes the source of p the one that is forwarded.
func (d *Down) begin(p *packet.Packet, now time.Time) {
	rate := d.up.Info().ClockRate
	start := d.time.Next(now, rate, d.seed)
	if d.current.Load() != 0 {
		if want, ok := d.aligned(p); ok {
			start = d.time.Align(want, now, rate, d.seed)
		}
	}
	g := d.seq.Switch(p.Header.SSRC, p.Header.SequenceNumber)
	g.Time = start - p.Header.Timestamp
	if p.Codec == packet.VP8 {
		d.vp8.Switch(g, &p.VP8)
	}
	d.layer, d.refused = p.Layer, 0
	d.stats.Switches++
	d.current.Store(uint64(p.Header.SSRC) | live)
}

// aligned returns the timestamp that p would have had on the layer forwarded so
// far, from the sender reports of both.
func (d *Down) aligned(p *packet.Packet) (uint32, bool) {
	from, ok := d.up.ClockRef(d.layer)
	if !ok {
		return 0, false
	}
	to, ok := d.up.ClockRef(p.Layer)
	g := d.seq.Current()
	if !ok || g == nil {
		return 0, false
	}
	rate := float64(d.up.Info().ClockRate)
	taken := to.NTP.Sub(from.NTP).Seconds()*rate + float64(int32(p.Header.Timestamp-to.RTP))
	return from.RTP + uint32(int64(taken)) + g.Time, true
}

// forward rewrites and sends one packet of the current source.
func (d *Down) forward(p *packet.Packet, pt uint8, fresh bool, now time.Time) {
	seq, g, ok := d.seq.Map(p.Header.SSRC, p.Header.SequenceNumber)
	if !ok {
		d.stats.Drops[DropLate]++
		if d.refused++; d.refused > strayLimit {
			d.current.Store(0) // its numbering began anew: wait for a key frame
		}
		return
	}
	d.refused = 0
	payload := p.Payload
	if p.Codec == packet.VP8 && (p.VP8.HasPictureID || p.VP8.HasTL0PICIDX) {
		payload = d.rewriteVP8(d.buf[:], p, g, g == d.seq.Current())
	}
	h := &d.header
	h.Marker = p.Header.Marker || (fresh && p.Codec == packet.Opus)
	h.PayloadType, h.SequenceNumber, h.Timestamp = pt, seq, p.Header.Timestamp+g.Time
	newest := seq+1 == d.seq.Next()
	d.send(payload, now)
	d.time.Sent(h.Timestamp, now)
	if newest {
		d.last, d.between = pt, p.Header.Marker
	}
	d.stats.Packets++
	d.stats.Bytes += uint64(len(payload))
}

// rewriteVP8 copies the payload into buf with the slot's picture id.
func (d *Down) rewriteVP8(buf []byte, p *packet.Packet, g *rewrite.Segment, running bool) []byte {
	payload := buf[:copy(buf, p.Payload)]
	picture, tl0 := d.vp8.Map(g, &p.VP8)
	codec.PutVP8(payload, &p.VP8, picture, tl0)
	if running {
		d.vp8.Sent(&p.VP8, picture, tl0)
	}
	return payload
}

// send stamps and writes the packet whose header is d.header.
func (d *Down) send(payload []byte, now time.Time) {
	if d.out.TransportCC != 0 {
		n := d.cfg.Stamper.Stamp(now, 20+len(payload)+int(d.header.PaddingSize))
		binary.BigEndian.PutUint16(d.stamp[:], n)
		d.rtx.stamped(d.header.SequenceNumber, n)
	}
	if _, err := d.out.Writer.WriteRTP(&d.header, payload); err != nil {
		d.stats.Drops[DropUnconnected]++
	}
}

// padding is the most that one padding packet can carry (RFC 3550 §5.1).
const padding = 255

// Pad sends padding of about bytes, to probe the path, and returns how much it
// sent. It goes on the retransmission stream, whose numbers nobody waits for;
// without one it goes among the media, and never in the middle of a frame.
func (d *Down) Pad(bytes int) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.open || d.closed || d.out.TransportCC == 0 || d.last == 0 {
		return 0
	}
	rtx := d.rtxType()
	if inFrame := !d.between && d.current.Load() != 0; rtx == 0 && inFrame {
		return 0
	}
	now, sent := d.cfg.Now(), 0
	for ; sent < bytes; sent += 20 + padding {
		if rtx != 0 {
			d.padRTX(rtx, now)
		} else {
			d.padMedia(now)
		}
		d.stats.Padding++
	}
	return sent
}

// rtxType is the retransmission payload type of what was sent last, 0 for none.
func (d *Down) rtxType() uint8 {
	for i, pt := range d.out.Types {
		if pt == d.last && d.out.RTX != 0 {
			return d.out.RTXTypes[i]
		}
	}
	return 0
}

func (d *Down) padRTX(pt uint8, now time.Time) {
	h := &d.rtx.header
	h.Marker, h.Padding, h.PaddingSize = false, true, padding
	h.SSRC, h.PayloadType, h.SequenceNumber, h.Timestamp = d.out.RTX, pt, d.rtx.seq, d.time.Last()
	d.rtx.seq++
	binary.BigEndian.PutUint16(d.rtx.stamp[:], d.cfg.Stamper.Stamp(now, 20+padding))
	if _, err := d.out.Writer.WriteRTP(h, nil); err != nil {
		d.stats.Drops[DropUnconnected]++
	}
	h.Padding, h.PaddingSize = false, 0
}

func (d *Down) padMedia(now time.Time) {
	h := &d.header
	h.Marker, h.Padding, h.PaddingSize = false, true, padding
	h.PayloadType, h.Timestamp, h.SequenceNumber = d.last, d.time.Last(), d.seq.Insert()
	d.send(nil, now)
	h.Padding, h.PaddingSize = false, 0
}

// Report returns what an RTCP sender report of the slot says (RFC 3550 §6.4.1):
// the clock of the source, carried over to the slot's timestamps. It is false
// while nothing is forwarded or the source's clock is not known.
func (d *Down) Report() (ssrc uint32, clock track.ClockRef, packets, bytes uint32, ok bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	g := d.seq.Current()
	if d.up == nil || !d.open || d.current.Load() == 0 || g == nil {
		return 0, clock, 0, 0, false
	}
	if clock, ok = d.up.ClockRef(d.layer); !ok {
		return 0, clock, 0, 0, false
	}
	clock.RTP += g.Time
	return d.out.SSRC, clock, uint32(d.stats.Packets), uint32(d.stats.Bytes), true
}
