package transport

import (
	"crypto/aes"
	"encoding/binary"
	"fmt"
)

// profile is an SRTP protection profile (RFC 5764 §4.1.2, RFC 7714 §14.2).
type profile uint16

// The profiles that are offered, the preferred first.
const (
	profileGCM profile = 0x0007 // AEAD_AES_128_GCM
	profileCM  profile = 0x0001 // AES128_CM_HMAC_SHA1_80
)

// exporterLabel names the keys that DTLS exports for SRTP (RFC 5764 §4.2).
const exporterLabel = "EXTRACTOR-dtls_srtp"

// masterKey is what one direction's keys come from.
type masterKey struct{ key, salt []byte }

// lengths are of the key and of the salt, bytes.
func (p profile) lengths() (key, salt int) {
	if p == profileGCM {
		return 16, 12
	}
	return 16, 14
}

// material is how many bytes DTLS is to export.
func (p profile) material() int {
	key, salt := p.lengths()
	return 2 * (key + salt)
}

// split takes the exported bytes apart: both keys, then both salts, the client's
// first.
func (p profile) split(material []byte, role Role) (local, remote masterKey, err error) {
	if len(material) != p.material() {
		return local, remote, fmt.Errorf("split %d bytes of keys: %w", len(material), ErrParameters)
	}
	k, s := p.lengths()
	client := masterKey{material[:k], material[2*k : 2*k+s]}
	server := masterKey{material[k : 2*k], material[2*k+s:]}
	if role == Client {
		return client, server, nil
	}
	return server, client, nil
}

// The labels of RFC 3711 §4.3.2.
const (
	labelRTP      = 0x00
	labelRTPSalt  = 0x02
	labelRTCP     = 0x03
	labelRTCPSalt = 0x05
)

// derive makes a session key of n bytes (RFC 3711 §4.3.3, with a rate of zero): AES
// in counter mode over the salt with the label.
func (m masterKey) derive(label byte, n int) ([]byte, error) {
	block, err := aes.NewCipher(m.key)
	if err != nil {
		return nil, fmt.Errorf("derive session key: %w", err)
	}
	var counter [aes.BlockSize]byte
	copy(counter[:14], m.salt)
	counter[7] ^= label
	out := make([]byte, (n+aes.BlockSize-1)/aes.BlockSize*aes.BlockSize)
	for i := 0; i < len(out); i += aes.BlockSize {
		binary.BigEndian.PutUint16(counter[14:], uint16(i/aes.BlockSize))
		block.Encrypt(out[i:], counter[:])
	}
	return out[:n], nil
}
