//go:build linux

package netio

const (
	// smallPacket and below is sound, which comes alone and waits for nobody; bytes.
	smallPacket = 400
	// versionRTP is the top two bits of RTP and RTCP (RFC 7983 §7).
	versionRTP = 2
)

// urgent tells whether a packet should go at once, and all before it: everything
// but pictures, and the end of a picture, which SRTP leaves readable in the
// marker bit. The packet types of RTCP have that bit as well (RFC 5761 §4).
func urgent(packet []byte) bool {
	return len(packet) <= smallPacket || packet[0]>>6 != versionRTP || packet[1]&0x80 != 0
}
