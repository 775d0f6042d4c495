package whip

import (
	"strings"

	"github.com/pion/sdp/v3"
)

// fragment is the body of a PATCH (RFC 8840 §9): candidates of the client, or
// with other credentials the wish for an ICE restart.
type fragment struct {
	ufrag, pwd string
	candidates []candidate
}

// candidate is one line of a fragment.
type candidate struct {
	text string // without "a="
	mid  *string
	line *uint16
}

// parseFragment reads a fragment. Lines that say nothing here are left out, as
// RFC 8840 §9.2 asks.
func parseFragment(text string) (fragment, error) {
	var f fragment
	var mid *string
	var line *uint16
	for l := range strings.SplitSeq(text, "\n") {
		l = strings.TrimRight(l, "\r ")
		key, value, _ := strings.Cut(l, ":")
		switch {
		case strings.HasPrefix(l, "m="):
			next := uint16(0)
			if line != nil {
				next = *line + 1
			}
			line, mid = &next, nil
		case key == "a=mid":
			mid = &value
		case key == "a=ice-ufrag" && f.ufrag == "":
			f.ufrag = value
		case key == "a=ice-pwd" && f.pwd == "":
			f.pwd = value
		case key == "a=candidate":
			f.candidates = append(f.candidates, candidate{strings.TrimPrefix(l, "a="), mid, line})
		case l != "" && (len(l) < 2 || l[1] != '='):
			return f, malformed("The body is no SDP fragment.")
		}
	}
	switch {
	case len(f.candidates) > maxCandidates:
		return f, malformed("A PATCH has at most 64 candidates.")
	case f.ufrag != "" && !iceChars(f.ufrag, 4), f.pwd != "" && !iceChars(f.pwd, 22):
		return f, malformed("The ICE credentials are not as RFC 8839 has them.")
	}
	return f, nil
}

// iceChars tells whether s is made of ice-char (RFC 8839 §5.4).
func iceChars(s string, least int) bool {
	if len(s) < least || len(s) > 256 {
		return false
	}
	for _, c := range []byte(s) {
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '+' && c != '/' {
			return false
		}
	}
	return true
}

// answerFragment tells what an ICE restart changed: the server's credentials and
// candidates, as its answer has them.
func answerFragment(answer string) (string, error) {
	var desc sdp.SessionDescription
	if err := desc.UnmarshalString(answer); err != nil {
		return "", err
	}
	var b strings.Builder
	write := func(parts ...string) {
		for _, p := range parts {
			b.WriteString(p)
		}
		b.WriteString("\r\n")
	}
	if _, lite := desc.Attribute("ice-lite"); lite {
		write("a=ice-lite")
	}
	write("a=ice-ufrag:", attribute(&desc, "ice-ufrag"))
	write("a=ice-pwd:", attribute(&desc, "ice-pwd"))
	for _, m := range desc.MediaDescriptions {
		if _, ok := m.Attribute("candidate"); !ok {
			continue
		}
		mid, _ := m.Attribute(sdp.AttrKeyMID)
		write("m=", m.MediaName.String())
		write("a=mid:", mid)
		for _, a := range m.Attributes {
			if a.Key == "candidate" {
				write("a=candidate:", a.Value)
			}
		}
		write("a=end-of-candidates")
		break // all m-lines share one transport
	}
	return b.String(), nil
}
