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

// Descriptor is the part of the payload descriptor of VP8 (RFC 7741 §4.2) or
// VP9 (RFC 9628 §4.2) that a forwarder may have to rewrite. Offsets and lengths
// fit: a longer descriptor is malformed.
type Descriptor struct {
	HeaderLen       uint8 // bytes of the descriptor in the payload
	PictureIDOffset uint8 // of the picture id's first byte in the payload
	TL0Offset       uint8 // of TL0PICIDX in the payload
	HasPictureID    bool
	LongPictureID   bool // 15 bits instead of 7
	HasTL0PICIDX    bool
	TL0PICIDX       uint8
	PictureID       uint16
	// VP8 only: the temporal layer, and whether the frame refers to nothing but
	// the base layer.
	HasTID    bool
	TID       uint8
	LayerSync bool
	// VP9 only: the frame refers to a lower spatial layer of its picture.
	InterLayer bool
}

// Size is a picture size in pixels.
type Size struct{ Width, Height int }

// The bounds of layers inside one stream.
const (
	MaxSpatial  = 8
	MaxTemporal = 8
)

// AllTemporal as Packet.UpTo allows every temporal layer.
const AllTemporal = MaxTemporal - 1

// Dependency is what a packet's dependency descriptor says (AV1 RTP
// specification, appendix A), as far as it is needed to write it again. It is
// absent when Raw is empty.
type Dependency struct {
	// Raw is the extension as it came. It shares the reader's buffer.
	Raw []byte
	// FrameNumber counts the frames of the source.
	FrameNumber uint16
	// Extended tells that there is more than the mandatory three bytes, Structure
	// that a template dependency structure is attached and ends before bit
	// StructureEnd, Bitmask that the set of active decode targets follows it.
	Extended, Structure, Bitmask bool
	StructureEnd                 uint16
	// Active is the set of decode targets that the source produces, bit i for
	// target i; Targets says which layers they are of, nil while not known.
	Active  uint32
	Targets *DecodeTargets
}

// DecodeTargets is the set of decode targets of a source. It never changes.
type DecodeTargets struct {
	Count uint8
	// UpTo has the targets that need no layer above a spatial and a temporal one.
	UpTo [MaxSpatial][MaxTemporal]uint32
}

// Packet is one RTP packet. Header and Payload share the reader's buffer: who
// keeps a packet copies it.
type Packet struct {
	Header  rtp.Header
	Payload []byte
	Arrival time.Time
	Codec   Codec
	// Epoch changes when the source begins to number its packets anew: equal
	// sequence numbers are of one packet in one epoch only.
	Epoch uint16
	// Behind is how many sequence numbers the newest packet of the source was ahead
	// when this one came.
	Behind uint16
	// Layer is the simulcast or spatial layer, 0 the smallest.
	Layer int
	// KeyFrame is set on every packet that starts a key frame (for H.264: that
	// carries an SPS or the first IDR slice; with spatial layers: of the lowest).
	KeyFrame bool
	// FrameStart is set on the first packet of a frame, FrameEnd on the last where
	// the payload tells; Header.Marker on the last of a picture. With spatial
	// layers a picture has a frame of each.
	FrameStart, FrameEnd bool
	// Width and Height of the picture, on packets that tell (key frames).
	Width, Height int
	// Sizes of the spatial layers, on packets that tell. It must not be changed.
	Sizes []Size

	// Layered tells that Spatial layers share the SSRC; Layer is then Spatial.
	Layered bool
	Spatial uint8
	// Needed is the set of spatial layers whose receivers need the frame, Top the
	// highest that the source sends now.
	Needed, Top uint8
	// Switch is set on a frame that is predicted from nothing but lower layers of
	// the same picture: its spatial layer may be begun here.
	Switch bool
	// Temporal is the temporal layer, 0 the base. UpTo is the highest that may be
	// begun with this frame; it says nothing when it is not above Temporal, except
	// that Sync allows Temporal itself.
	Temporal, UpTo uint8
	Sync           bool

	Descriptor Descriptor
	Dependency Dependency
	// Replayed tells that the packet comes from the cache: its picture is older
	// than it would be by its timestamp.
	Replayed bool

	// Redundant is the payload in RED (RFC 2198) together with the packets before
	// it, RedundantBlocks of them; nil when there are none. Its payload types are
	// whatever was written last: who sends it sets them with codec.PutREDTypes.
	Redundant       []byte
	RedundantBlocks int
	// Recovered tells that the packet was lost and comes out of a later one.
	Recovered bool

	// AudioLevel in -dBov, 0 loud .. 127 silence (RFC 6464), when HasAudioLevel.
	AudioLevel    uint8
	HasAudioLevel bool
	Voice         bool
}

// For tells whether the packet belongs to what a receiver of a layer is sent.
func (p *Packet) For(layer int) bool {
	if p.Layered {
		return layer >= 0 && layer < MaxSpatial && p.Needed>>layer&1 != 0
	}
	return p.Layer == layer
}
