// Package codec reads from RTP payloads what a forwarder must know: where
// frames and key frames begin, how large the picture is, which temporal layer a
// packet belongs to. Payloads come from the network: nothing here panics or
// allocates on malformed ones.
package codec

import (
	"errors"

	"github.com/meetcast/meetcast/sfu/packet"
)

// ErrMalformed is returned for a payload that breaks its payload format.
var ErrMalformed = errors.New("malformed payload")

// ParseVP8 reads the VP8 payload descriptor (RFC 7741 §4.2).
//
//	     0 1 2 3 4 5 6 7
//	    |X|R|N|S|R| PID |   start of a partition: S, its number: PID
//	X:  |I|L|T|K| RSV   |
//	I:  |M| PictureID   |   M: one more byte follows
//	L:  |   TL0PICIDX   |
//	T/K:|TID|Y| KEYIDX  |
//
// start is true on the first packet of a frame.
func ParseVP8(b []byte) (d packet.Descriptor, start bool, err error) {
	if len(b) < 1 {
		return d, false, ErrMalformed
	}
	r := byteReader{b: b, pos: 1}
	if b[0]&0x80 != 0 {
		extendVP8(&r, &d)
	}
	if r.short || r.pos >= len(b) {
		return packet.Descriptor{}, false, ErrMalformed
	}
	d.HeaderLen = uint8(r.pos)
	return d, b[0]&0x10 != 0 && b[0]&0x07 == 0, nil
}

// extendVP8 reads the optional fields.
func extendVP8(r *byteReader, d *packet.Descriptor) {
	flags := r.next()
	if flags&0x80 != 0 {
		readPictureID(r, d)
	}
	if flags&0x40 != 0 {
		d.HasTL0PICIDX, d.TL0Offset = true, uint8(r.pos)
		d.TL0PICIDX = r.next()
	}
	if flags&0x30 != 0 {
		x := r.next()
		if flags&0x20 != 0 {
			d.HasTID, d.TID, d.LayerSync = true, x>>6, x&0x20 != 0
		}
	}
}

// readPictureID reads a picture id of one or two bytes, as VP8 and VP9 have it.
func readPictureID(r *byteReader, d *packet.Descriptor) {
	d.HasPictureID, d.PictureIDOffset = true, uint8(r.pos)
	first := r.next()
	d.PictureID, d.LongPictureID = uint16(first&0x7f), first&0x80 != 0
	if d.LongPictureID {
		d.PictureID = d.PictureID<<8 | uint16(r.next())
	}
}

// describeVP8 fills in what a VP8 payload tells.
func describeVP8(p *packet.Packet) error {
	d, start, err := ParseVP8(p.Payload)
	if err != nil {
		return err
	}
	p.Descriptor, p.FrameStart, p.Temporal, p.Sync = d, start, d.TID, d.LayerSync
	if start {
		p.KeyFrame, p.Width, p.Height = VP8KeyFrame(p.Payload[d.HeaderLen:])
		p.Switch = p.KeyFrame
	}
	return nil
}

// VP8KeyFrame tells from the first bytes of a frame (RFC 6386 §9.1) whether it
// is a key frame, and its size in pixels; 0 when the packet is too short to say.
func VP8KeyFrame(frame []byte) (key bool, width, height int) {
	if len(frame) < 1 || frame[0]&1 != 0 {
		return false, 0, 0
	}
	if len(frame) < 10 {
		return true, 0, 0
	}
	if frame[3] != 0x9d || frame[4] != 0x01 || frame[5] != 0x2a {
		return false, 0, 0
	}
	width = int(frame[6]) | int(frame[7]&0x3f)<<8
	height = int(frame[8]) | int(frame[9]&0x3f)<<8
	return true, width, height
}
