package rtmp

import (
	"net"
	"net/url"
	"strings"
)

// defaultPorts by scheme.
var defaultPorts = map[string]string{"rtmp": "1935", "rtmps": "443"}

// Target is a destination taken apart. Its String hides the key.
type Target struct {
	Scheme string // rtmp or rtmps
	App    string // application, may have slashes
	Key    string // stream name with its query: a secret

	host, port string // as written, lower case
	dialHost   string // where to connect, an alias may differ
	private    bool   // may resolve to a private address
}

// maxURL bounds what a client may send as a destination, bytes.
const maxURL = 2048

// ParseTarget takes an URL rtmp://host[:port]/app/key apart. The last path
// segment and the query are the key; all before is the application.
func ParseTarget(raw string) (Target, error) {
	u, err := url.Parse(strings.TrimSpace(raw))
	if err != nil || len(raw) > maxURL {
		// The parse error quotes the URL and so the key: it is not kept.
		return Target{}, &Error{Kind: KindAddress, Host: "the destination"}
	}
	t := Target{Scheme: strings.ToLower(u.Scheme), host: normalHost(u.Hostname()), port: u.Port()}
	t.dialHost = t.host
	if t.port == "" {
		t.port = defaultPorts[t.Scheme]
	}
	switch {
	case defaultPorts[t.Scheme] == "":
		return Target{}, t.errorf(KindAddress, nil, "the address must begin with rtmp:// or rtmps://")
	case t.host == "":
		return Target{}, t.errorf(KindAddress, nil, "the address has no host")
	case u.User != nil:
		return Target{}, t.errorf(KindAddress, nil, "user name and password do not belong into the address; servers that need them take a key")
	case strings.ContainsAny(raw, "\r\n\x00"):
		return Target{}, t.errorf(KindAddress, nil, "")
	}
	path := strings.TrimPrefix(u.Path, "/")
	cut := strings.LastIndexByte(path, '/')
	if cut < 0 || path[:cut] == "" || path[cut+1:] == "" {
		return Target{}, t.errorf(KindAddress, nil, "")
	}
	t.App, t.Key = path[:cut], path[cut+1:]
	if u.RawQuery != "" {
		t.Key += "?" + u.RawQuery
	}
	return t, nil
}

// Host returns the host as the client wrote it, with a port that is not the
// default one.
func (t Target) Host() string {
	if t.host == "" {
		return "the destination"
	}
	if t.port == "" || t.port == defaultPorts[t.Scheme] {
		return t.host
	}
	return net.JoinHostPort(t.host, t.port)
}

// String returns the destination without the key.
func (t Target) String() string { return t.tcURL() + "/…" }

// tcURL is what RTMP's connect wants to know, §7.2.1.1.
func (t Target) tcURL() string { return t.Scheme + "://" + t.Host() + "/" + t.App }

func (t Target) address() string { return net.JoinHostPort(t.dialHost, t.port) }

func (t Target) errorf(k Kind, err error, detail string) *Error {
	return &Error{Kind: k, Host: t.Host(), App: t.App, Detail: t.redact(detail), Err: t.redactError(err)}
}

// redact removes the key from a text that a server or a library made.
func (t Target) redact(s string) string {
	if len(s) > 200 {
		s = s[:200] + "…"
	}
	if name := t.secret(); name != "" {
		s = strings.ReplaceAll(s, t.Key, "…")
		s = strings.ReplaceAll(s, name, "…")
	}
	return strings.ToValidUTF8(strings.Map(printable, s), "")
}

// secret is the part of the key that must not be shown. One of three letters is
// no secret, and to remove it would only garble texts.
func (t Target) secret() string {
	name, _, _ := strings.Cut(t.Key, "?")
	if len(name) < 4 {
		return ""
	}
	return name
}

func printable(r rune) rune {
	if r < ' ' || r == 0x7f {
		return -1
	}
	return r
}

// redacted keeps the chain of an error whose text contains the key.
type redacted struct {
	error
	text string
}

func (r redacted) Error() string { return r.text }
func (r redacted) Unwrap() error { return r.error }

func (t Target) redactError(err error) error {
	if err == nil || t.secret() == "" || !strings.Contains(err.Error(), t.secret()) {
		return err
	}
	return redacted{err, t.redact(err.Error())}
}
