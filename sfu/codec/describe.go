package codec

import "github.com/meetcast/meetcast/sfu/packet"

// Describe fills in what the payload of p tells, according to p.Codec: key
// frame, start of frame, size, layers. A packet without payload, as senders use
// for probing, is left as it is.
//
// For H.264 FrameStart is not known from the payload alone; who has seen the
// packet before p knows it from the timestamp.
func Describe(p *packet.Packet) error {
	p.Needed = 0xff
	if len(p.Payload) == 0 {
		return nil
	}
	switch p.Codec {
	case packet.VP8:
		return describeVP8(p)
	case packet.VP9:
		return describeVP9(p)
	case packet.AV1:
		return describeAV1(p)
	case packet.H264:
		f, err := ParseH264(p.Payload)
		if err != nil {
			return err
		}
		p.KeyFrame, p.Switch, p.Width, p.Height = f.Key, f.Key, f.Width, f.Height
	default:
		p.FrameStart = true
	}
	return nil
}

// PutPicture writes a picture id and TL0PICIDX over those in a payload of VP8 or
// VP9, in the width that the descriptor has. Fields that the descriptor lacks are
// ignored.
func PutPicture(payload []byte, d *packet.Descriptor, pictureID uint16, tl0 uint8) {
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
