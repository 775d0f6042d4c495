// Package turn is the embedded TURN server (RFC 8656, over UDP, TCP and TLS) for
// browsers whose network lets nothing through to the media port. It relays to
// one place only, the media port of this very server:
//
//	browser ── ChannelData ──> Server ── relay ──> 127.0.0.1:media port
//
// A relay is what an allocation has instead of a public address. The client names
// a candidate of the server as its peer; whichever it names, the packets go over
// the loopback to the media port. Any other peer is refused, and even a mistake
// in that check could not send a packet elsewhere: the relay's socket is connected
// to the media port.
//
// pion/turn speaks the protocol. What it leaves to its user is here: credentials,
// quotas, bounded connections with deadlines, strict framing, and an orderly end.
package turn

import (
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/pion/turn/v5"
)

// Defaults of Config.
const (
	DefaultRealm          = "meetcast"
	DefaultLifetime       = 12 * time.Hour
	DefaultMaxAllocations = 2000
	DefaultMaxPerUser     = 24
	DefaultMaxPerIP       = 400
)

// Config of a Server.
type Config struct {
	// Address takes UDP and TCP on the same port number, as in ":3478"; port 0
	// picks one. Empty: only connections given to Serve.
	Address string
	// TLSAddress takes TURN over TLS, empty for nowhere. It needs TLS.
	TLSAddress string
	TLS        *tls.Config
	// Media is where all relayed packets go: the media port over the loopback.
	Media netip.AddrPort
	// Peers are the addresses that clients may name as their peer: those of our
	// own candidates. Their port is that of Media. It is asked again now and then.
	Peers func() []netip.Addr
	// Realm of the credentials.
	Realm string
	// Lifetime is how long credentials open allocations.
	Lifetime time.Duration
	// MaxAllocations bounds all allocations and the connections over TCP,
	// MaxPerUser and MaxPerIP those of one user and of one address.
	MaxAllocations, MaxPerUser, MaxPerIP int
	// Now is the time of day for credentials; nil is time.Now.
	Now func() time.Time
	// Logger is never used per packet; nil discards.
	Logger *slog.Logger
}

func (c *Config) check() error {
	if !c.Media.IsValid() || c.Media.Port() == 0 {
		return errors.New("no media port to relay to")
	}
	if c.Peers == nil {
		c.Peers = func() []netip.Addr { return nil }
	}
	if c.TLSAddress != "" && c.TLS == nil {
		return errors.New("an address for TLS, but no certificate")
	}
	if c.Realm == "" {
		c.Realm = DefaultRealm
	}
	defaults := []struct{ v, d *int }{
		{&c.MaxAllocations, ptr(DefaultMaxAllocations)}, {&c.MaxPerUser, ptr(DefaultMaxPerUser)}, {&c.MaxPerIP, ptr(DefaultMaxPerIP)},
	}
	for _, x := range defaults {
		if *x.v <= 0 {
			*x.v = *x.d
		}
	}
	if c.Lifetime <= 0 {
		c.Lifetime = DefaultLifetime
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return nil
}

func ptr[T any](v T) *T { return &v }

// Server takes allocations until it is closed.
type Server struct {
	// Static after construction.
	cfg     Config
	secret  []byte // of the credentials; dies with the process
	peers   peers
	pion    *turn.Server
	udp     *datagrams // nil without Address
	streams *streams
	sockets []net.Listener // what Serve is fed from
	close   func() error   // once

	accepting sync.WaitGroup // accept loops
	relays    sync.WaitGroup // twice for each relay: until it is closed, and read no more
	count     counters

	mu     sync.Mutex
	closed bool
	users  map[string]int       // relays of each user
	ips    map[netip.Prefix]int // allocations of each subscriber's address
	open   int                  // relays
}

// New listens and serves.
func New(cfg Config) (*Server, error) {
	if err := cfg.check(); err != nil {
		return nil, fmt.Errorf("configure TURN: %w", err)
	}
	s := &Server{
		cfg: cfg, secret: make([]byte, 32), peers: peers{list: cfg.Peers},
		users: make(map[string]int), ips: make(map[netip.Prefix]int),
	}
	_, _ = rand.Read(s.secret) // never fails
	s.streams = newStreams(s)
	s.close = sync.OnceValue(s.shut)
	if err := s.listen(); err != nil {
		return nil, errors.Join(err, s.closeSockets())
	}
	if err := s.start(); err != nil {
		return nil, errors.Join(fmt.Errorf("start TURN: %w", err), s.closeSockets())
	}
	for _, l := range s.sockets {
		s.accepting.Go(func() { s.accept(l) })
	}
	return s, nil
}

// start hands the sockets to pion.
func (s *Server) start() error {
	config := turn.ServerConfig{
		Realm: s.cfg.Realm, AuthHandler: s.authenticate, QuotaHandler: s.withinQuota,
		EventHandler: turn.EventHandler{
			OnAuth: s.onAuth, OnAllocationCreated: s.onCreated, OnAllocationDeleted: s.onDeleted,
		},
		LoggerFactory: logFactory{s.cfg.Logger},
		InboundMTU:    maxFrame + 1, // pion wants one byte more than the largest
		// A browser that reaches us over IPv6 still pairs with our IPv4 candidates
		// (RFC 8656 §7.2: IPv4 is what is not asked for otherwise).
		StrictAddressFamily: s.peers.anyIPv4(),
		ListenerConfigs: []turn.ListenerConfig{{
			Listener: s.streams, RelayAddressGenerator: generator{s}, PermissionHandler: s.permits,
		}},
	}
	if s.udp != nil {
		config.PacketConnConfigs = []turn.PacketConnConfig{{
			PacketConn: s.udp, RelayAddressGenerator: generator{s}, PermissionHandler: s.permits,
		}}
	}
	var err error
	s.pion, err = turn.NewServer(config)
	return err
}

// permits tells whether a client may name an address as its peer. The port is
// checked with each packet.
func (s *Server) permits(_ net.Addr, peer net.IP) bool {
	ip, ok := netip.AddrFromSlice(peer)
	if ok && s.peers.has(ip.Unmap()) {
		return true
	}
	s.count.refuse(RefusedPeer)
	return false
}

// Close ends all allocations and waits. Closing again returns what the first
// time did.
func (s *Server) Close() error { return s.close() }

func (s *Server) shut() error {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	var errs []error
	for _, l := range s.sockets {
		errs = append(errs, l.Close())
	}
	s.accepting.Wait()
	s.streams.end()
	// pion closes the datagram socket and ends its loops, which close the relays.
	errs = append(errs, s.pion.Close())
	s.relays.Wait()
	return errors.Join(errs...)
}
