package doctor

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"syscall"
	"time"

	"github.com/pion/logging"
	"github.com/pion/stun/v4"
	"github.com/pion/turn/v5"

	"github.com/meetcast/meetcast/signaling/wire"
)

// ways tries every way to the media port that browsers are told.
func (p *probe) ways(ctx context.Context, s *session) []Finding {
	if len(s.ways) == 0 {
		return []Finding{{Check: "media", Level: Failure, Text: "the server names no address for media", Todo: "set rtc.advertised_ips"}}
	}
	checks := []func() Finding{}
	for _, group := range grouped(s.ways) {
		checks = append(checks, func() Finding { return p.direct(ctx, s, group) })
	}
	for _, server := range s.relays {
		for _, u := range server.URLs {
			if strings.HasPrefix(u, "turn") {
				checks = append(checks, func() Finding { return p.relay(ctx, s, server, u) })
			}
		}
	}
	list := judge(together(checks...))
	if !hasCheck(list, "relay") {
		list = append(list, Finding{Check: "relay", Level: Warning, Text: "the server offers none: people behind strict firewalls have no media",
			Todo: "set turn.enabled"})
	}
	return list
}

func hasCheck(list []Finding, prefix string) bool {
	for _, f := range list {
		if strings.HasPrefix(f.Check, prefix) {
			return true
		}
	}
	return false
}

// way is a kind of candidates; one of them has to answer.
type way struct {
	name, network string
	list          []netip.AddrPort
}

// grouped sorts candidates by protocol and family.
func grouped(list []candidate) []way {
	groups := []way{{"media UDP", "udp", nil}, {"media TCP", "tcp", nil}, {"media UDP IPv6", "udp", nil}, {"media TCP IPv6", "tcp", nil}}
	for _, c := range list {
		i := 0
		if c.network == "tcp" {
			i = 1
		}
		if c.address.Addr().Is6() {
			i += 2
		}
		groups[i].list = append(groups[i].list, c.address)
	}
	var out []way
	for _, g := range groups {
		if len(g.list) > 0 {
			out = append(out, g)
		}
	}
	return out
}

// direct checks the candidates of a group. One that answers is enough.
func (p *probe) direct(ctx context.Context, s *session, w way) Finding {
	f := Finding{Check: w.name}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	type result struct {
		address netip.AddrPort
		err     error
	}
	results := make(chan result, len(w.list))
	for _, a := range w.list {
		go func() { results <- result{a, ask(ctx, w.network, a.String(), &s.ice)} }()
	}
	var silent []string
	var last error
	for range w.list {
		r := <-results
		if r.err == nil {
			f.Text = r.address.String() + " answers"
			return f
		}
		silent, last = append(silent, r.address.String()), r.err
	}
	if strings.HasSuffix(w.name, "IPv6") && (errors.Is(last, syscall.ENETUNREACH) || errors.Is(last, syscall.EHOSTUNREACH)) {
		f.Level, f.Text, f.Todo = Warning, "this machine has no way to "+strings.Join(silent, ", "), "look from a network with IPv6, if people have it"
		return f
	}
	f.Level, f.Text = Warning, strings.Join(silent, ", ")+": "+plain(last)
	f.Todo = openPort(w.network, w.list[0].String())
	if !p.anyPublic(w.list) {
		f.Todo = "browsers are told only addresses of a private network: set rtc.advertised_ips to the address under which the server is reached; then " + f.Todo
	}
	return f
}

// anyPublic tells whether an address could be reached from elsewhere. On this
// machine all can.
func (p *probe) anyPublic(list []netip.AddrPort) bool {
	for _, a := range list {
		if ip := a.Addr(); !ip.IsPrivate() && !ip.IsLoopback() && !ip.IsLinkLocalUnicast() {
			return true
		}
	}
	return isLocal(p.host)
}

// relay opens a relay and sends a check through it to the media port.
func (p *probe) relay(ctx context.Context, s *session, server wire.ICEServer, uri string) Finding {
	f := Finding{Check: "relay", Text: uri + " carries to the media port"}
	u, err := stun.ParseURI(uri)
	if err != nil {
		f.Level, f.Text = Warning, uri+": "+err.Error()
		return f
	}
	kind := strings.ToUpper(u.Proto.String())
	if u.Scheme == stun.SchemeTypeTURNS {
		kind = "TLS"
	}
	f.Check += " " + kind
	address := net.JoinHostPort(u.Host, fmt.Sprint(u.Port))
	if err := p.throughRelay(ctx, s, server, u, address); err != nil {
		f.Level, f.Text = Warning, uri+": "+plain(err)
		f.Todo = openPort(strings.ToLower(u.Proto.String()), address)
		var cert *tls.CertificateVerificationError
		if errors.As(err, &cert) {
			f.Todo = "give TURN a certificate for " + u.Host + " (turn.tls_cert)"
		}
	}
	return f
}

func (p *probe) throughRelay(ctx context.Context, s *session, server wire.ICEServer, u *stun.URI, address string) error {
	ctx, cancel := context.WithTimeout(ctx, probeTime)
	defer cancel()
	conn, err := p.dialRelay(ctx, u, address)
	if err != nil {
		return err
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	resolved, err := net.ResolveUDPAddr("udp", address)
	if err != nil {
		return err
	}
	peer, family := s.peer()
	if peer == nil {
		return errors.New("the server names no address over UDP")
	}
	client, err := turn.NewClient(&turn.ClientConfig{TURNServerAddr: resolved.String(), Conn: conn,
		Username: server.Username, Password: server.Credential, LoggerFactory: &logging.DefaultLoggerFactory{},
		RequestedAddressFamily: family})
	if err != nil {
		return err
	}
	defer client.Close()
	if err := client.Listen(); err != nil {
		return err
	}
	relayed, err := client.Allocate()
	if err != nil {
		return late(ctx, fmt.Errorf("no relay: %w", err))
	}
	defer relayed.Close()
	m, err := check(&s.ice)
	if err != nil {
		return err
	}
	deadline, _ := ctx.Deadline()
	write := func(b []byte) (int, error) { return relayed.WriteTo(b, peer) }
	read := func(b []byte) (int, error) { n, _, err := relayed.ReadFrom(b); return n, err }
	return late(ctx, askAgain(write, read, relayed.SetReadDeadline, m, deadline.Add(-100*time.Millisecond)))
}

// peer is the candidate that is asked through relays: IPv4 first, as relays are.
func (s *session) peer() (*net.UDPAddr, turn.RequestedAddressFamily) {
	var ipv6 *net.UDPAddr
	for _, c := range s.ways {
		switch {
		case c.network != "udp":
		case c.address.Addr().Is4():
			return c.udpAddr(), turn.RequestedAddressFamilyIPv4
		case ipv6 == nil:
			ipv6 = c.udpAddr()
		}
	}
	return ipv6, turn.RequestedAddressFamilyIPv6
}

// late calls what fails after the time is over by its name.
func late(ctx context.Context, err error) error {
	if err != nil && ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}

// dialRelay opens the socket to a relay.
func (p *probe) dialRelay(ctx context.Context, u *stun.URI, address string) (net.PacketConn, error) {
	if u.Proto == stun.ProtoTypeUDP {
		return net.ListenPacket("udp", ":0")
	}
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	if u.Scheme != stun.SchemeTypeTURNS {
		return turn.NewSTUNConn(conn), nil
	}
	secure := tls.Client(conn, p.tls(u.Host))
	if err := secure.HandshakeContext(ctx); err != nil {
		conn.Close()
		return nil, err
	}
	return turn.NewSTUNConn(secure), nil
}
