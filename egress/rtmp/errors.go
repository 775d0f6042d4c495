package rtmp

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"syscall"

	"github.com/meetcast/meetcast/egress/rtmp/proto"
)

// Kind tells the ways in which a push can fail apart.
type Kind string

// The kinds of failure.
const (
	KindAddress     Kind = "address"     // the URL is not one we can push to
	KindNotAllowed  Kind = "not-allowed" // the configuration forbids this destination
	KindDNS         Kind = "dns"         // the host name does not resolve
	KindRefused     Kind = "refused"     // nobody listens there
	KindUnreachable Kind = "unreachable" // no route to the host
	KindTLS         Kind = "tls"         // certificate or TLS handshake
	KindTimeout     Kind = "timeout"     // no answer in time
	KindProtocol    Kind = "protocol"    // what answers does not speak RTMP
	KindApplication Kind = "application" // the server has no such application
	KindKey         Kind = "key"         // the server refused the stream name or key
	KindStalled     Kind = "stalled"     // connected, but takes no more bytes
	KindReset       Kind = "reset"       // the connection broke
	KindClosed      Kind = "closed"      // the server closed the connection
	KindInternal    Kind = "internal"    // our fault
)

// Error is why a push is not live. Its texts never contain the stream key.
type Error struct {
	Kind Kind
	// Host of the destination as the moderator wrote it.
	Host string
	// App is the application part of the destination.
	App string
	// Detail is what the server said, if it said something.
	Detail string
	// Err is the cause, if there is one.
	Err error
}

// Error is for logs.
func (e *Error) Error() string {
	s := fmt.Sprintf("push to %s: %s", e.Host, e.Kind)
	if e.Detail != "" {
		s += ": " + e.Detail
	}
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// sentences are for a moderator: what is wrong and what to do about it.
var sentences = map[Kind]string{
	KindAddress:     "The destination is not a complete RTMP address. It looks like rtmp://host/application/key.",
	KindNotAllowed:  "This server may not broadcast to {host}. Ask its operator to allow that destination.",
	KindDNS:         "The name {host} does not exist in the DNS. Check the spelling of the destination.",
	KindRefused:     "Nothing accepts connections at {host}. Check host and port, and that the streaming server runs.",
	KindUnreachable: "There is no way to {host} from here. Check the address and the network.",
	KindTLS:         "A secure connection to {host} is not possible. Check the address, or its certificate.",
	KindTimeout:     "{host} does not answer.",
	KindProtocol:    "What answers at {host} is not an RTMP server. Check host and port.",
	KindApplication: "{host} has no application “{app}”. Check the part of the address after the host.",
	KindKey:         "{host} refused the stream key. Check the key, and that it is not in use elsewhere.",
	KindStalled:     "{host} stopped taking data.",
	KindReset:       "The connection to {host} broke.",
	KindClosed:      "{host} closed the connection.",
	KindInternal:    "The broadcast could not be sent to {host} because of a fault in this server.",
}

// Sentence tells a moderator what is wrong.
func (e *Error) Sentence() string {
	s := strings.NewReplacer("{host}", e.Host, "{app}", e.App).Replace(sentences[e.Kind])
	if e.Detail != "" {
		s += " (" + e.Detail + ")"
	}
	return s
}

// Definite is true when trying again without changing something cannot help.
func (e *Error) Definite() bool {
	switch e.Kind {
	case KindAddress, KindNotAllowed, KindRefused, KindTLS, KindProtocol, KindApplication, KindKey, KindInternal:
		return true
	case KindDNS:
		var d *net.DNSError
		return errors.As(e.Err, &d) && d.IsNotFound
	}
	return false
}

// errPrivate is returned by the dialer for an address inside our own network.
var errPrivate = errors.New("address is private")

// classifyDial names an error of dialling.
func classifyDial(err error) Kind {
	var dns *net.DNSError
	switch {
	case errors.Is(err, errPrivate):
		return KindNotAllowed
	case errors.As(err, &dns):
		return KindDNS
	case errors.Is(err, syscall.ECONNREFUSED):
		return KindRefused
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH), errors.Is(err, syscall.EADDRNOTAVAIL):
		return KindUnreachable
	}
	return classifyIO(err)
}

// classifyTLS names an error of the TLS handshake.
func classifyTLS(err error) Kind {
	var (
		verify *tls.CertificateVerificationError
		host   x509.HostnameError
		record tls.RecordHeaderError
		alert  tls.AlertError
	)
	if errors.As(err, &verify) || errors.As(err, &host) || errors.As(err, &record) || errors.As(err, &alert) {
		return KindTLS
	}
	if kind := classifyIO(err); kind == KindTimeout {
		return kind
	}
	return KindTLS
}

// classifyIO names an error of an open connection.
func classifyIO(err error) Kind {
	switch {
	case errors.Is(err, proto.ErrProtocol):
		return KindProtocol
	case errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, syscall.ETIMEDOUT), errors.Is(err, context.DeadlineExceeded):
		return KindTimeout
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return KindClosed
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE), errors.Is(err, net.ErrClosed):
		return KindReset
	}
	var ne net.Error
	if errors.As(err, &ne) && ne.Timeout() {
		return KindTimeout
	}
	return KindReset
}
