package codec

import (
	"github.com/pion/rtp/codecs/vp9"

	"github.com/meetcast/meetcast/sfu/packet"
)

// VP9 is what ParseVP9 finds in one RTP payload.
type VP9 struct {
	Descriptor packet.Descriptor
	// Start and End of the frame of one spatial layer.
	Start, End bool
	// Inter tells that the frame refers to other pictures, Reference that upper
	// spatial layers of the same picture may refer to it.
	Inter, Reference bool
	// Layered tells that the layers are named.
	Layered           bool
	Spatial, Temporal uint8
	// SwitchUp tells that higher temporal layers may be begun after this frame.
	SwitchUp bool
	// Sizes of the spatial layers, when a scalability structure tells them.
	Sizes []packet.Size
}

// ParseVP9 reads the VP9 payload descriptor (RFC 9628 §4.2).
//
//	      0 1 2 3 4 5 6 7
//	     |I|P|L|F|B|E|V|Z|
//	I:   |M| PICTURE ID  |   M: one more byte follows
//	L:   | TID |U| SID |D|
//	L,!F |   TL0PICIDX   |
//	P,F: | P_DIFF      |N|   up to three times
//	V:   | N_S |Y|G|-|-|-|   scalability structure
func ParseVP9(b []byte) (VP9, error) {
	if len(b) < 1 {
		return VP9{}, ErrMalformed
	}
	flags := b[0]
	v := VP9{Inter: flags&0x40 != 0, Start: flags&0x08 != 0, End: flags&0x04 != 0, Reference: flags&0x01 == 0}
	r := byteReader{b: b, pos: 1}
	d := &v.Descriptor
	if flags&0x80 != 0 {
		readPictureID(&r, d)
	}
	flexible := flags&0x10 != 0
	if flags&0x20 != 0 {
		x := r.next()
		d.InterLayer = x&0x01 != 0
		v.Layered, v.Temporal, v.SwitchUp, v.Spatial = true, x>>5, x&0x10 != 0, x>>1&7
		if !flexible {
			d.HasTL0PICIDX, d.TL0Offset = true, uint8(r.pos)
			d.TL0PICIDX = r.next()
		}
	}
	if flexible && v.Inter {
		for n := 1; r.next()&1 != 0; n++ {
			if n == 3 {
				return VP9{}, ErrMalformed
			}
		}
	}
	if flags&0x02 != 0 {
		v.structure(&r)
	}
	if r.short || r.pos >= len(b) || r.pos > 255 {
		return VP9{}, ErrMalformed
	}
	d.HeaderLen = uint8(r.pos)
	return v, nil
}

// structure reads the scalability structure (§4.2.1).
func (v *VP9) structure(r *byteReader) {
	x := r.next()
	if n := int(x>>5) + 1; x&0x10 != 0 && len(r.b)-r.pos > 4*n {
		v.Sizes = make([]packet.Size, n)
		for i := range v.Sizes {
			v.Sizes[i] = packet.Size{Width: int(r.next())<<8 | int(r.next()), Height: int(r.next())<<8 | int(r.next())}
		}
	} else if x&0x10 != 0 {
		r.short = true
	}
	if x&0x08 == 0 {
		return
	}
	for n := r.next(); n > 0 && !r.short; n-- {
		for refs := r.next() >> 2 & 3; refs > 0; refs-- {
			r.next()
		}
	}
}

// vp9Size reads the size from the uncompressed header of a key frame, 0 when it
// is not there.
func vp9Size(frame []byte) (width, height int) {
	var h vp9.Header
	if h.Unmarshal(frame) != nil || h.NonKeyFrame || h.FrameSize == nil {
		return 0, 0
	}
	return int(h.FrameSize.FrameWidthMinus1) + 1, int(h.FrameSize.FrameHeightMinus1) + 1
}

// describeVP9 fills in what a VP9 payload tells.
func describeVP9(p *packet.Packet) error {
	v, err := ParseVP9(p.Payload)
	if err != nil {
		return err
	}
	p.Descriptor = v.Descriptor
	p.FrameStart, p.FrameEnd = v.Start, v.End
	p.Layered, p.Spatial, p.Temporal = v.Layered, v.Spatial, v.Temporal
	// What no upper layer refers to is needed by its own layer's receivers only.
	p.Needed = 1 << v.Spatial
	if v.Reference {
		p.Needed = 0xff << v.Spatial
	}
	p.Switch = !v.Inter
	if v.SwitchUp {
		p.UpTo = packet.AllTemporal
	}
	p.KeyFrame = v.Start && !v.Inter && v.Spatial == 0
	p.Sizes = v.Sizes
	if n := len(v.Sizes); n > 0 {
		p.Width, p.Height = v.Sizes[n-1].Width, v.Sizes[n-1].Height
	}
	if p.KeyFrame && p.Width == 0 {
		p.Width, p.Height = vp9Size(p.Payload[v.Descriptor.HeaderLen:])
	}
	return nil
}

// byteReader reads bytes. Reading beyond the end gives zeros and sets short.
type byteReader struct {
	b     []byte
	pos   int
	short bool
}

func (r *byteReader) next() byte {
	if r.pos >= len(r.b) {
		r.short = true
		return 0
	}
	r.pos++
	return r.b[r.pos-1]
}
