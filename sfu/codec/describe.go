package codec

import "github.com/meetcast/meetcast/sfu/packet"

// Describe fills in what the payload of p tells, according to p.Codec: key
// frame, start of frame, size, temporal layer. A packet without payload, as
// senders use for probing, is left as it is.
//
// For H.264 FrameStart is not known from the payload alone; who has seen the
// packet before p knows it from the timestamp.
func Describe(p *packet.Packet) error {
	if len(p.Payload) == 0 {
		return nil
	}
	switch p.Codec {
	case packet.VP8:
		d, start, err := ParseVP8(p.Payload)
		if err != nil {
			return err
		}
		p.VP8, p.FrameStart, p.Temporal = d, start, d.TID
		if start {
			p.KeyFrame, p.Width, p.Height = VP8KeyFrame(p.Payload[d.HeaderLen:])
		}
	case packet.H264:
		f, err := ParseH264(p.Payload)
		if err != nil {
			return err
		}
		p.KeyFrame, p.Width, p.Height = f.Key, f.Width, f.Height
	default:
		p.FrameStart = true
	}
	return nil
}
