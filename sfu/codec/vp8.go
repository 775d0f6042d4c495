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
func ParseVP8(b []byte) (d packet.VP8Descriptor, start bool, err error) {
	if len(b) < 1 {
		return d, false, ErrMalformed
	}
	start = b[0]&0x10 != 0 && b[0]&0x07 == 0
	i := 1
	if b[0]&0x80 != 0 {
		if i, err = parseVP8Extension(b, &d); err != nil {
			return packet.VP8Descriptor{}, false, err
		}
	}
	if i >= len(b) {
		return packet.VP8Descriptor{}, false, ErrMalformed
	}
	d.HeaderLen = i
	return d, start, nil
}

// parseVP8Extension reads the optional fields and returns where they end.
func parseVP8Extension(b []byte, d *packet.VP8Descriptor) (int, error) {
	if len(b) < 2 {
		return 0, ErrMalformed
	}
	flags, i := b[1], 2
	if flags&0x80 != 0 {
		if len(b) < i+1 {
			return 0, ErrMalformed
		}
		d.HasPictureID, d.PictureIDOffset, d.PictureID = true, i, uint16(b[i]&0x7f)
		d.LongPictureID = b[i]&0x80 != 0
		i++
		if d.LongPictureID {
			if len(b) < i+1 {
				return 0, ErrMalformed
			}
			d.PictureID = d.PictureID<<8 | uint16(b[i])
			i++
		}
	}
	if flags&0x40 != 0 {
		if len(b) < i+1 {
			return 0, ErrMalformed
		}
		d.HasTL0PICIDX, d.TL0Offset, d.TL0PICIDX = true, i, b[i]
		i++
	}
	if flags&0x30 != 0 {
		if len(b) < i+1 {
			return 0, ErrMalformed
		}
		if flags&0x20 != 0 {
			d.HasTID, d.TID, d.LayerSync = true, b[i]>>6, b[i]&0x20 != 0
		}
		i++
	}
	return i, nil
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

// PutVP8 writes a picture id and TL0PICIDX over those in a payload, in the
// width that the descriptor has. Fields that the descriptor lacks are ignored.
func PutVP8(payload []byte, d *packet.VP8Descriptor, pictureID uint16, tl0 uint8) {
	if d.HasPictureID {
		if d.LongPictureID {
			payload[d.PictureIDOffset] = 0x80 | byte(pictureID>>8)
			payload[d.PictureIDOffset+1] = byte(pictureID)
		} else {
			payload[d.PictureIDOffset] = byte(pictureID & 0x7f)
		}
	}
	if d.HasTL0PICIDX {
		payload[d.TL0Offset] = tl0
	}
}
