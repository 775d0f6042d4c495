package rewrite

import "github.com/meetcast/meetcast/sfu/packet"

// Pictures keeps the numbers of pictures going on across sources: picture ids and
// TL0PICIDX of VP8 (RFC 7741 §4.2) and VP9 (RFC 9628 §4.2), and frame numbers of
// dependency descriptors.
type Pictures struct {
	picture uint16 // highest given out
	frame   uint16 // highest given out
	tl0     uint8
	started bool // picture and tl0 were given out
	framed  bool // frame was given out
	left    uint16
	hasLeft bool // left is the picture left out last, as its source numbers it
}

// mask returns the bits a picture id has in the width of the descriptor.
func mask(d *packet.Descriptor) uint16 {
	if d.LongPictureID {
		return 0x7fff
	}
	return 0x7f
}

// Switch sets the offsets of a segment that begins with a packet.
func (v *Pictures) Switch(g *Segment, p *packet.Packet) {
	g.Picture, g.TL0, g.Frame, v.hasLeft = 0, 0, 0, false
	if v.started {
		g.Picture = v.picture + 1 - p.Descriptor.PictureID
		g.TL0 = v.tl0 + 1 - p.Descriptor.TL0PICIDX
	}
	if v.framed {
		g.Frame = v.frame + 1 - p.Dependency.FrameNumber
	}
}

// Map returns the picture id and TL0PICIDX of a packet in a segment.
func (v *Pictures) Map(g *Segment, d *packet.Descriptor) (picture uint16, tl0 uint8) {
	return (d.PictureID + g.Picture) & mask(d), d.TL0PICIDX + g.TL0
}

// Sent notes what was given out in the running segment.
func (v *Pictures) Sent(d *packet.Descriptor, picture uint16, tl0 uint8) {
	m := mask(d)
	if d.HasPictureID && (!v.started || (picture-v.picture)&m <= m/2) {
		v.picture = picture
	}
	if d.HasTL0PICIDX && (!v.started || tl0-v.tl0 < 1<<7) {
		v.tl0 = tl0
	}
	v.started = true
}

// SentFrame notes a frame number given out in the running segment.
func (v *Pictures) SentFrame(number uint16) {
	if !v.framed || newer(number, v.frame) {
		v.frame, v.framed = number, true
	}
}

// Leave closes the gap that a picture of VP8 leaves which is not forwarded: its
// receivers wait for a picture id that is missing. VP9 and dependency descriptors
// name the pictures referred to by distance, so that a gap must stay.
func (v *Pictures) Leave(g *Segment, d *packet.Descriptor) {
	m := mask(d)
	if !d.HasPictureID || !v.started || (v.hasLeft && v.left == d.PictureID) {
		return
	}
	id := (d.PictureID + g.Picture) & m
	if id == v.picture&m || (id-v.picture)&m > m/2 {
		return // not after what was given out
	}
	v.left, v.hasLeft = d.PictureID, true
	g.Picture--
}
