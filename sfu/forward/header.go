package forward

import (
	"encoding/binary"

	"github.com/pion/rtp"
)

// outHeader is the RTP header that a slot writes with, its extensions included.
// Nothing in it is allocated per packet.
type outHeader struct {
	rtp.Header
	cc, dd uint8 // ids of the extensions, 0 for none
	stamp  [2]byte
	has    bool // the descriptor is among the extensions
	// descriptor is the memory of the dependency descriptor. masked tells that
	// the last one named the decode targets that are left.
	descriptor []byte
	masked     bool
}

// open prepares the header; it is false when the transport-wide number cannot be
// carried.
func (h *outHeader) open(ssrc uint32, cc, dd uint8) bool {
	*h = outHeader{Header: rtp.Header{Version: 2, SSRC: ssrc}, cc: cc, dd: dd}
	if cc != 0 && h.SetExtension(cc, h.stamp[:]) != nil {
		h.cc = 0
		return false
	}
	return true
}

// number sets the transport-wide sequence number.
func (h *outHeader) number(n uint16) { binary.BigEndian.PutUint16(h.stamp[:], n) }

// The largest id and payload of one-byte header extensions (RFC 8285 §4.2).
const (
	oneByteID      = 14
	oneBytePayload = 16
)

// describe sets the dependency descriptor, which must not change until the packet
// was written; an empty one removes it.
func (h *outHeader) describe(descriptor []byte) {
	if len(descriptor) == 0 {
		h.descriptor = h.descriptor[:0]
		if h.has {
			_ = h.DelExtension(h.dd)
			h.has = false
			h.profile(false)
		}
		return
	}
	long := len(descriptor) > oneBytePayload || h.dd > oneByteID
	h.profile(long)
	h.has = h.SetExtension(h.dd, descriptor) == nil
	h.profile(long)
}

func (h *outHeader) profile(long bool) {
	if !h.Extension {
		return
	}
	h.ExtensionProfile = rtp.ExtensionProfileOneByte
	if long {
		h.ExtensionProfile = rtp.ExtensionProfileTwoByte
	}
}
