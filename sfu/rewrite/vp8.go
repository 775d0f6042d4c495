package rewrite

import "github.com/meetcast/meetcast/sfu/packet"

// VP8 keeps picture ids and TL0PICIDX (RFC 7741 §4.2) going on across sources.
type VP8 struct {
	picture uint16 // highest given out
	tl0     uint8
	started bool
}

// mask returns the bits a picture id has in the width of the descriptor.
func mask(d *packet.VP8Descriptor) uint16 {
	if d.LongPictureID {
		return 0x7fff
	}
	return 0x7f
}

// Switch sets the offsets of a segment that begins with the given descriptor.
func (v *VP8) Switch(g *Segment, d *packet.VP8Descriptor) {
	if !v.started {
		g.Picture, g.TL0 = 0, 0
		return
	}
	g.Picture = v.picture + 1 - d.PictureID
	g.TL0 = v.tl0 + 1 - d.TL0PICIDX
}

// Map returns the picture id and TL0PICIDX of a packet in a segment.
func (v *VP8) Map(g *Segment, d *packet.VP8Descriptor) (picture uint16, tl0 uint8) {
	return (d.PictureID + g.Picture) & mask(d), d.TL0PICIDX + g.TL0
}

// Sent notes what was given out in the running segment.
func (v *VP8) Sent(d *packet.VP8Descriptor, picture uint16, tl0 uint8) {
	m := mask(d)
	if d.HasPictureID && (!v.started || (picture-v.picture)&m <= m/2) {
		v.picture = picture
	}
	if d.HasTL0PICIDX && (!v.started || tl0-v.tl0 < 1<<7) {
		v.tl0 = tl0
	}
	v.started = true
}
