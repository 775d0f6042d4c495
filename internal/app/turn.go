package app

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/crypto/acme/autocert"

	"github.com/meetcast/meetcast/sfu/track"
	"github.com/meetcast/meetcast/sfu/turn"
	"github.com/meetcast/meetcast/signaling/wire"
)

// startCertificates prepares TLS for pages and for TURN; nil configurations are
// for none.
func (a *App) startCertificates(context.Context) error {
	switch c := a.cfg.HTTP; {
	case c.TLSCert != "":
		pair, err := tls.LoadX509KeyPair(c.TLSCert, c.TLSKey)
		if err != nil {
			return fmt.Errorf("read http.tls_cert and http.tls_key: %w", err)
		}
		a.webTLS = &tls.Config{Certificates: []tls.Certificate{pair}, NextProtos: []string{"h2", "http/1.1"}}
	case len(c.ACMEHosts) > 0:
		m := &autocert.Manager{
			Prompt:     autocert.AcceptTOS,
			HostPolicy: autocert.HostWhitelist(c.ACMEHosts...),
			Cache:      autocert.DirCache(filepath.Join(a.cfg.DataDir, "certificates")),
		}
		a.webTLS = m.TLSConfig()
	}
	a.turnTLS = a.webTLS
	if c := a.cfg.TURN; c.TLSCert != "" {
		pair, err := tls.LoadX509KeyPair(c.TLSCert, c.TLSKey)
		if err != nil {
			return fmt.Errorf("read turn.tls_cert and turn.tls_key: %w", err)
		}
		a.turnTLS = &tls.Config{Certificates: []tls.Certificate{pair}}
	}
	return nil
}

// startTURN starts the relay to the media port.
func (a *App) startTURN(context.Context) error {
	c := a.cfg.TURN
	if !c.Enabled {
		return nil
	}
	cfg := turn.Config{
		Address:        c.Address,
		Media:          netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), uint16(a.engine.Port())),
		Peers:          func() []netip.Addr { return candidateIPs(a.cfg.RTC.AdvertisedIPs) },
		Lifetime:       c.CredentialTTL,
		MaxAllocations: c.MaxAllocations, MaxPerUser: c.MaxPerUser, MaxPerIP: c.MaxPerIP,
		Logger: a.log.With("part", "turn"),
	}
	switch {
	case c.TLSAddress == "":
	case a.turnTLS == nil:
		a.log.Info("no TURN over TLS: it needs a certificate, see http.tls_cert and turn.tls_cert", "part", "turn")
	default:
		cfg.TLSAddress, cfg.TLS = c.TLSAddress, a.turnTLS
	}
	relay, err := turn.New(cfg)
	if err != nil {
		return fmt.Errorf("%w; is another TURN server running? Set turn.address and turn.tls_address", err)
	}
	a.relay = relay
	a.onClose("turn", relay.Close)
	return nil
}

// candidateIPs are the addresses that browsers may be told to send media to.
func candidateIPs(advertised []string) []netip.Addr {
	list := []netip.Addr{}
	for _, s := range advertised {
		if ip, err := netip.ParseAddr(s); err == nil {
			list = append(list, ip)
		}
	}
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		addrs = nil // loopback alone, as on a machine without a network
	}
	for _, a := range addrs {
		if p, err := netip.ParsePrefix(a.String()); err == nil {
			list = append(list, p.Addr())
		}
	}
	return append(list, netip.AddrFrom4([4]byte{127, 0, 0, 1}), netip.IPv6Loopback())
}

// relays names the relay for pages as they name us (signaling.Relays).
func (a *App) relays(r *http.Request) func(track.MemberID) []wire.ICEServer {
	if a.relay == nil {
		return nil
	}
	urls := a.relayURLs(r)
	if len(urls) == 0 {
		return nil
	}
	return func(id track.MemberID) []wire.ICEServer {
		username, password := a.relay.Credentials(string(id))
		return []wire.ICEServer{{URLs: urls, Username: username, Credential: password}}
	}
}

// relayURLs are the ways to the relay (RFC 7065), those through the most firewalls
// last: browsers try all.
func (a *App) relayURLs(r *http.Request) []string {
	name, port := hostPort(r)
	direct := a.cfg.TURN.ShareHTTP && isDirect(r)
	if host := a.cfg.TURN.Host; host != "" {
		direct = direct && host == name
		name = host
	}
	if name == "" {
		return nil
	}
	at := func(scheme string, port int, transport string) string {
		return scheme + ":" + net.JoinHostPort(name, strconv.Itoa(port)) + "?transport=" + transport
	}
	var urls []string
	if n := a.relay.Port(); n != 0 {
		urls = append(urls, at("turn", n, "udp"), at("turn", n, "tcp"))
	}
	if n := a.relay.TLSPort(); n != 0 {
		urls = append(urls, at("turns", n, "tcp"))
	}
	switch {
	case direct && r.TLS != nil:
		urls = append(urls, at("turns", port, "tcp"))
	case direct:
		urls = append(urls, at("turn", port, "tcp"))
	}
	return urls
}

// hostPort is the name and the port under which a page reached us.
func hostPort(r *http.Request) (name string, port int) {
	name, text, err := net.SplitHostPort(r.Host)
	if err == nil {
		port, _ = strconv.Atoi(text)
		return name, port
	}
	if port = 80; r.TLS != nil {
		port = 443
	}
	return strings.Trim(r.Host, "[]"), port
}

// isDirect tells whether a page's connection ends here, not at a proxy, which
// would not pass TURN on. A proxy shows by what it forwards, or by pages that
// came over HTTPS while it asks us without.
func isDirect(r *http.Request) bool {
	if r.Header.Get("X-Forwarded-For") != "" || r.Header.Get("X-Forwarded-Proto") != "" || r.Header.Get("Via") != "" {
		return false
	}
	origin, err := url.Parse(r.Header.Get("Origin"))
	return err != nil || origin.Host != r.Host || (origin.Scheme == "https") == (r.TLS != nil)
}

// readRelay reads the counters of the relay.
func (a *App) readRelay(value func(name, help string, v float64, labels ...[2]string)) {
	if a.relay == nil {
		return
	}
	s := a.relay.Stats()
	value("turn_allocations", "Relays open.", float64(s.Allocations))
	value("turn_connections", "Connections of TURN clients over TCP and TLS.", float64(s.Connections))
	value("turn_allocations_total", "Relays ever opened.", float64(s.Allocated))
	up, down := [2]string{"direction", "up"}, [2]string{"direction", "down"}
	value("turn_relayed_packets_total", "Packets relayed.", float64(s.Up.Packets), up)
	value("turn_relayed_packets_total", "Packets relayed.", float64(s.Down.Packets), down)
	value("turn_relayed_bytes_total", "Their payload.", float64(s.Up.Bytes), up)
	value("turn_relayed_bytes_total", "Their payload.", float64(s.Down.Bytes), down)
	value("turn_dropped_packets_total", "Packets that slow clients did not get.", float64(s.Dropped))
	for why := range turn.Refusals {
		value("turn_refused_total", "Requests and connections refused.", float64(s.Refused[why]), [2]string{"reason", why.String()})
	}
}
