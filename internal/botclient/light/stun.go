package light

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"net/netip"
)

// STUN as far as ICE needs it (RFC 8489 §5, RFC 8445 §16.1).
const (
	stunHeader  = 20
	stunCookie  = 0x2112A442
	fingerprint = 0x5354554e // what the CRC is XORed with, RFC 8489 §14.7

	bindingRequest = 0x0001
	bindingSuccess = 0x0101
	bindingError   = 0x0111

	attrUsername       = 0x0006
	attrIntegrity      = 0x0008
	attrXORMapped      = 0x0020
	attrPriority       = 0x0024
	attrUseCandidate   = 0x0025
	attrFingerprint    = 0x8028
	attrICEControlling = 0x802A
)

// errNotSTUN means that a datagram is no STUN message of ours.
var errNotSTUN = errors.New("not a STUN message, or not from who it should be")

// transaction names a request and its answer.
type transaction [12]byte

// message is what matters of a STUN message.
type message struct {
	kind uint16
	id   transaction
	user string
}

// check is a Binding request that nominates its pair at once, as a controlling
// agent may towards a lite one (RFC 8445 §8.1.1).
type check struct {
	id         transaction
	user       string // server's fragment ":" own fragment
	password   string // of the server
	priority   uint32
	tiebreaker uint64
}

// appendTo appends the request.
func (c check) appendTo(b []byte) []byte {
	at := len(b)
	b = appendHeader(b, bindingRequest, c.id)
	b = appendAttribute(b, attrUsername, []byte(c.user))
	b = appendAttribute(b, attrPriority, binary.BigEndian.AppendUint32(nil, c.priority))
	b = appendAttribute(b, attrICEControlling, binary.BigEndian.AppendUint64(nil, c.tiebreaker))
	b = appendAttribute(b, attrUseCandidate, nil)
	return seal(b, at, c.password)
}

// appendSuccess appends the answer to a request that came from an address.
func appendSuccess(b []byte, id transaction, from netip.AddrPort, password string) []byte {
	at := len(b)
	b = appendHeader(b, bindingSuccess, id)
	b = appendAttribute(b, attrXORMapped, xorAddress(from, id))
	return seal(b, at, password)
}

// xorAddress encodes XOR-MAPPED-ADDRESS (RFC 8489 §14.2).
func xorAddress(from netip.AddrPort, id transaction) []byte {
	family, ip := byte(1), from.Addr().Unmap().AsSlice()
	if len(ip) == 16 {
		family = 2
	}
	mask := append(binary.BigEndian.AppendUint32(nil, stunCookie), id[:]...)
	for i := range ip {
		ip[i] ^= mask[i]
	}
	v := []byte{0, family}
	v = binary.BigEndian.AppendUint16(v, from.Port()^uint16(stunCookie>>16))
	return append(v, ip...)
}

func appendHeader(b []byte, kind uint16, id transaction) []byte {
	b = binary.BigEndian.AppendUint16(b, kind)
	b = append(b, 0, 0)
	b = binary.BigEndian.AppendUint32(b, stunCookie)
	return append(b, id[:]...)
}

func appendAttribute(b []byte, kind uint16, value []byte) []byte {
	b = binary.BigEndian.AppendUint16(b, kind)
	b = binary.BigEndian.AppendUint16(b, uint16(len(value)))
	b = append(b, value...)
	for len(b)%4 != 0 {
		b = append(b, 0)
	}
	return b
}

// seal ends the message that begins at an index: MESSAGE-INTEGRITY, FINGERPRINT.
func seal(b []byte, at int, password string) []byte {
	setLength(b[at:], len(b)-at-stunHeader+24)
	b = appendAttribute(b, attrIntegrity, integrity(b[at:], password))
	setLength(b[at:], len(b)-at-stunHeader+8)
	crc := crc32.ChecksumIEEE(b[at:]) ^ fingerprint
	return appendAttribute(b, attrFingerprint, binary.BigEndian.AppendUint32(nil, crc))
}

func setLength(message []byte, n int) { binary.BigEndian.PutUint16(message[2:], uint16(n)) }

func integrity(b []byte, password string) []byte {
	h := hmac.New(sha1.New, []byte(password))
	h.Write(b)
	return h.Sum(nil)
}

// parseSTUN reads a message and checks its integrity: requests are protected by
// our password, answers by the server's. It keeps nothing of b.
func parseSTUN(b []byte, ours, theirs string) (message, error) {
	var m message
	if len(b) < stunHeader || b[0] > 3 || binary.BigEndian.Uint32(b[4:]) != stunCookie ||
		int(binary.BigEndian.Uint16(b[2:])) != len(b)-stunHeader {
		return m, errNotSTUN
	}
	m.kind = binary.BigEndian.Uint16(b)
	copy(m.id[:], b[8:])
	password := theirs
	if m.kind == bindingRequest {
		password = ours
	}
	for at := stunHeader; at+4 <= len(b); {
		kind, size := binary.BigEndian.Uint16(b[at:]), int(binary.BigEndian.Uint16(b[at+2:]))
		if at+4+size > len(b) {
			return m, errNotSTUN
		}
		value := b[at+4 : at+4+size]
		switch kind {
		case attrUsername:
			m.user = string(value)
		case attrIntegrity:
			signed := append([]byte(nil), b[:at]...)
			setLength(signed, at-stunHeader+24)
			if !hmac.Equal(value, integrity(signed, password)) {
				return m, errNotSTUN
			}
			return m, nil // what follows is not protected
		}
		at += 4 + (size+3)&^3
	}
	return m, errNotSTUN
}
