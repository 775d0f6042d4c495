package auth

import (
	"net/netip"
	"strconv"
	"strings"
)

// Lengths of names, in bytes.
const (
	MaxRoom       = 128
	MaxStreamName = 64
	maxServer     = 255 // RFC 1035 §2.3.4
)

// CheckRoom returns ErrRoom unless name has 1 to MaxRoom characters a-zA-Z0-9_.
func CheckRoom(name string) error {
	switch {
	case name == "":
		return ErrRoom.because("The room name is missing. " + ErrRoom.Message)
	case len(name) > MaxRoom, !all(name, isWord):
		return ErrRoom
	}
	return nil
}

// CheckStreamName returns ErrStreamName unless name can be a stream's: letters,
// digits, "-" and "_", beginning with a letter or digit. Such a name is safe in
// a path, a URL and a store key.
func CheckStreamName(name string) error {
	ok := name != "" && len(name) <= MaxStreamName && isAlnum(name[0]) &&
		all(name, func(c byte) bool { return isWord(c) || c == '-' })
	if !ok {
		return ErrStreamName
	}
	return nil
}

// CheckServer returns ErrServer unless server is a host name, an IPv4 address
// or a bracketed IPv6 address, with an optional port.
func CheckServer(server string) error {
	if server == "" {
		return ErrServer.because("server is missing. " + ErrServer.Message)
	}
	if len(server) > maxServer+len(":65535") {
		return ErrServer
	}
	if rest, ok := strings.CutPrefix(server, "["); ok {
		return checkIPv6(rest)
	}
	host, port, hasPort := strings.Cut(server, ":")
	if hasPort && !isPort(port) || !isHost(host) {
		return ErrServer
	}
	return nil
}

// checkIPv6 takes what follows the "[".
func checkIPv6(rest string) error {
	host, after, ok := strings.Cut(rest, "]")
	addr, err := netip.ParseAddr(host)
	if !ok || err != nil || !addr.Is6() || addr.Zone() != "" {
		return ErrServer
	}
	if port, hasPort := strings.CutPrefix(after, ":"); after != "" && (!hasPort || !isPort(port)) {
		return ErrServer
	}
	return nil
}

// isHost follows RFC 1123 §2.1: labels of letters, digits and inner hyphens.
func isHost(host string) bool {
	if len(host) > maxServer {
		return false
	}
	for label := range strings.SplitSeq(host, ".") {
		ok := label != "" && len(label) <= 63 &&
			isAlnum(label[0]) && isAlnum(label[len(label)-1]) &&
			all(label, func(c byte) bool { return isAlnum(c) || c == '-' })
		if !ok {
			return false
		}
	}
	return true
}

func isPort(s string) bool {
	n, err := strconv.ParseUint(s, 10, 16)
	return err == nil && n > 0 && s[0] != '0'
}

func isAlnum(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
}

func isWord(c byte) bool { return isAlnum(c) || c == '_' }

func all(s string, ok func(byte) bool) bool {
	for i := range len(s) {
		if !ok(s[i]) {
			return false
		}
	}
	return true
}
