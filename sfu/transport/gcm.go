package transport

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"errors"
	"time"
)

// AEAD_AES_128_GCM (RFC 7714). Done here rather than by pion/srtp so that a packet is
// encrypted from the payload as it is right into the buffer that is sent, without
// parsing its header again.

const (
	tagLength = 16
	// rtcpTrailer follows the tag: the bit that says encrypted, and the index.
	rtcpTrailer = 4
	encrypted   = 1 << 31
)

var errExhausted = errors.New("the key has protected all it may")

// gcm is one direction's cipher of RTP or RTCP.
type gcm struct {
	aead  cipher.AEAD
	salt  [12]byte
	nonce [12]byte // here, because what an interface is given goes to the heap
}

func newGCM(master masterKey, keyLabel, saltLabel byte) (*gcm, error) {
	key, err := master.derive(keyLabel, 16)
	if err != nil {
		return nil, err
	}
	salt, err := master.derive(saltLabel, 12)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	g := &gcm{salt: [12]byte(salt)}
	g.aead, err = cipher.NewGCM(block)
	return g, err
}

// iv makes the nonce (RFC 7714 §8.1, §9.1): two zero bytes, SSRC and the 48-bit
// index, mixed with the salt.
func (g *gcm) iv(ssrc uint32, index uint64) []byte {
	n := &g.nonce
	n[0], n[1] = 0, 0
	binary.BigEndian.PutUint32(n[2:], ssrc)
	binary.BigEndian.PutUint16(n[6:], uint16(index>>32))
	binary.BigEndian.PutUint32(n[8:], uint32(index))
	for i, s := range g.salt {
		n[i] ^= s
	}
	return n[:]
}

// gcmProtector encrypts.
type gcmProtector struct {
	rtp, rtcp *gcm
	sent      uint32 // SRTCP index, one count for all SSRCs
	aad       [12]byte
}

func newGCMProtector(master masterKey) (*gcmProtector, error) {
	rtp, err := newGCM(master, labelRTP, labelRTPSalt)
	if err != nil {
		return nil, err
	}
	rtcp, err := newGCM(master, labelRTCP, labelRTCPSalt)
	return &gcmProtector{rtp: rtp, rtcp: rtcp}, err
}

func (*gcmProtector) overheadRTP() int  { return tagLength }
func (*gcmProtector) overheadRTCP() int { return tagLength + rtcpTrailer }

func (p *gcmProtector) sealRTP(dst, header, payload []byte, ssrc uint32, index uint64) error {
	n := copy(dst, header)
	p.rtp.aead.Seal(dst[n:n], p.rtp.iv(ssrc, index), payload, dst[:n])
	return nil
}

// sealRTCP encrypts all but the first header (RFC 7714 §9.2).
func (p *gcmProtector) sealRTCP(dst, packet []byte) error {
	if p.sent == encrypted-1 {
		return errExhausted
	}
	p.sent++
	trailer := p.sent | encrypted
	copy(p.aad[:], packet[:minRTCP])
	binary.BigEndian.PutUint32(p.aad[minRTCP:], trailer)
	copy(dst, packet[:minRTCP])
	ssrc := binary.BigEndian.Uint32(packet[4:])
	p.rtcp.aead.Seal(dst[minRTCP:minRTCP], p.rtcp.iv(ssrc, uint64(p.sent)), packet[minRTCP:], p.aad[:])
	binary.BigEndian.PutUint32(dst[len(packet)+tagLength:], trailer)
	return nil
}

// gcmUnprotector decrypts.
type gcmUnprotector struct {
	rtp         *gcm
	rtpStreams  streams
	rtcp        *gcm
	rtcpStreams streams
	aad         [12]byte
}

func newGCMUnprotector(master masterKey) (*gcmUnprotector, error) {
	rtp, err := newGCM(master, labelRTP, labelRTPSalt)
	if err != nil {
		return nil, err
	}
	rtcp, err := newGCM(master, labelRTCP, labelRTCPSalt)
	return &gcmUnprotector{rtp: rtp, rtcp: rtcp}, err
}

func (u *gcmUnprotector) openRTP(b []byte, now time.Time) ([]byte, verdict) {
	n, ok := headerRTP(b)
	if !ok || len(b) < n+tagLength {
		return nil, verdict(DropMalformed)
	}
	seq, ssrc := binary.BigEndian.Uint16(b[2:]), binary.BigEndian.Uint32(b[8:])
	st := u.rtpStreams.find(ssrc)
	index := uint64(seq)
	if st != nil {
		index = extend(st.highest, true, seq)
		if st.seen(index) {
			return nil, verdict(DropReplay)
		}
	} else if !u.rtpStreams.room(now) {
		return nil, verdict(DropStreams)
	}
	if _, err := u.rtp.aead.Open(b[n:n], u.rtp.iv(ssrc, index), b[n:], b[:n]); err != nil {
		return nil, verdict(DropUnauthentic)
	}
	if st == nil {
		st = u.rtpStreams.add(ssrc)
	}
	st.used = now
	st.mark(index)
	return b[:len(b)-tagLength], accepted
}

func (u *gcmUnprotector) openRTCP(b []byte, now time.Time) ([]byte, verdict) {
	if len(b) < minRTCP+tagLength+rtcpTrailer {
		return nil, verdict(DropMalformed)
	}
	end := len(b) - rtcpTrailer
	trailer, ssrc := binary.BigEndian.Uint32(b[end:]), binary.BigEndian.Uint32(b[4:])
	if trailer&encrypted == 0 {
		return nil, verdict(DropUnauthentic) // nobody sends feedback in the clear
	}
	index := uint64(trailer &^ encrypted)
	st := u.rtcpStreams.find(ssrc)
	if st != nil && st.seen(index) {
		return nil, verdict(DropReplay)
	} else if st == nil && !u.rtcpStreams.room(now) {
		return nil, verdict(DropStreams)
	}
	copy(u.aad[:], b[:minRTCP])
	binary.BigEndian.PutUint32(u.aad[minRTCP:], trailer)
	if _, err := u.rtcp.aead.Open(b[minRTCP:minRTCP], u.rtcp.iv(ssrc, index), b[minRTCP:end], u.aad[:]); err != nil {
		return nil, verdict(DropUnauthentic)
	}
	if st == nil {
		st = u.rtcpStreams.add(ssrc)
	}
	st.used = now
	st.mark(index)
	return b[:end-tagLength], accepted
}
