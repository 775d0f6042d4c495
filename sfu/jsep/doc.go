// Package jsep reads a client's SDP offer and writes the answer to it, by the
// rules of JSEP (RFC 8829) for a server that only ever answers: everything is
// bundled on one transport, RTP and RTCP share it, and ICE is lite. Payload types
// and ids of header extensions are the client's. The package holds no state and
// changes none: an offer that cannot be answered leaves nothing behind.
//
//	SDP ──Parse──> Offer (checked lines) ──Write──> SDP
//	                 │                       ↑
//	                 └── sfu decides what carries what
package jsep

import (
	"github.com/meetcast/meetcast/sfu/packet"
	"github.com/meetcast/meetcast/sfu/track"
)

// Bounds of one offer.
const (
	MaxSDP        = 256 << 10 // bytes
	MaxLines      = 160       // m-lines, those switched off included
	MaxTracks     = 4         // tracks published at a time, one of each source
	MaxCandidates = 100       // candidates in one offer
)

// Use is what the client does with an m-line.
type Use uint8

// The uses.
const (
	Off     Use = iota // nothing for now; the line may be used again
	Publish            // it sends, we receive
	Receive            // a slot: we send, it receives
)

// Offer is what matters of a client's SDP, checked.
type Offer struct {
	Lines []Line
	// Transport is what the client says about the one transport.
	Transport
	// Bundle lists the mids of the BUNDLE group (RFC 8843).
	Bundle []string
	// Routing is how packets are told apart, the same on all lines.
	Routing Routing

	trickle, mixed bool
}

// Transport is what an offer says about ICE and DTLS.
type Transport struct {
	Ufrag, Pwd   string
	Fingerprints []Fingerprint
	Setup        Setup
}

// Fingerprint is the digest of a certificate (RFC 8122 §5).
type Fingerprint struct {
	Algorithm, Value string
}

// Setup is the client's part in the DTLS handshake (RFC 4145 §4).
type Setup uint8

// The parts.
const (
	ActPass Setup = iota // either
	Active               // it begins
	Passive              // we begin
)

// Line is one m-line.
type Line struct {
	Mid  string
	Kind track.Kind
	Use  Use
	// Source is what a published line shows.
	Source track.Source
	// Rejected lines are answered with port 0.
	Rejected bool
	// Formats are the codecs that both sides know, in the client's order.
	Formats []Format
	// Extensions are the header extensions that both sides know.
	Extensions []Extension
	// RIDs of a simulcast, in the client's order.
	RIDs []string
	// SSRC and RTX are the streams that the client has announced, 0 for none.
	SSRC, RTX uint32
	// ReducedSize tells that RTCP need not be compound (RFC 5506).
	ReducedSize bool
	// Mixed tells that header extensions of one byte and of two may take turns
	// (RFC 8285 §6).
	Mixed bool

	media, protocol string
	types           []string // as offered, for the answer to a rejected line
	mux, simulcast  bool
	mixed           bool
}

// Format is one codec of an m-line.
type Format struct {
	Codec packet.Codec
	// Type is the payload type, RTX that of its retransmissions, 0 for none.
	Type, RTX uint8
	// Feedback is what the client does or takes by RTCP.
	Feedback Feedback

	name     string // of the rtpmap
	settings string // of the answer's fmtp
	rank     int
}

// ClockRate is the rate of the format's timestamps, Hz.
func (f Format) ClockRate() uint32 {
	if f.Codec == packet.Opus || f.Codec == packet.RED {
		return 48000
	}
	return 90000
}

// Feedback is a set of RTCP feedback messages (RFC 4585 §4.2).
type Feedback uint8

// The messages.
const (
	NACK Feedback = 1 << iota
	PLI
	FIR
	TransportCC
)

// Extension is one RTP header extension (RFC 8285).
type Extension struct {
	ID  uint8
	URI string

	direction string // of the answer, empty for both
}

// Routing holds the ids of the extensions that say where a packet belongs, 0 for
// those not offered.
type Routing struct {
	TransportCC, Mid, RID, RepairedRID uint8
}

// ID returns the id of an extension on a line, 0 when it was not offered.
func (l *Line) ID(uri string) uint8 {
	for _, e := range l.Extensions {
		if e.URI == uri {
			return e.ID
		}
	}
	return 0
}

// Format returns the format with a payload type, whether its own or that of its
// retransmissions.
func (l *Line) Format(payloadType uint8) (f Format, rtx, ok bool) {
	for _, f := range l.Formats {
		if f.Type == payloadType {
			return f, false, true
		}
		if f.RTX == payloadType && payloadType != 0 {
			return f, true, true
		}
	}
	return Format{}, false, false
}

// Has tells whether a format of the line allows a feedback message.
func (l *Line) Has(f Feedback) bool {
	for _, x := range l.Formats {
		if x.Feedback&f != 0 {
			return true
		}
	}
	return false
}
