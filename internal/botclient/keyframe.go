package botclient

import (
	"encoding/binary"

	"github.com/meetcast/meetcast/sfu/packet"
)

// startsKeyFrame looks at the payload as a decoder would to start from it
// (RFC 7741 §4.2–4.3 for VP8, RFC 6184 §5.2 for H.264, the AV1 RTP
// specification §4.4).
func startsKeyFrame(codec packet.Codec, b []byte) bool {
	switch codec {
	case packet.VP8:
		return vp8Key(b)
	case packet.H264:
		return h264Key(b)
	case packet.VP9:
		return vp9Key(b)
	case packet.AV1:
		return b[0]&0x08 != 0 // N: a coded video sequence begins
	}
	return false
}

func vp8Key(b []byte) bool {
	if b[0]&0x10 == 0 || b[0]&0x07 != 0 { // start of partition 0
		return false
	}
	at := 1
	if b[0]&0x80 != 0 {
		if len(b) < 2 {
			return false
		}
		x := b[1]
		at++
		if x&0x80 != 0 { // picture id, 7 or 15 bits
			if len(b) > at && b[at]&0x80 != 0 {
				at++
			}
			at++
		}
		if x&0x40 != 0 {
			at++
		}
		if x&0x30 != 0 {
			at++
		}
	}
	return len(b) > at && b[at]&1 == 0
}

// vp9Key: a frame begins, predicts from nothing before and is of the lowest
// layer (RFC 9628 §4.2).
func vp9Key(b []byte) bool {
	const i, p, l, begin = 0x80, 0x40, 0x20, 0x08
	if b[0]&(p|begin) != begin {
		return false
	}
	at := 1
	if b[0]&i != 0 { // picture id, 7 or 15 bits
		if len(b) > at && b[at]&0x80 != 0 {
			at++
		}
		at++
	}
	return b[0]&l == 0 || len(b) > at && b[at]>>1&7 == 0
}

func h264Key(b []byte) bool {
	const sps, idr, stapA, fuA = 7, 5, 24, 28
	switch kind := b[0] & 0x1f; kind {
	case sps, idr:
		return true
	case stapA:
		for at := 1; at+3 <= len(b); {
			if k := b[at+2] & 0x1f; k == sps || k == idr {
				return true
			}
			at += 2 + int(binary.BigEndian.Uint16(b[at:]))
		}
	case fuA:
		return len(b) > 1 && b[1]&0x80 != 0 && b[1]&0x1f == idr
	}
	return false
}
