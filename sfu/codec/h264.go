package codec

import (
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h264"
)

// NAL unit types of RFC 6184 §5.2 and H.264 table 7-1.
const (
	nalSlice = 1
	nalIDR   = 5
	nalSPS   = 7
	nalSTAPA = 24
	nalFUA   = 28
)

// maxSPS bounds what is handed to the parser of sequence parameter sets, bytes.
const maxSPS = 512

// H264 is what ParseH264 finds in one RTP payload.
type H264 struct {
	// Key is set when the packet carries a sequence parameter set or begins the
	// first slice of an IDR picture.
	Key bool
	// Width and Height from a sequence parameter set, 0 without one.
	Width, Height int
}

// ParseH264 looks into a payload of RFC 6184 packetization mode 0 or 1: a single
// NAL unit, a STAP-A or an FU-A.
func ParseH264(b []byte) (H264, error) {
	var f H264
	if len(b) < 1 {
		return f, ErrMalformed
	}
	switch t := b[0] & 0x1f; {
	case t >= nalSlice && t < nalSTAPA:
		f.unit(b)
		return f, nil
	case t == nalSTAPA:
		return f.aggregate(b[1:])
	case t == nalFUA:
		if len(b) < 3 {
			return f, ErrMalformed
		}
		// S bit, type IDR, first_mb_in_slice 0 (a single 1 bit in Exp-Golomb).
		f.Key = b[1]&0x80 != 0 && b[1]&0x1f == nalIDR && b[2]&0x80 != 0
		return f, nil
	}
	return f, ErrMalformed
}

// aggregate walks the NAL units of a STAP-A, each after its 16-bit length.
func (f H264) aggregate(b []byte) (H264, error) {
	for len(b) > 0 {
		if len(b) < 2 {
			return H264{}, ErrMalformed
		}
		n := int(b[0])<<8 | int(b[1])
		if n == 0 || len(b) < 2+n {
			return H264{}, ErrMalformed
		}
		f.unit(b[2 : 2+n])
		b = b[2+n:]
	}
	return f, nil
}

// unit looks at one whole NAL unit.
func (f *H264) unit(b []byte) {
	switch b[0] & 0x1f {
	case nalIDR:
		f.Key = f.Key || (len(b) > 1 && b[1]&0x80 != 0)
	case nalSPS:
		f.Key = true
		if len(b) > maxSPS {
			return
		}
		var sps h264.SPS
		if sps.Unmarshal(b) != nil {
			return
		}
		if w, h := sps.Width(), sps.Height(); w > 0 && h > 0 && w <= 16384 && h <= 16384 {
			f.Width, f.Height = w, h
		}
	}
}
