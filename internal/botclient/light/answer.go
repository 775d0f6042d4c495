package light

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// maxAnswer bounds the session descriptions that are read, bytes.
const maxAnswer = 1 << 20

// Answer is what matters of the server's session description.
type Answer struct {
	Remote Remote
	Lines  []AnswerLine
}

// AnswerLine is one m-line of an answer.
type AnswerLine struct {
	Mid        string
	Rejected   bool  // port zero or inactive
	Types      []int // payload types as listed, the preferred one first
	Codecs     []Codec
	Extensions []Extension
	// SSRC is the stream the server sends on this line, RTX its
	// retransmissions; zero where the answer does not say.
	SSRC, RTX uint32
}

// ParseAnswer reads an answer. Attributes of the session hold for every line.
func ParseAnswer(text string) (Answer, error) {
	var a Answer
	if len(text) > maxAnswer {
		return a, fmt.Errorf("read answer: %d bytes of SDP", len(text))
	}
	setup := ""
	for raw := range strings.Lines(text) {
		kind, value, ok := strings.Cut(strings.TrimRight(raw, "\r\n"), "=")
		switch {
		case !ok:
		case kind == "m":
			a.Lines = append(a.Lines, mediaLine(value))
		case kind == "a":
			name, value, _ := strings.Cut(value, ":")
			if name == "setup" {
				setup = value
			}
			a.attribute(name, value)
		}
	}
	switch {
	case len(a.Lines) == 0:
		return a, errors.New("read answer: it has no m-line")
	case a.Remote.Ufrag == "" || a.Remote.Pwd == "":
		return a, errors.New("read answer: it has no ICE credentials")
	case a.Remote.Fingerprint == "":
		return a, errors.New("read answer: it has no sha-256 fingerprint")
	case setup == "active":
		return a, errors.New("read answer: the server wants to be the DTLS client")
	}
	return a, nil
}

func mediaLine(value string) AnswerLine {
	var l AnswerLine
	fields := strings.Fields(value)
	l.Rejected = len(fields) < 2 || fields[1] == "0"
	for _, f := range fields[min(3, len(fields)):] {
		if n, err := strconv.ParseUint(f, 10, 7); err == nil {
			l.Types = append(l.Types, int(n))
		}
	}
	return l
}

func (a *Answer) attribute(name, value string) {
	switch name {
	case "ice-ufrag":
		a.Remote.Ufrag = value
	case "ice-pwd":
		a.Remote.Pwd = value
	case "fingerprint":
		if hash, sum, ok := strings.Cut(value, " "); ok && strings.EqualFold(hash, "sha-256") {
			a.Remote.Fingerprint = sum
		}
	case "candidate":
		if c, ok := parseCandidate(value); ok && !slices.Contains(a.Remote.Candidates, c) {
			a.Remote.Candidates = append(a.Remote.Candidates, c)
		}
	}
	if len(a.Lines) > 0 {
		a.Lines[len(a.Lines)-1].attribute(name, value)
	}
}

// parseCandidate reads a UDP candidate for RTP (RFC 8839 §5.1).
func parseCandidate(value string) (netip.AddrPort, bool) {
	f := strings.Fields(value)
	if len(f) < 6 || f[1] != "1" || !strings.EqualFold(f[2], "udp") {
		return netip.AddrPort{}, false
	}
	addr, err := netip.ParseAddr(f[4])
	if err != nil {
		return netip.AddrPort{}, false // a name: ours are addresses
	}
	port, err := strconv.ParseUint(f[5], 10, 16)
	if err != nil || port == 0 {
		return netip.AddrPort{}, false
	}
	return netip.AddrPortFrom(addr.Unmap(), uint16(port)), true
}

func (l *AnswerLine) attribute(name, value string) {
	first, rest, _ := strings.Cut(value, " ")
	switch name {
	case "mid":
		l.Mid = value
	case "inactive":
		l.Rejected = true
	case "extmap":
		number, _, _ := strings.Cut(first, "/") // "/direction" may follow
		uri, _, _ := strings.Cut(rest, " ")
		if id, err := strconv.ParseUint(number, 10, 8); err == nil {
			l.Extensions = append(l.Extensions, Extension{ID: uint8(id), URI: uri})
		}
	case "rtpmap":
		l.rtpmap(first, rest)
	case "fmtp":
		for i := range l.Codecs {
			if strconv.Itoa(int(l.Codecs[i].Type)) == first {
				l.Codecs[i].Format = rest
			}
		}
	case "ssrc-group":
		if f := strings.Fields(rest); first == "FID" && len(f) == 2 {
			l.SSRC, l.RTX = number32(f[0]), number32(f[1])
		}
	case "ssrc":
		if l.SSRC == 0 {
			l.SSRC = number32(first)
		}
	}
}

func (l *AnswerLine) rtpmap(number, rest string) {
	pt, err := strconv.ParseUint(number, 10, 7)
	if err != nil {
		return
	}
	parts := strings.Split(rest, "/")
	c := Codec{Type: uint8(pt), Name: parts[0]}
	if len(parts) > 1 {
		c.Rate, _ = strconv.Atoi(parts[1])
	}
	if len(parts) > 2 {
		c.Channels, _ = strconv.Atoi(parts[2])
	}
	l.Codecs = append(l.Codecs, c)
}

func number32(s string) uint32 {
	n, err := strconv.ParseUint(s, 10, 32)
	if err != nil {
		return 0
	}
	return uint32(n)
}

// Codec returns the line's codec with a name, the one listed first in the m-line.
func (l *AnswerLine) Codec(name string) (Codec, bool) {
	for _, pt := range l.Types {
		for _, c := range l.Codecs {
			if int(c.Type) == pt && strings.EqualFold(c.Name, name) {
				return c, true
			}
		}
	}
	return Codec{}, false
}

// Extension returns the number of a header extension, zero if not agreed.
func (l *AnswerLine) Extension(uri string) uint8 {
	for _, e := range l.Extensions {
		if e.URI == uri {
			return e.ID
		}
	}
	return 0
}
