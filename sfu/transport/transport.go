// Package transport carries the media of WebRTC peers over one port: ICE-lite,
// DTLS and SRTP, without a peer connection. It knows neither SDP nor tracks.
//
//	UDP socket ─┐          ┌─ STUN ─> paths, nomination          (ice.go)
//	            ├─ demux ──┼─ DTLS ─> handshake, then keys       (dtls.go)
//	ICE-TCP ────┘          ├─ RTCP ─> decrypt ─> Handler, inline
//	                       └─ RTP ──> inbox ─> decrypt ─> Handler, own goroutine
//
//	WriteRTP ─> encrypt right into the batch of the nominated path ─> socket
//
// A Port owns the sockets, a Conn is one peer. A peer is found by the user name of
// its STUN requests, then by the address that they proved. Nothing but answers to
// authenticated STUN requests is sent to an address before it is nominated.
//
// Lock order: Conn.mu > Port.mu; Conn.mu > Conn.sending > client.mu, (netio).
// Conn.delivering is held while a Handler takes RTCP, with none of the others.
package transport

import (
	"crypto/tls"
	"errors"
	"log/slog"
	"time"

	"github.com/meetcast/meetcast/sfu/netio"
)

var (
	// ErrClosed is returned by what a closed Port or Conn cannot do.
	ErrClosed = errors.New("media transport is closed")
	// ErrNotConnected is returned by writes while there are no keys or no path.
	ErrNotConnected = errors.New("media transport is not connected")
	// ErrParameters is returned for what a peer may not say about itself.
	ErrParameters = errors.New("bad transport parameters")
	// ErrPacket is returned for packets that cannot be sent: too large or malformed.
	ErrPacket = errors.New("bad packet")
)

// Defaults of Config.
const (
	DefaultDisconnected = 5 * time.Second
	DefaultFailed       = 30 * time.Second
)

// Config is what all peers of a port share.
type Config struct {
	// Sockets are what the port reads and writes. The port closes them.
	Sockets *netio.Sockets
	// Certificate authenticates us in DTLS, ECDSA P-256; see NewCertificate.
	Certificate tls.Certificate
	// Disconnected and Failed are how long a path may be silent until the state
	// is so, zero for the defaults (RFC 7675).
	Disconnected, Failed time.Duration
	// Logger, nil for none.
	Logger *slog.Logger
}

// ConnConfig is what one peer has of its own.
type ConnConfig struct {
	// Handler takes what the peer sends.
	Handler Handler
	// Logger, nil for the port's.
	Logger *slog.Logger
}

// Handler takes what comes from a peer. None of its methods may call Conn.Close.
type Handler interface {
	// RTP takes a decrypted packet, checked for replay, in order of arrival; b is
	// valid during the call and may be changed. It may take its time: a bounded
	// queue is in front of it, and what does not fit is dropped and counted.
	RTP(b []byte, now time.Time)
	// RTCP takes a decrypted compound packet, b as in RTP. It is called by who
	// reads the socket for all peers: it must be quick and must not block.
	RTCP(b []byte, now time.Time)
	// StateChanged tells of every change in order, on a goroutine of its own.
	StateChanged(State)
}

// State is how a connection is doing.
type State uint8

// The states. Disconnected and Failed turn back to Connected when the peer is heard
// again. Closed comes from Close, and from a peer that says good-bye.
const (
	New State = iota
	Connecting
	Connected
	Disconnected
	Failed
	Closed
)

// String is the state's name in logs.
func (s State) String() string {
	names := [...]string{"new", "connecting", "connected", "disconnected", "failed", "closed"}
	if int(s) < len(names) {
		return names[s]
	}
	return "unknown"
}

// Role is who begins the DTLS handshake (RFC 5763 §5).
type Role uint8

// The roles. A server waits (a=setup:passive in our answer), a client begins.
const (
	Server Role = iota
	Client
)

// Fingerprint is the hash of a certificate (RFC 8122 §5).
type Fingerprint struct {
	Algorithm string // as sha-256
	Value     string // hexadecimal with colons
}

// Parameters are ours, for the answer.
type Parameters struct {
	Ufrag, Pwd  string
	Fingerprint Fingerprint
}

// Remote is what the peer said about itself in its offer. A lite agent sends no
// checks, so candidates are not among it.
type Remote struct {
	Ufrag, Pwd   string
	Fingerprints []Fingerprint // at least one of a known algorithm
	DTLSRole     Role          // of ours
}
