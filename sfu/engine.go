package sfu

import (
	"errors"
	"fmt"
	"runtime"
	"sync"
	"time"

	"github.com/meetcast/meetcast/sfu/netio"
	"github.com/meetcast/meetcast/sfu/transport"
)

// A peer counts as disconnected after seconds without any packet, and as failed
// when its member would be given up anyway.
const (
	disconnectedAfter = 5 * time.Second
	failedAfter       = 30 * time.Second
)

// maxLoops bounds the goroutines that visit peers.
const maxLoops = 4

// Engine owns the media port and all peers.
type Engine struct {
	// Static after construction.
	cfg        Config
	sockets    *netio.Sockets
	port       *transport.Port
	candidates candidates
	loops      []*loop

	closing sync.Once

	mu     sync.Mutex
	peers  map[*Peer]struct{}
	made   int // peers ever
	closed bool
	gone   Stats // of closed peers
}

// New opens the media port.
func New(cfg Config) (*Engine, error) {
	if err := cfg.check(); err != nil {
		return nil, fmt.Errorf("configure media engine: %w", err)
	}
	cert, err := transport.NewCertificate()
	if err != nil {
		return nil, err
	}
	sockets, err := netio.Open(netio.Config{IP: cfg.BindIP, Port: cfg.UDPPort, TCP: cfg.TCP})
	if err != nil {
		return nil, err
	}
	port, err := transport.NewPort(transport.Config{Sockets: sockets, Certificate: cert,
		Disconnected: disconnectedAfter, Failed: failedAfter, Logger: cfg.Logger})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open media port: %w", err), sockets.Close())
	}
	e := &Engine{cfg: cfg, sockets: sockets, port: port, peers: make(map[*Peer]struct{}),
		candidates: candidates{cfg: cfg, port: sockets.Port(), tcp: sockets.TCP != nil}}
	for range min(runtime.GOMAXPROCS(0), maxLoops) {
		e.loops = append(e.loops, newLoop())
	}
	return e, nil
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
	p := newPeer(e, cfg)
	conn, err := e.port.NewConn(transport.ConnConfig{Handler: handler{p}, Logger: p.log})
	if errors.Is(err, transport.ErrClosed) {
		return nil, ErrClosed
	}
	if err != nil {
		return nil, fmt.Errorf("make peer: %w", err)
	}
	p.conn = conn
	e.mu.Lock()
	closed := e.closed
	e.made++
	p.loop = e.loops[e.made%len(e.loops)]
	if !closed {
		e.peers[p] = struct{}{}
	}
	e.mu.Unlock()
	if closed {
		return nil, errors.Join(ErrClosed, p.Close())
	}
	p.loop.add(p)
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
	var err error
	e.closing.Do(func() { err = e.close() })
	return err
}

func (e *Engine) close() error {
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
	for _, l := range e.loops {
		l.close()
	}
	errs[len(peers)] = e.port.Close()
	return errors.Join(errs...)
}
