// Package packet holds an RTP packet as parsed once on arrival: everything the
// forwarders need to know is in plain fields, so that no down track looks into
// the payload again.
package packet

import (
	"strings"
	"time"

	"github.com/pion/rtp"
)

// Codec is a media codec that a room may carry.
type Codec uint8

// The codecs.
const (
	Opus Codec = iota + 1
	VP8
	H264
	VP9
	AV1
	// RED is Opus with redundancy (RFC 2198). It goes from hop to hop only: no
	// Packet that is forwarded and no track has this codec.
	RED
)

// String returns the encoding name of the codec's RTP payload format.
func (c Codec) String() string {
	switch c {
	case Opus:
		return "opus"
	case VP8:
		return "VP8"
	case H264:
		return "H264"
	case VP9:
		return "VP9"
	case AV1:
		return "AV1"
	case RED:
		return "red"
	}
	return "unknown"
}

// CodecFromMIME maps a MIME type such as "video/VP8", false when unsupported.
func CodecFromMIME(mime string) (Codec, bool) {
	for c := Opus; c <= AV1; c++ {
		kind := "video/"
		if c == Opus {
			kind = "audio/"
		}
		if strings.EqualFold(mime, kind+c.String()) {
			return c, true
		}
	}
	return 0, false
}

// VP8 is the part of the VP8 payload descriptor (RFC 7741 §4.2) that a
// forwarder may have to rewrite.
type VP8Descriptor struct {
	HeaderLen       int // bytes of the descriptor in the payload
	HasPictureID    bool
	LongPictureID   bool // 15 bits instead of 7
	PictureID       uint16
	HasTL0PICIDX    bool
	TL0PICIDX       uint8
	HasTID          bool
	TID             uint8
	LayerSync       bool
	PictureIDOffset int // of the picture id's first byte in the payload
	TL0Offset       int // of TL0PICIDX in the payload
}

// Packet is one RTP packet. Header and Payload share the reader's buffer: who
// keeps a packet copies it.
type Packet struct {
	Header  rtp.Header
	Payload []byte
	Arrival time.Time
	Codec   Codec
	// Layer is the simulcast layer, 0 the smallest.
	Layer int
	// KeyFrame is set on every packet that starts a key frame (for H.264: that
	// carries an SPS or the first IDR slice).
	KeyFrame bool
	// FrameStart is set on the first packet of a frame; Header.Marker on the last.
	FrameStart bool
	// Width and Height of the picture, on packets that tell (key frames).
	Width, Height int
	// Temporal is the temporal layer, 0 the base.
	Temporal uint8
	VP8      VP8Descriptor
	// AudioLevel in -dBov, 0 loud .. 127 silence (RFC 6464), when HasAudioLevel.
	AudioLevel    uint8
	HasAudioLevel bool
	Voice         bool
}
