package botclient

import (
	"encoding/binary"

	"github.com/pion/rtp/codecs"

	"github.com/meetcast/meetcast/sfu/packet"
)

// maxPayload of one RTP packet, bytes: what Chromium sends.
const maxPayload = 1150

// packetizer cuts the frames of one encoding into payloads.
type packetizer struct {
	codec   packet.Codec
	picture uint16 // VP8 picture id, 15 bits
	h264    codecs.H264Payloader
}

// payloads returns the payloads of a frame; they are copies.
func (p *packetizer) payloads(data []byte) [][]byte {
	switch p.codec {
	case packet.VP8:
		p.picture = (p.picture + 1) & 0x7fff
		return vp8Payloads(data, p.picture)
	case packet.H264:
		return p.h264.Payload(maxPayload, data)
	}
	return [][]byte{append([]byte(nil), data...)}
}

// vp8Descriptor is the bytes before each piece (RFC 7741 §4.2): X, S, then I and
// a picture id of 15 bits.
const vp8Descriptor = 4

// vp8Payloads cuts a frame as Chromium does: into as few pieces as fit, all of
// the same size but for one byte, the longer ones at the end.
func vp8Payloads(data []byte, picture uint16) [][]byte {
	room := maxPayload - vp8Descriptor
	n := (len(data) + room - 1) / room
	out := make([][]byte, 0, n)
	if n == 0 {
		return nil
	}
	size, larger := len(data)/n, len(data)%n
	for left := n; left > 0; left-- {
		if left == larger {
			size++
		}
		piece := make([]byte, vp8Descriptor, vp8Descriptor+size)
		piece[0], piece[1] = 0x80, 0x80
		if left == n {
			piece[0] |= 0x10 // start of the partition
		}
		binary.BigEndian.PutUint16(piece[2:], 0x8000|picture)
		out = append(out, append(piece, data[:size]...))
		data = data[size:]
	}
	return out
}
