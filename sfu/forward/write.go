package forward

import (
	"time"

	"github.com/meetcast/meetcast/sfu/codec"
	"github.com/meetcast/meetcast/sfu/packet"
	"github.com/meetcast/meetcast/sfu/rewrite"
	"github.com/meetcast/meetcast/sfu/track"
)

// replayStep is by how many RTP ticks the pictures of a replay follow each other:
// a millisecond, so that the newest is on time and not the oldest.
const replayStep = 90

// WritePacket implements track.DownTrack. It is the hot path: packets of other
// layers are turned away by two atomic loads, and nothing here allocates. Picture
// ids are written into p's payload for the time of the call.
func (d *Down) WritePacket(p *packet.Packet) {
	source := sourceOf(p)
	if cur := d.current.Load(); cur != source && !d.begins(p, cur) {
		return
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
	now := d.cfg.Now()
	if len(p.Payload) == 0 {
		d.leave(p, now)
		return
	}
	cur := d.current.Load()
	fresh := cur != source
	if fresh {
		if !d.begins(p, cur) {
			return // paused meanwhile
		}
		d.begin(p, now)
	} else if p.Replayed && !d.replayed {
		return // the key frame has come by itself meanwhile
	}
	d.replayed = p.Replayed
	if d.cfg.Kind == track.Video && !d.choose(p, now) {
		return
	}
	d.forward(p, pt, fresh, now)
	if fresh && p.Behind > 0 && !p.Replayed && d.cfg.Kind == track.Video {
		d.follow(p, pt, now)
	}
}

// sourceOf is what tells sources apart: the SSRC, and the epoch of its numbers.
func sourceOf(p *packet.Packet) uint64 { return uint64(p.Epoch)<<33 | live | uint64(p.Header.SSRC) }

// begins tells whether the packet of a source that is not forwarded may be the
// first of it; current is what is forwarded.
func (d *Down) begins(p *packet.Packet, current uint64) bool {
	if current != 0 && uint32(current) == p.Header.SSRC {
		d.current.CompareAndSwap(current, 0) // its numbering began anew: wait for a key frame
	}
	target := int(d.target.Load())
	if target < 0 || (!p.Layered && p.Layer != target) {
		return false
	}
	if !p.KeyFrame && d.cfg.Kind == track.Video {
		d.waiting.Add(1)
		return false
	}
	return true
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
	d.pictures.Switch(g, p)
	d.filter.begin(p, d.top(p.Codec, p.Layered), d.temporal)
	d.epoch, d.refused, d.run, d.header.masked = p.Epoch, 0, 0, false
	d.stats.Switches++
	d.shown.Store(int32(d.filter.layer))
	d.current.Store(sourceOf(p))
}

// aligned returns the timestamp that p would have had on the layer forwarded so
// far, from the sender reports of both.
func (d *Down) aligned(p *packet.Packet) (uint32, bool) {
	from, ok := d.up.ClockRef(d.filter.layer)
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

// choose tells whether a packet of the current source is of the layers that are
// forwarded, and leaves it out otherwise.
func (d *Down) choose(p *packet.Packet, now time.Time) bool {
	before := d.filter.picture
	if !d.filter.take(p, d.top(p.Codec, p.Layered), d.temporal) {
		d.stats.Left++
		d.leave(p, now)
		return false
	}
	if d.filter.layer != int(d.shown.Load()) {
		d.shown.Store(int32(d.filter.layer))
		d.stats.Switches++
	}
	if p.Replayed && d.filter.picture != before {
		g := d.seq.Split(p.Header.SequenceNumber)
		g.Time = d.time.Last() + replayStep - p.Header.Timestamp
	}
	return true
}

// leave leaves a packet out without a gap in what the subscriber sees. When the
// gap is there already, because newer packets went out, it is filled: the
// subscriber would ask for what it is not meant to get.
func (d *Down) leave(p *packet.Packet, now time.Time) {
	hole, late := d.seq.Skip(p.Header.SSRC, p.Header.SequenceNumber)
	g := d.seq.Current()
	if g == nil || d.current.Load() != sourceOf(p) {
		return
	}
	if !late {
		if p.Codec == packet.VP8 && g.Empty() {
			d.pictures.Leave(g, &p.Descriptor)
		}
		return
	}
	if d.last == 0 || !d.given.take(hole, false) {
		return
	}
	h := &d.header
	h.describe(nil)
	h.Marker, h.Padding, h.PaddingSize = false, true, 1
	h.PayloadType, h.SequenceNumber, h.Timestamp = d.last, hole, p.Header.Timestamp+g.Time
	d.send(nil, now)
	h.Padding, h.PaddingSize = false, 0
}

// forward rewrites and sends one packet of the current source.
func (d *Down) forward(p *packet.Packet, pt uint8, fresh bool, now time.Time) {
	seq, g, ok := d.seq.Map(p.Header.SSRC, p.Header.SequenceNumber)
	if !ok || !d.given.take(seq, true) {
		d.stats.Drops[DropLate]++
		if d.refused++; d.refused > strayLimit {
			d.current.Store(0) // its numbering began anew: wait for a key frame
		}
		return
	}
	d.refused = 0
	running := g == d.seq.Current()
	h, payload := &d.header, p.Payload
	h.Marker = p.Header.Marker || d.filter.last(p)
	if p.Codec == packet.Opus {
		h.Marker = h.Marker || fresh
		pt, payload = d.redundant(p, pt)
	}
	h.PayloadType, h.SequenceNumber, h.Timestamp = pt, seq, p.Header.Timestamp+g.Time
	h.describe(d.dependency(p, g, running))
	if newest := seq+1 == d.seq.Next(); newest {
		d.last, d.between = pt, h.Marker
	}
	if p.Descriptor.HasPictureID || p.Descriptor.HasTL0PICIDX {
		d.sendPicture(p, g, running, now)
	} else {
		d.send(payload, now)
	}
	d.time.Sent(h.Timestamp, now)
	d.stats.Packets++
	d.stats.Bytes += uint64(len(payload))
}

// redundant chooses how a packet of Opus goes out: with those before it as RED
// when the subscriber takes that and has been sent them by this slot.
func (d *Down) redundant(p *packet.Packet, pt uint8) (uint8, []byte) {
	whole := int(d.run) >= p.RedundantBlocks
	d.run = min(d.run+1, redDepth)
	if d.out.RED == 0 || d.plain || p.RedundantBlocks == 0 || !whole {
		return pt, p.Payload
	}
	codec.PutREDTypes(p.Redundant, p.RedundantBlocks, pt)
	return d.out.RED, p.Redundant
}

// dependency returns the dependency descriptor that p goes out with, empty for
// none. In every packet of a slot that leaves layers out it says which are left,
// so that no loss can hide it.
func (d *Down) dependency(p *packet.Packet, g *rewrite.Segment, running bool) []byte {
	dep := &p.Dependency
	if d.out.DependencyDescriptor == 0 || len(dep.Raw) == 0 {
		return nil
	}
	number := dep.FrameNumber + g.Frame
	if running {
		d.pictures.SentFrame(number)
	}
	h := &d.header
	active := dep.Active
	if dep.Targets != nil {
		spatial := packet.MaxSpatial - 1
		if p.Layered {
			spatial = min(d.filter.layer, spatial)
		}
		if left := active & dep.Targets.UpTo[spatial][d.filter.temporal]; left != 0 {
			active = left
		}
	}
	if active != dep.Active {
		h.masked = true
	} else if dep.Structure && !dep.Bitmask {
		h.masked = false // a structure says that all are there
	}
	h.descriptor = codec.AppendDependency(h.descriptor[:0], dep, number, h.masked, active)
	return h.descriptor
}

// sendPicture sends a packet with the slot's picture id and TL0PICIDX in its
// payload, which is as it was afterwards: a copy would cost more.
func (d *Down) sendPicture(p *packet.Packet, g *rewrite.Segment, running bool, now time.Time) {
	desc := &p.Descriptor
	picture, tl0 := d.pictures.Map(g, desc)
	codec.PutPicture(p.Payload, desc, picture, tl0)
	if running {
		d.pictures.Sent(desc, picture, tl0)
	}
	d.send(p.Payload, now)
	codec.PutPicture(p.Payload, desc, desc.PictureID, desc.TL0PICIDX)
}

// overhead is what a packet has around its payload, bytes: the fixed header and
// the transport-wide number.
const overhead = 20

// send stamps and writes the packet whose header is d.header.
func (d *Down) send(payload []byte, now time.Time) {
	if d.out.TransportCC != 0 {
		n := d.cfg.Stamper.Stamp(now, overhead+len(d.header.descriptor)+len(payload)+int(d.header.PaddingSize))
		d.header.number(n)
		d.rtx.stamped(d.header.SequenceNumber, n)
	}
	if _, err := d.out.Writer.WriteRTP(&d.header.Header, payload); err != nil {
		d.stats.Drops[DropUnconnected]++
	}
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
	if clock, ok = d.up.ClockRef(d.filter.layer); !ok {
		return 0, clock, 0, 0, false
	}
	clock.RTP += g.Time
	return d.out.SSRC, clock, uint32(d.stats.Packets), uint32(d.stats.Bytes), true
}
