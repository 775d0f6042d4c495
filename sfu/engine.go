package sfu

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/pion/dtls/v3"
	"github.com/pion/ice/v4"
	"github.com/pion/webrtc/v4"

	"github.com/meetcast/meetcast/sfu/netio"
)

// ICE timeouts: a peer counts as disconnected after seconds without any packet
// and as failed when its member would be given up anyway.
const (
	iceDisconnected = 5 * time.Second
	iceFailed       = 30 * time.Second
	iceKeepalive    = 2 * time.Second
	// tcpBuffer is what may wait for one client on ICE-TCP, bytes; more is
	// dropped, so that a slow client never holds a publisher up.
	tcpBuffer = 1 << 20
)

// Engine owns the media port and all peers.
type Engine struct {
	// Static after construction.
	cfg     Config
	sockets *netio.Sockets
	udp     ice.UDPMux
	tcp     ice.TCPMux
	api     *webrtc.API
	cert    webrtc.Certificate

	mu     sync.Mutex
	peers  map[*Peer]struct{}
	closed bool
	gone   Stats // of closed peers
}

// New opens the media port.
func New(cfg Config) (*Engine, error) {
	if err := cfg.check(); err != nil {
		return nil, fmt.Errorf("configure media engine: %w", err)
	}
	sockets, err := netio.Open(netio.Config{IP: cfg.BindIP, Port: cfg.UDPPort, TCP: cfg.TCP})
	if err != nil {
		return nil, err
	}
	e := &Engine{cfg: cfg, sockets: sockets, peers: make(map[*Peer]struct{})}
	if err := e.build(); err != nil {
		return nil, errors.Join(fmt.Errorf("build media engine: %w", err), e.closePort())
	}
	return e, nil
}

// build sets up what all peers share.
func (e *Engine) build() error {
	log := logFactory{e.cfg.Logger}
	e.udp = ice.NewUDPMuxDefault(ice.UDPMuxParams{UDPConn: e.sockets.UDP, Logger: log.NewLogger("udp")})
	if e.sockets.TCP != nil {
		e.tcp = ice.NewTCPMuxDefault(ice.TCPMuxParams{Listener: e.sockets.TCP, Logger: log.NewLogger("tcp"),
			ReadBufferSize: 32, WriteBufferSize: tcpBuffer, FirstStunBindTimeout: 10 * time.Second})
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	cert, err := webrtc.GenerateCertificate(key)
	if err != nil {
		return err
	}
	e.cert = *cert
	settings, err := e.settings(log)
	if err != nil {
		return err
	}
	media, err := newMediaEngine()
	if err != nil {
		return err
	}
	interceptors, err := newInterceptors(log)
	if err != nil {
		return err
	}
	e.api = webrtc.NewAPI(webrtc.WithSettingEngine(settings), webrtc.WithMediaEngine(media), webrtc.WithInterceptorRegistry(interceptors))
	return nil
}

func (e *Engine) settings(log logFactory) (webrtc.SettingEngine, error) {
	s := webrtc.SettingEngine{LoggerFactory: log}
	// ICE-lite (RFC 8445 §2.5): clients reach us at a known address, and we never
	// send to an address that a client has merely named.
	s.SetLite(true)
	s.SetICEUDPMux(e.udp)
	networks := []webrtc.NetworkType{webrtc.NetworkTypeUDP4, webrtc.NetworkTypeUDP6}
	if e.tcp != nil {
		s.SetICETCPMux(e.tcp)
		networks = append(networks, webrtc.NetworkTypeTCP4, webrtc.NetworkTypeTCP6)
	}
	s.SetNetworkTypes(networks)
	s.DisableActiveTCP(true)
	s.SetICEMulticastDNSMode(ice.MulticastDNSModeDisabled)
	s.SetIncludeLoopbackCandidate(e.cfg.Loopback)
	s.SetICETimeouts(iceDisconnected, iceFailed, iceKeepalive)
	// The client starts the handshake and offers its profiles, so that our order
	// decides: AES-GCM costs half of AES-CM with HMAC.
	s.SetSRTPProtectionProfiles(dtls.SRTP_AEAD_AES_128_GCM, dtls.SRTP_AES128_CM_HMAC_SHA1_80)
	if err := s.SetAnsweringDTLSRole(webrtc.DTLSRoleServer); err != nil {
		return s, err
	}
	if len(e.cfg.AdvertisedIPs) == 0 {
		return s, nil
	}
	return s, s.SetICEAddressRewriteRules(webrtc.ICEAddressRewriteRule{External: e.cfg.AdvertisedIPs,
		AsCandidateType: webrtc.ICECandidateTypeHost, Mode: webrtc.ICEAddressRewriteReplace})
}

// Port is the number of the media port.
func (e *Engine) Port() int { return e.sockets.Port() }

// NewPeer makes a connection that waits for its first offer.
func (e *Engine) NewPeer(cfg PeerConfig) (*Peer, error) {
	if cfg.Handler == nil {
		return nil, errors.New("make peer: no handler")
	}
	if cfg.Logger == nil {
		cfg.Logger = e.cfg.Logger
	}
	p, err := newPeer(e, cfg)
	if err != nil {
		return nil, fmt.Errorf("make peer: %w", err)
	}
	e.mu.Lock()
	closed := e.closed
	if !closed {
		e.peers[p] = struct{}{}
	}
	e.mu.Unlock()
	if closed {
		return nil, errors.Join(ErrClosed, p.Close())
	}
	return p, nil
}

// forget takes a closed peer out, keeping its counters.
func (e *Engine) forget(p *Peer) {
	s := p.Stats()
	e.mu.Lock()
	defer e.mu.Unlock()
	if _, ok := e.peers[p]; ok {
		delete(e.peers, p)
		e.gone.add(s)
	}
}

// Close closes all peers and the port, and waits. Closing again is no error.
func (e *Engine) Close() error {
	e.mu.Lock()
	e.closed = true
	var peers []*Peer
	for p := range e.peers {
		peers = append(peers, p)
	}
	e.mu.Unlock()
	var wg sync.WaitGroup
	errs := make([]error, len(peers)+1)
	for i, p := range peers {
		wg.Go(func() { errs[i] = p.Close() })
	}
	wg.Wait()
	errs[len(peers)] = e.closePort()
	return errors.Join(errs...)
}

func (e *Engine) closePort() error {
	var errs []error
	if e.tcp != nil {
		errs = append(errs, e.tcp.Close())
	}
	if e.udp != nil {
		errs = append(errs, e.udp.Close())
	}
	if err := errors.Join(errs...); err != nil {
		e.cfg.Logger.Debug("close media mux", "error", err)
	}
	return e.sockets.Close()
}
