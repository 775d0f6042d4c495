package transport

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/pion/rtp"
	"github.com/pion/srtp/v3"
)

// AES128_CM_HMAC_SHA1_80 (RFC 3711), for peers without AES-GCM, by pion/srtp.

const (
	overheadCM     = 10
	overheadCMRTCP = overheadCM + rtcpTrailer
	// maxStreamsCM is how many SSRCs a peer may use in all: pion forgets none.
	maxStreamsCM = 4 * maxStreams
)

// cmProtector encrypts.
type cmProtector struct {
	context *srtp.Context
	header  rtp.Header
}

func newCMProtector(master masterKey) (*cmProtector, error) {
	c, err := srtp.CreateContext(master.key, master.salt, srtp.ProtectionProfileAes128CmHmacSha1_80)
	if err != nil {
		return nil, fmt.Errorf("make SRTP context: %w", err)
	}
	return &cmProtector{context: c}, nil
}

func (*cmProtector) overheadRTP() int  { return overheadCM }
func (*cmProtector) overheadRTCP() int { return overheadCMRTCP }

// sealRTP leaves the index to pion, which counts as we do.
func (p *cmProtector) sealRTP(dst, header, payload []byte, _ uint32, _ uint64) error {
	n := copy(dst, header)
	n += copy(dst[n:], payload)
	out, err := p.context.EncryptRTP(dst, dst[:n], &p.header)
	return sealed(dst, out, err)
}

func (p *cmProtector) sealRTCP(dst, packet []byte) error {
	out, err := p.context.EncryptRTCP(dst, packet, nil)
	return sealed(dst, out, err)
}

// sealed checks that pion wrote all of dst.
func sealed(dst, out []byte, err error) error {
	if err != nil {
		return fmt.Errorf("protect packet: %w", err)
	}
	if len(out) != len(dst) {
		return fmt.Errorf("protect packet: %d bytes, want %d: %w", len(out), len(dst), ErrPacket)
	}
	if &out[0] != &dst[0] {
		copy(dst, out)
	}
	return nil
}

// cmUnprotector decrypts. RTP and RTCP have contexts of their own because they are
// used at once.
type cmUnprotector struct {
	rtp, rtcp           *srtp.Context
	header              rtp.Header
	rtpSSRCs, rtcpSSRCs map[uint32]struct{}
}

func newCMUnprotector(master masterKey) (*cmUnprotector, error) {
	u := &cmUnprotector{rtpSSRCs: make(map[uint32]struct{}), rtcpSSRCs: make(map[uint32]struct{})}
	var err error
	for _, c := range []**srtp.Context{&u.rtp, &u.rtcp} {
		if *c, err = srtp.CreateContext(master.key, master.salt, srtp.ProtectionProfileAes128CmHmacSha1_80,
			srtp.SRTPReplayProtection(windowBits), srtp.SRTCPReplayProtection(windowBits)); err != nil {
			return nil, fmt.Errorf("make SRTP context: %w", err)
		}
	}
	return u, nil
}

func (u *cmUnprotector) openRTP(b []byte, _ time.Time) ([]byte, verdict) {
	n, ok := headerRTP(b)
	if !ok || len(b) < n+overheadCM {
		return nil, verdict(DropMalformed)
	}
	ssrc := binary.BigEndian.Uint32(b[8:])
	if full(u.rtpSSRCs, ssrc) {
		return nil, verdict(DropStreams)
	}
	out, err := u.rtp.DecryptRTP(b, b, &u.header)
	if err != nil {
		return nil, refused(err)
	}
	u.rtpSSRCs[ssrc] = struct{}{}
	return out, accepted
}

func (u *cmUnprotector) openRTCP(b []byte, _ time.Time) ([]byte, verdict) {
	if len(b) < minRTCP+overheadCMRTCP {
		return nil, verdict(DropMalformed)
	}
	ssrc := binary.BigEndian.Uint32(b[4:])
	if full(u.rtcpSSRCs, ssrc) {
		return nil, verdict(DropStreams)
	}
	out, err := u.rtcp.DecryptRTCP(b, b, nil)
	if err != nil {
		return nil, refused(err)
	}
	u.rtcpSSRCs[ssrc] = struct{}{}
	return out, accepted
}

func full(known map[uint32]struct{}, ssrc uint32) bool {
	_, ok := known[ssrc]
	return !ok && len(known) >= maxStreamsCM
}

// refused sorts what pion says.
func refused(err error) verdict {
	if errors.Is(err, srtp.ErrFailedToVerifyAuthTag) {
		return verdict(DropUnauthentic)
	}
	return verdict(DropReplay)
}
