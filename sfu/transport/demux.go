package transport

// kind is what a packet is, told by its first bytes (RFC 7983 §7, RFC 5761 §4).
type kind uint8

const (
	other kind = iota
	kindSTUN
	kindDTLS
	kindRTP
	kindRTCP
)

// classify tells what a packet is.
//
//	first byte   0–3 STUN, 20–63 DTLS, 128–191 RTP and RTCP
//	second byte  of those: 192–223 RTCP
func classify(b []byte) kind {
	if len(b) == 0 {
		return other
	}
	switch first := b[0]; {
	case first < 4:
		return kindSTUN
	case first >= 20 && first < 64:
		return kindDTLS
	case first < 128 || first > 191:
		return other
	case len(b) < minRTCP:
		return other
	case b[1] >= 192 && b[1] < 224:
		return kindRTCP
	case len(b) < minRTP:
		return other
	}
	return kindRTP
}

// The shortest packets, bytes: an RTCP header with an SSRC, an RTP header.
const (
	minRTCP = 8
	minRTP  = 12
)
