package transport

import (
	"encoding/binary"
	"time"
)

// protector encrypts what goes to a peer. Its user serialises the calls.
type protector interface {
	// overheadRTP and overheadRTCP are what packets grow by, bytes.
	overheadRTP() int
	overheadRTCP() int
	// sealRTP encrypts a packet into dst, which is overheadRTP longer than both.
	// The packet may be in dst already.
	sealRTP(dst, header, payload []byte, ssrc uint32, index uint64) error
	// sealRTCP encrypts a compound packet into dst, which is overheadRTCP longer.
	sealRTCP(dst, packet []byte) error
}

// unprotector decrypts what comes from a peer, in place. RTP and RTCP are apart:
// each is serialised by its user, and both may go on at once.
type unprotector interface {
	openRTP(b []byte, now time.Time) ([]byte, verdict)
	openRTCP(b []byte, now time.Time) ([]byte, verdict)
}

// verdict is what became of a packet: accepted, or the Drop.
type verdict int

const accepted verdict = -1

// outgoing knows the index of every SSRC that we send.
type outgoing struct {
	ssrcs   []uint32
	highest []uint64
	last    int
}

// index returns the index of a packet. Repeating an index is up to the caller, who
// then repeats the packet bit by bit.
func (o *outgoing) index(ssrc uint32, seq uint16) uint64 {
	i := o.last
	if i >= len(o.ssrcs) || o.ssrcs[i] != ssrc {
		for i = 0; i < len(o.ssrcs) && o.ssrcs[i] != ssrc; i++ {
		}
		if i == len(o.ssrcs) {
			o.ssrcs, o.highest = append(o.ssrcs, ssrc), append(o.highest, uint64(seq))
		}
		o.last = i
	}
	index := extend(o.highest[i], true, seq)
	o.highest[i] = max(o.highest[i], index)
	return index
}

// headerRTP returns the length of a packet's header with its extension, and false
// when the packet is too short for it (RFC 3550 §5.1).
func headerRTP(b []byte) (int, bool) {
	if len(b) < minRTP || b[0]>>6 != 2 {
		return 0, false
	}
	n := minRTP + 4*int(b[0]&0x0F)
	if b[0]&0x10 != 0 {
		if len(b) < n+4 {
			return 0, false
		}
		n += 4 + 4*int(binary.BigEndian.Uint16(b[n+2:]))
	}
	return n, n <= len(b)
}
