package rtmp

import (
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strings"
)

// PolicyConfig says which destinations clients may name.
type PolicyConfig struct {
	// Allow lists what clients may push to; empty allows nothing. An entry is
	//   *                          every public host
	//   live.example.com           one host, any port
	//   live.example.com:1936      one host and port
	//   *.example.com              every host below a domain
	//   rtmps://host/app/          a URL prefix, whole path segments
	// A host that is listed by name or address may be private; what only "*" or
	// "*.domain" matches must resolve to public addresses.
	Allow []string
	// Aliases replace a host that clients write, "host[:port][/app]" for each
	// host; the port and the application of the alias, when given, replace those
	// of the client. Aliases are allowed, and may be private.
	Aliases map[string]string
}

// Policy decides about destinations. It is immutable.
type Policy struct {
	any      bool
	hosts    map[string]bool // "host" or "host:port"
	domains  []string        // ".example.com"
	prefixes []*url.URL
	aliases  map[string]alias
}

type alias struct{ host, port, app string }

// NewPolicy checks cfg.
func NewPolicy(cfg PolicyConfig) (*Policy, error) {
	p := &Policy{hosts: map[string]bool{}, aliases: map[string]alias{}}
	for _, entry := range cfg.Allow {
		if err := p.allow(strings.TrimSpace(entry)); err != nil {
			return nil, fmt.Errorf("allowed destination %q: %w", entry, err)
		}
	}
	for from, to := range cfg.Aliases {
		a := alias{}
		hostport, app, _ := strings.Cut(to, "/")
		a.host, a.port = splitHostPort(hostport)
		a.app = strings.Trim(app, "/")
		if a.host == "" {
			return nil, fmt.Errorf("destination alias %q: no host in %q", from, to)
		}
		p.aliases[normalHost(from)] = a
	}
	return p, nil
}

func (p *Policy) allow(entry string) error {
	switch {
	case entry == "":
		return fmt.Errorf("empty")
	case entry == "*":
		p.any = true
	case strings.Contains(entry, "://"):
		u, err := url.Parse(entry)
		if err != nil {
			return err
		}
		if defaultPorts[u.Scheme] == "" || u.Hostname() == "" {
			return fmt.Errorf("want rtmp://host/… or rtmps://host/…")
		}
		p.prefixes = append(p.prefixes, u)
	case strings.HasPrefix(entry, "*."):
		p.domains = append(p.domains, normalHost(entry[1:]))
	case strings.ContainsAny(entry, "/*?@ "):
		return fmt.Errorf("want a host, host:port, *.domain or a URL")
	default:
		host, port := splitHostPort(entry)
		if port != "" {
			p.hosts[net.JoinHostPort(normalHost(host), port)] = true
		} else {
			p.hosts[normalHost(host)] = true
		}
	}
	return nil
}

// Resolve turns what a client wrote into a Target, or an *Error of kind address
// or not-allowed. A nil Policy allows everything: it is for URLs from our own
// configuration.
func (p *Policy) Resolve(raw string) (Target, error) {
	t, err := ParseTarget(raw)
	if err != nil {
		return Target{}, err
	}
	if p == nil {
		t.private = true
		return t, nil
	}
	if a, ok := p.aliases[t.host]; ok {
		t.dialHost, t.private = a.host, true
		if a.port != "" {
			t.port = a.port
		}
		if a.app != "" {
			t.App = a.app
		}
		return t, nil
	}
	named := p.hosts[t.host] || p.hosts[net.JoinHostPort(t.host, t.port)] || p.prefixed(t)
	if !named && !p.any && !p.inDomain(t.host) {
		return Target{}, t.errorf(KindNotAllowed, nil, "")
	}
	t.private = named
	if a, err := netip.ParseAddr(t.host); err == nil && !named && !Public(a) {
		return Target{}, t.errorf(KindNotAllowed, errPrivate, "")
	}
	return t, nil
}

// Check returns nil when a client may push to raw, and an *Error otherwise.
// What a name resolves to is checked when it is dialled.
func (p *Policy) Check(raw string) error {
	_, err := p.Resolve(raw)
	return err
}

func (p *Policy) inDomain(host string) bool {
	for _, d := range p.domains {
		if strings.HasSuffix(host, d) {
			return true
		}
	}
	return false
}

func (p *Policy) prefixed(t Target) bool {
	path := "/" + t.App + "/" + t.Key
	for _, u := range p.prefixes {
		port := u.Port()
		if port == "" {
			port = defaultPorts[u.Scheme]
		}
		if u.Scheme != t.Scheme || normalHost(u.Hostname()) != t.host || port != t.port {
			continue
		}
		prefix := strings.TrimSuffix(u.Path, "/")
		if path == prefix || strings.HasPrefix(path, prefix+"/") {
			return true
		}
	}
	return false
}

func splitHostPort(s string) (host, port string) {
	if h, p, err := net.SplitHostPort(s); err == nil {
		return h, p
	}
	return strings.Trim(s, "[]"), ""
}

func normalHost(h string) string { return strings.TrimSuffix(strings.ToLower(h), ".") }

// special are the blocks beside netip's own predicates that no public server
// has: RFC 6890 and its registry.
var special = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"),
	netip.MustParsePrefix("100.64.0.0/10"),
	netip.MustParsePrefix("192.0.0.0/24"),
	netip.MustParsePrefix("192.0.2.0/24"),
	netip.MustParsePrefix("198.18.0.0/15"),
	netip.MustParsePrefix("198.51.100.0/24"),
	netip.MustParsePrefix("203.0.113.0/24"),
	netip.MustParsePrefix("240.0.0.0/4"),
	netip.MustParsePrefix("64:ff9b::/96"), // NAT64: may lead back inside
	netip.MustParsePrefix("64:ff9b:1::/48"),
	netip.MustParsePrefix("100::/64"),
	netip.MustParsePrefix("2001::/23"), // Teredo and other protocol assignments
	netip.MustParsePrefix("2001:db8::/32"),
	netip.MustParsePrefix("2002::/16"), // 6to4
	netip.MustParsePrefix("fec0::/10"),
}

// Public reports whether an address is one that the internet routes.
func Public(a netip.Addr) bool {
	a = a.Unmap().WithZone("")
	if !a.IsValid() || a.IsLoopback() || a.IsPrivate() || a.IsLinkLocalUnicast() ||
		a.IsMulticast() || a.IsUnspecified() {
		return false
	}
	for _, p := range special {
		if p.Contains(a) {
			return false
		}
	}
	return true
}
