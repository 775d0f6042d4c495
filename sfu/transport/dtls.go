package transport

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/pion/dtls/v3"
	"github.com/pion/logging"
)

const (
	// flightInterval is how long the first repetition of a flight waits; it doubles.
	flightInterval = 200 * time.Millisecond
	// dtlsMTU bounds handshake records, bytes.
	dtlsMTU = 1200
)

var errFingerprint = errors.New("certificate has none of the fingerprints")

// quiet keeps pion from writing logs: what matters comes back as errors, and much of
// the rest is in the hands of clients.
var quiet = &logging.DefaultLoggerFactory{Writer: io.Discard, DefaultLogLevel: logging.LogLevelDisabled}

// options are how both roles handshake: certificates are self-signed and known by
// their fingerprints (RFC 8827 §6.5), so nothing is to be learnt from a cookie
// exchange that the authentic STUN requests have not shown.
func (c *Conn) options(remote Remote, h *handshakeConn) []dtls.Option {
	return []dtls.Option{
		dtls.WithCertificates(c.port.cfg.Certificate),
		dtls.WithCipherSuites(dtls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, dtls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256),
		dtls.WithSRTPProtectionProfiles(dtls.SRTP_AEAD_AES_128_GCM, dtls.SRTP_AES128_CM_HMAC_SHA1_80),
		dtls.WithInsecureSkipVerify(true),
		dtls.WithVerifyPeerCertificate(func(raw [][]byte, _ [][]*x509.Certificate) error {
			if len(raw) == 0 || !matches(remote.Fingerprints, raw[0]) {
				return errFingerprint
			}
			return nil
		}),
		dtls.WithExtendedMasterSecret(dtls.RequestExtendedMasterSecret),
		dtls.WithFlightInterval(flightInterval),
		dtls.WithMTU(dtlsMTU),
		dtls.WithKeyLogWriter(&h.log),
		dtls.WithLoggerFactory(quiet),
	}
}

// begin makes the DTLS connection over the handshake's packets.
func (c *Conn) begin(h *handshakeConn, remote Remote) (*dtls.Conn, error) {
	options := c.options(remote, h)
	if remote.DTLSRole == Client {
		var list []dtls.ClientOption
		for _, o := range options {
			list = append(list, o)
		}
		return dtls.ClientWithOptions(h, h.LocalAddr(), list...)
	}
	list := []dtls.ServerOption{
		dtls.WithClientAuth(dtls.RequireAnyClientCert),
		dtls.WithInsecureSkipVerifyHello(true),
	}
	for _, o := range options {
		list = append(list, o)
	}
	return dtls.ServerWithOptions(h, h.LocalAddr(), list...)
}

// shakeLocked starts the handshake when there is a path.
func (c *Conn) shakeLocked() {
	if h := c.handshake; h != nil && !h.started && !c.closed {
		h.started = true
		remote := c.remote
		c.wg.Go(func() { c.shake(h, remote) })
	}
}

// shake does the handshake, takes the keys and lets go of all the rest.
func (c *Conn) shake(h *handshakeConn, remote Remote) {
	ctx, cancel := context.WithTimeout(c.lifetime, c.port.cfg.Failed)
	defer cancel()
	err := c.agree(ctx, h, remote)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.handshake = nil
	if err != nil {
		c.broken = true
		c.port.refused.Add(1)
		c.log.Debug("media handshake", "error", err)
	} else {
		c.port.handshakes.Add(1)
	}
	c.updateLocked(time.Now())
}

// agree runs the handshake to its end and installs the keys.
func (c *Conn) agree(ctx context.Context, h *handshakeConn, remote Remote) error {
	d, err := c.begin(h, remote)
	if err != nil {
		return fmt.Errorf("begin DTLS handshake: %w", err)
	}
	defer func() {
		h.mute() // dtls would say good-bye
		_ = d.Close()
	}()
	if err := d.HandshakeContext(ctx); err != nil {
		return fmt.Errorf("handshake DTLS: %w", err)
	}
	selected, ok := d.SelectedSRTPProtectionProfile()
	state, ok2 := d.ConnectionState()
	if !ok || !ok2 {
		return fmt.Errorf("handshake DTLS: no SRTP profile: %w", ErrParameters)
	}
	p := profile(selected)
	material, err := state.ExportKeyingMaterial(exporterLabel, nil, p.material())
	if err != nil {
		return fmt.Errorf("export SRTP keys: %w", err)
	}
	s, err := newSession(h, remote.DTLSRole)
	if err != nil {
		return err
	}
	return c.install(p, material, s, remote.DTLSRole)
}

// install sets up SRTP both ways.
func (c *Conn) install(p profile, material []byte, s *session, role Role) error {
	local, remote, err := p.split(material, role)
	if err != nil {
		return err
	}
	var out protector
	var in unprotector
	if p == profileGCM {
		if out, err = newGCMProtector(local); err == nil {
			in, err = newGCMUnprotector(remote)
		}
	} else {
		if out, err = newCMProtector(local); err == nil {
			in, err = newCMUnprotector(remote)
		}
	}
	if err != nil {
		return fmt.Errorf("set up SRTP: %w", err)
	}
	c.sending.Lock()
	c.out = out
	c.sending.Unlock()
	c.in.Store(&in)
	c.mu.Lock()
	c.secured = s
	c.mu.Unlock()
	return nil
}

// takeDTLS takes a datagram of the handshake, or of what follows it.
func (c *Conn) takeDTLS(b []byte, pa *path, now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.handshake != nil:
		if !c.handshake.put(b) {
			c.drop(DropEarly)
		}
	case c.secured != nil && pa == c.nominated:
		for _, datagram := range c.secured.take(b, now) {
			pa.send(datagram)
		}
		if c.secured.gone && !c.gone {
			c.gone = true
			c.updateLocked(now)
		}
	default:
		c.drop(DropEarly)
	}
}
