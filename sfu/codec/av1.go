package codec

import (
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/av1"

	"github.com/meetcast/meetcast/sfu/packet"
)

const (
	// obuSequenceHeader is an OBU type of the AV1 specification §6.2.2.
	obuSequenceHeader = 1
	// maxSequenceHeader bounds what is handed to the parser of sequence headers, bytes.
	maxSequenceHeader = 256
	// maxOBUs bounds the OBU elements looked at in one packet.
	maxOBUs = 32
)

// AV1 is what ParseAV1 finds in one RTP payload.
type AV1 struct {
	// New is set on the first packet of a coded video sequence: a key frame.
	New bool
	// Continued tells that the payload goes on with an OBU of the packet before.
	Continued bool
	// Layered tells that an OBU names its layers.
	Layered           bool
	Spatial, Temporal uint8
	// Width and Height from a sequence header, 0 without one: the largest of all
	// layers.
	Width, Height int
}

// ParseAV1 reads the aggregation header and the headers of the OBU elements
// (AV1 RTP specification §4.4 and §4.5).
//
//	 0 1 2 3 4 5 6 7
//	|Z|Y| W |N|-|-|-|
func ParseAV1(b []byte) (AV1, error) {
	if len(b) < 2 {
		return AV1{}, ErrMalformed
	}
	a := AV1{Continued: b[0]&0x80 != 0, New: b[0]&0x08 != 0}
	if a.Continued && a.New {
		return AV1{}, ErrMalformed
	}
	fragment, count := b[0]&0x40 != 0, int(b[0]>>4&3)
	b = b[1:]
	for i := 0; len(b) > 0 && i < maxOBUs; i++ {
		n := len(b)
		if count == 0 || i < count-1 {
			var ok bool
			if n, b, ok = leb128(b); !ok || n > len(b) {
				return AV1{}, ErrMalformed
			}
		}
		whole := !fragment || n < len(b)
		if i > 0 || !a.Continued {
			a.element(b[:n], whole)
		}
		b = b[n:]
	}
	return a, nil
}

// element looks at the beginning of an OBU (AV1 specification §5.3.2).
//
//	|0|type(4)|X|S|-|   X: a byte with the layers follows
func (a *AV1) element(b []byte, whole bool) {
	if len(b) == 0 {
		return
	}
	if b[0]&0x04 != 0 && len(b) > 1 && !a.Layered {
		a.Layered, a.Temporal, a.Spatial = true, b[1]>>5, b[1]>>3&3
	}
	if b[0]>>3&0x0f != obuSequenceHeader || !whole || !a.New || len(b) > maxSequenceHeader {
		return
	}
	var h av1.SequenceHeader
	if h.Unmarshal(b) == nil {
		a.Width, a.Height = h.Width(), h.Height()
	}
}

// leb128 reads a length (AV1 specification §4.10.5) and returns what follows it.
func leb128(b []byte) (n int, rest []byte, ok bool) {
	for i := 0; i < len(b) && i < 4; i++ {
		n |= int(b[i]&0x7f) << (7 * i)
		if b[i]&0x80 == 0 {
			return n, b[i+1:], true
		}
	}
	return 0, nil, false
}

// describeAV1 fills in what an AV1 payload tells. Without a dependency
// descriptor nothing says which frames refer to which: all are one layer then.
func describeAV1(p *packet.Packet) error {
	a, err := ParseAV1(p.Payload)
	if err != nil {
		return err
	}
	p.KeyFrame, p.Switch = a.New, a.New
	p.FrameStart = !a.Continued
	p.Width, p.Height = a.Width, a.Height
	return nil
}
