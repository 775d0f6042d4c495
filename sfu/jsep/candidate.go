package jsep

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// maxCandidate bounds one candidate, bytes.
const maxCandidate = 1024

// CheckCandidate tells what is wrong with a candidate line (RFC 8839 §5.1), with
// or without "a=" and "candidate:". An empty one ends the gathering (RFC 8838
// §8.2). What it says is not needed, for we answer checks wherever they come from,
// but nonsense must not go unnoticed.
func CheckCandidate(line string) error {
	if len(line) > maxCandidate {
		return fmt.Errorf("candidate of %d bytes, at most %d", len(line), maxCandidate)
	}
	line = strings.TrimPrefix(strings.TrimSpace(line), "a=")
	line = strings.TrimPrefix(line, "candidate:")
	if line == "" {
		return nil
	}
	f := strings.Fields(line)
	if len(f) < 8 || len(f)%2 != 0 || f[6] != "typ" {
		return fmt.Errorf("candidate %q is incomplete", line)
	}
	if !iceChars(f[0], 1, 32) {
		return fmt.Errorf("candidate %q: foundation", line)
	}
	if n, err := strconv.ParseUint(f[1], 10, 9); err != nil || n < 1 || n > 256 {
		return fmt.Errorf("candidate %q: component", line)
	}
	if t := strings.ToLower(f[2]); t != "udp" && t != "tcp" && !strings.HasPrefix(t, "ssltcp") {
		return fmt.Errorf("candidate %q: transport", line)
	}
	if _, err := strconv.ParseUint(f[3], 10, 32); err != nil {
		return fmt.Errorf("candidate %q: priority", line)
	}
	if _, err := netip.ParseAddr(f[4]); err != nil && !hostname(f[4]) {
		return fmt.Errorf("candidate %q: address", line)
	}
	if _, err := strconv.ParseUint(f[5], 10, 16); err != nil {
		return fmt.Errorf("candidate %q: port", line)
	}
	switch f[7] {
	case "host", "srflx", "prflx", "relay":
		return nil
	}
	return fmt.Errorf("candidate %q: type", line)
}

// hostname tells whether a connection address is a name, as of mDNS.
func hostname(s string) bool {
	if len(s) > 255 || !strings.Contains(s, ".") {
		return false
	}
	for _, c := range s {
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '.') {
			return false
		}
	}
	return true
}

// iceChars tells whether s is from shortest to longest characters of ICE (RFC 8839
// §5.1, ice-char).
func iceChars(s string, shortest, longest int) bool {
	if len(s) < shortest || len(s) > longest {
		return false
	}
	for _, c := range s {
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '+' || c == '/') {
			return false
		}
	}
	return true
}
