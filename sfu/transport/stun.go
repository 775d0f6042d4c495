package transport

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"net/netip"
)

// STUN as ICE needs it (RFC 8489, RFC 8445 §7.1): Binding requests in, answers out.
//
//	0                   1                   2                   3
//	|0 0|     message type          |         length of the rest    |
//	|                  magic cookie 0x2112A442                      |
//	|                  transaction id, 12 bytes                     |
//	attributes: type, length, value padded to 4 bytes
const (
	stunHeader = 20
	stunCookie = 0x2112A442
	// fingerprintMask is what the checksum is mixed with (RFC 8489 §14.7).
	fingerprintMask = 0x5354554E
	// stunLimit bounds a request, bytes.
	stunLimit = 1280

	typeRequest    = 0x0001
	typeIndication = 0x0011
	typeSuccess    = 0x0101
	typeError      = 0x0111

	attrUsername         = 0x0006
	attrIntegrity        = 0x0008
	attrError            = 0x0009
	attrUnknown          = 0x000A
	attrXORMapped        = 0x0020
	attrPriority         = 0x0024
	attrUseCandidate     = 0x0025
	attrIntegrity256     = 0x001C
	attrFingerprint      = 0x8028
	attrControlled       = 0x8029
	attrControlling      = 0x802A
	comprehensionOption  = 0x8000 // types from here on may be ignored
	integrityLength      = 20
	maxUnknownAttributes = 8
)

var errSTUN = errors.New("malformed STUN message")

// request is a Binding request, or an indication. Its slices are of the packet.
type request struct {
	kind         uint16
	transaction  []byte
	username     []byte
	useCandidate bool
	controlled   bool
	priority     uint32
	integrity    int // where MESSAGE-INTEGRITY begins, 0 for none
	unknown      [maxUnknownAttributes]uint16
	unknowns     int
}

// parseSTUN reads a message. What follows MESSAGE-INTEGRITY, except FINGERPRINT, is
// not protected and so ignored (RFC 8489 §14.5).
func parseSTUN(b []byte) (request, error) {
	var r request
	if len(b) < stunHeader || len(b) > stunLimit || len(b)%4 != 0 ||
		binary.BigEndian.Uint32(b[4:]) != stunCookie || int(binary.BigEndian.Uint16(b[2:])) != len(b)-stunHeader {
		return r, errSTUN
	}
	r.kind, r.transaction = binary.BigEndian.Uint16(b), b[8:stunHeader]
	for at := stunHeader; at < len(b); {
		if len(b)-at < 4 {
			return r, errSTUN
		}
		kind, length := binary.BigEndian.Uint16(b[at:]), int(binary.BigEndian.Uint16(b[at+2:]))
		end := at + 4 + length
		if end > len(b) {
			return r, errSTUN
		}
		if kind == attrFingerprint {
			if length != 4 || end != len(b) || binary.BigEndian.Uint32(b[at+4:]) != crc32.ChecksumIEEE(b[:at])^fingerprintMask {
				return r, errSTUN
			}
			return r, nil
		}
		if r.integrity == 0 {
			if err := r.attribute(kind, b[at+4:end], at); err != nil {
				return r, err
			}
		}
		at = (end + 3) &^ 3
	}
	return r, nil
}

// attribute takes one attribute that begins at a place.
func (r *request) attribute(kind uint16, value []byte, at int) error {
	switch kind {
	case attrUsername:
		r.username = value
	case attrUseCandidate:
		r.useCandidate = true
	case attrControlled:
		r.controlled = true
	case attrPriority:
		if len(value) != 4 {
			return errSTUN
		}
		r.priority = binary.BigEndian.Uint32(value)
	case attrControlling, attrIntegrity256:
	case attrIntegrity:
		if len(value) != integrityLength {
			return errSTUN
		}
		r.integrity = at
	default:
		if kind < comprehensionOption && r.unknowns < maxUnknownAttributes {
			r.unknown[r.unknowns] = kind
			r.unknowns++
		}
	}
	return nil
}

// authentic checks MESSAGE-INTEGRITY: HMAC-SHA1 over what is before it, with the
// length as if it were the last attribute (RFC 8489 §14.5).
func (r *request) authentic(b []byte, pwd string) bool {
	if r.integrity == 0 {
		return false
	}
	sum := integrity(b[:r.integrity], r.integrity+4+integrityLength-stunHeader, pwd)
	return hmac.Equal(sum, b[r.integrity+4:r.integrity+4+integrityLength])
}

func integrity(message []byte, length int, pwd string) []byte {
	h := hmac.New(sha1.New, []byte(pwd))
	var begin [4]byte
	copy(begin[:], message)
	binary.BigEndian.PutUint16(begin[2:], uint16(length))
	h.Write(begin[:])
	h.Write(message[4:])
	return h.Sum(nil)
}

// answer builds a STUN message.
type answer struct{ b []byte }

func newAnswer(kind uint16, transaction []byte) *answer {
	a := &answer{make([]byte, stunHeader, 128)}
	binary.BigEndian.PutUint16(a.b, kind)
	binary.BigEndian.PutUint32(a.b[4:], stunCookie)
	copy(a.b[8:], transaction)
	return a
}

func (a *answer) add(kind uint16, value []byte) {
	a.b = binary.BigEndian.AppendUint16(a.b, kind)
	a.b = binary.BigEndian.AppendUint16(a.b, uint16(len(value)))
	a.b = append(a.b, value...)
	for len(a.b)%4 != 0 {
		a.b = append(a.b, 0)
	}
	binary.BigEndian.PutUint16(a.b[2:], uint16(len(a.b)-stunHeader))
}

// mapped adds XOR-MAPPED-ADDRESS (RFC 8489 §14.2).
func (a *answer) mapped(from netip.AddrPort) {
	ip := from.Addr().Unmap()
	value := []byte{0, 1, 0, 0}
	if !ip.Is4() {
		value[1] = 2
	}
	binary.BigEndian.PutUint16(value[2:], from.Port()^uint16(stunCookie>>16))
	for i, x := range ip.AsSlice() {
		value = append(value, x^a.b[4+i])
	}
	a.add(attrXORMapped, value)
}

// fail adds ERROR-CODE (RFC 8489 §14.8).
func (a *answer) fail(code int, reason string) {
	a.add(attrError, append([]byte{0, 0, byte(code / 100), byte(code % 100)}, reason...))
}

// sign ends the message with MESSAGE-INTEGRITY and FINGERPRINT.
func (a *answer) sign(pwd string) []byte {
	a.add(attrIntegrity, integrity(a.b, len(a.b)+4+integrityLength-stunHeader, pwd))
	return a.seal()
}

// seal ends the message with FINGERPRINT alone.
func (a *answer) seal() []byte {
	binary.BigEndian.PutUint16(a.b[2:], uint16(len(a.b)+8-stunHeader))
	sum := crc32.ChecksumIEEE(a.b) ^ fingerprintMask
	a.add(attrFingerprint, binary.BigEndian.AppendUint32(nil, sum))
	return a.b
}
