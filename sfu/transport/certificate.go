package transport

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"fmt"
	"math/big"
	"strings"
	"time"
)

// certificateAge is how long a certificate is valid. Peers check its fingerprint
// only.
const certificateAge = 365 * 24 * time.Hour

// NewCertificate makes a self-signed ECDSA P-256 certificate (RFC 8827 §6.5).
func NewCertificate() (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("make media key: %w", err)
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("make media certificate: %w", err)
	}
	now := time.Now()
	template := x509.Certificate{SerialNumber: serial, Subject: pkix.Name{CommonName: "WebRTC"},
		NotBefore: now.Add(-24 * time.Hour), NotAfter: now.Add(certificateAge)}
	der, err := x509.CreateCertificate(rand.Reader, &template, &template, key.Public(), key)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("make media certificate: %w", err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, nil
}

// fingerprint hashes a certificate as SDP has it; false for an algorithm that is
// not known.
func fingerprint(algorithm string, der []byte) (string, bool) {
	var sum []byte
	switch strings.ToLower(algorithm) {
	case "sha-256":
		s := sha256.Sum256(der)
		sum = s[:]
	case "sha-384":
		s := sha512.Sum384(der)
		sum = s[:]
	case "sha-512":
		s := sha512.Sum512(der)
		sum = s[:]
	default:
		return "", false
	}
	text := strings.ToUpper(hex.EncodeToString(sum))
	var b strings.Builder
	for i := 0; i < len(text); i += 2 {
		if i > 0 {
			b.WriteByte(':')
		}
		b.WriteString(text[i : i+2])
	}
	return b.String(), true
}

// strong tells algorithms that a certificate may be known by; sha-1 no longer is.
func strong(algorithm string) bool {
	switch strings.ToLower(algorithm) {
	case "sha-256", "sha-384", "sha-512":
		return true
	}
	return false
}

// matches tells whether a certificate has one of the fingerprints (RFC 8122 §5).
func matches(fingerprints []Fingerprint, der []byte) bool {
	for _, f := range fingerprints {
		if !strong(f.Algorithm) {
			continue
		}
		have, _ := fingerprint(f.Algorithm, der)
		if subtle.ConstantTimeCompare([]byte(have), []byte(strings.ToUpper(f.Value))) == 1 {
			return true
		}
	}
	return false
}
