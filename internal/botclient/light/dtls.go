package light

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/pion/dtls/v3"
	"github.com/pion/logging"
	"github.com/pion/rtp"
	"github.com/pion/srtp/v3"
)

// flightInterval is the pause before a lost handshake flight is repeated; it doubles.
const flightInterval = 100 * time.Millisecond

// errFingerprint means that the server is not who signed the answer.
var errFingerprint = errors.New("certificate is not the one of the answer")

// Fingerprint is a certificate's as in SDP (RFC 8122 §5), sha-256.
func Fingerprint(c tls.Certificate) string {
	sum := sha256.Sum256(c.Certificate[0])
	parts := make([]string, len(sum))
	for i, b := range sum {
		parts[i] = strings.ToUpper(hex.EncodeToString([]byte{b}))
	}
	return strings.Join(parts, ":")
}

// keys are the SRTP contexts of both directions.
type keys struct {
	in, out *srtp.Context
	inHead  rtp.Header // reused by the one reader, under Conn.inMu
}

// handshake runs DTLS as the client and derives the SRTP keys.
func (c *Conn) handshake(ctx context.Context, fingerprint string) error {
	want, err := hex.DecodeString(strings.ReplaceAll(fingerprint, ":", ""))
	if err != nil || len(want) != sha256.Size {
		return fmt.Errorf("read fingerprint %q: %w", fingerprint, errFingerprint)
	}
	quiet := logging.NewDefaultLoggerFactory()
	quiet.DefaultLogLevel = logging.LogLevelDisabled
	conn, err := dtls.ClientWithOptions(c.pipe, pipeAddr{},
		dtls.WithCertificates(c.cfg.Certificate),
		// As Chromium: GCM first. It costs both sides half of the CM/HMAC profile.
		dtls.WithSRTPProtectionProfiles(dtls.SRTP_AEAD_AES_128_GCM, dtls.SRTP_AES128_CM_HMAC_SHA1_80),
		// As Chromium over a path it knows, where pion waits a second.
		dtls.WithFlightInterval(flightInterval),
		dtls.WithInsecureSkipVerify(true), // the fingerprint is what counts
		dtls.WithVerifyPeerCertificate(func(raw [][]byte, _ [][]*x509.Certificate) error {
			if len(raw) == 0 {
				return errFingerprint
			}
			if sum := sha256.Sum256(raw[0]); !bytes.Equal(sum[:], want) {
				return errFingerprint
			}
			return nil
		}),
		dtls.WithLoggerFactory(quiet))
	if err != nil {
		return fmt.Errorf("start DTLS: %w", err)
	}
	c.mu.Lock()
	c.dtls = conn
	c.mu.Unlock()
	if err := conn.HandshakeContext(ctx); err != nil {
		_ = conn.Close()
		return fmt.Errorf("shake hands: %w", err)
	}
	k, err := deriveKeys(conn)
	if err != nil {
		return err
	}
	c.keys.Store(k)
	return nil
}

func deriveKeys(conn *dtls.Conn) (*keys, error) {
	profile, ok := conn.SelectedSRTPProtectionProfile()
	if !ok {
		return nil, errors.New("derive SRTP keys: no profile was agreed")
	}
	state, ok := conn.ConnectionState()
	if !ok {
		return nil, errors.New("derive SRTP keys: the handshake is not over")
	}
	cfg := srtp.Config{Profile: srtp.ProtectionProfile(profile)}
	if err := cfg.ExtractSessionKeysFromDTLS(&state, true); err != nil {
		return nil, fmt.Errorf("derive SRTP keys: %w", err)
	}
	out, err := srtp.CreateContext(cfg.Keys.LocalMasterKey, cfg.Keys.LocalMasterSalt, cfg.Profile)
	if err != nil {
		return nil, fmt.Errorf("make SRTP context: %w", err)
	}
	in, err := srtp.CreateContext(cfg.Keys.RemoteMasterKey, cfg.Keys.RemoteMasterSalt, cfg.Profile,
		srtp.SRTPReplayProtection(512), srtp.SRTCPReplayProtection(128))
	if err != nil {
		return nil, fmt.Errorf("make SRTP context: %w", err)
	}
	return &keys{in: in, out: out}, nil
}
