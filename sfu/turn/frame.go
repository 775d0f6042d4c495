package turn

import (
	"encoding/binary"
	"errors"
	"io"
)

const (
	stunHeader    = 20
	channelHeader = 4
	magicCookie   = 0x2112A442
)

// errFrame is a stream that does not carry TURN.
var errFrame = errors.New("neither a STUN message nor channel data")

// readFrame reads one STUN message or one channel data with its padding (RFC 8656
// §12.5) from a stream into b and returns its length.
func readFrame(r io.Reader, b []byte) (int, error) {
	if _, err := io.ReadFull(r, b[:channelHeader]); err != nil {
		return 0, err
	}
	size, err := frameSize(b)
	if err != nil {
		return 0, err
	}
	if size > len(b) {
		return 0, errFrame
	}
	if _, err := io.ReadFull(r, b[channelHeader:size]); err != nil {
		return 0, err
	}
	if b[0]>>6 == 0 && binary.BigEndian.Uint32(b[4:]) != magicCookie {
		return 0, errFrame
	}
	return size, nil
}

// frameSize tells the whole length of a frame from its first four bytes (RFC 7983
// §7: the two highest bits are 00 for STUN and 01 for channel data).
func frameSize(b []byte) (int, error) {
	size := int(binary.BigEndian.Uint16(b[2:4]))
	switch {
	case b[0]>>6 == 0 && size%4 == 0:
		return stunHeader + size, nil
	case b[0] >= 0x40 && b[0] <= 0x4F:
		return channelHeader + (size+3)&^3, nil
	}
	return 0, errFrame
}

// Begins tells whether the first byte of a connection begins TURN: a STUN request
// (RFC 8489 §5), which no TLS handshake and no HTTP request begins with.
func Begins(first byte) bool { return first == 0x00 || first == 0x01 }
