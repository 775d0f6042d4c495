package transport

import (
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// tick is how often all peers are looked after.
const tick = 200 * time.Millisecond

// Port carries all peers over one UDP port and, where it is open, the TCP port of
// the same number.
type Port struct {
	// Static after construction.
	cfg         Config
	log         *slog.Logger
	fingerprint Fingerprint

	// loops counts the goroutines of the port; done stops the ticking.
	loops   sync.WaitGroup
	done    chan struct{}
	closing sync.Once

	requests, handshakes, refused atomic.Uint64
	drops                         drops

	mu    sync.RWMutex
	users map[string]*Conn         // by our user name
	paths map[netip.AddrPort]*path // UDP addresses that peers have proved
	conns map[*Conn]struct{}
	tcp   map[*client]struct{}
	// unproven counts the clients of tcp without an authentic request, by group.
	unproven      map[netip.Prefix]int
	unprovenTotal int
	closed        bool
}

// NewPort begins to read the sockets. The port closes them, also when it returns an
// error.
func NewPort(cfg Config) (*Port, error) {
	if cfg.Disconnected <= 0 {
		cfg.Disconnected = DefaultDisconnected
	}
	if cfg.Failed <= 0 {
		cfg.Failed = max(DefaultFailed, cfg.Disconnected)
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.Sockets == nil {
		return nil, errors.New("open media transport: no sockets")
	}
	if len(cfg.Certificate.Certificate) == 0 {
		return nil, errors.Join(errors.New("open media transport: no certificate"), cfg.Sockets.Close())
	}
	p := &Port{cfg: cfg, log: cfg.Logger, done: make(chan struct{}), users: make(map[string]*Conn),
		paths: make(map[netip.AddrPort]*path), conns: make(map[*Conn]struct{}), tcp: make(map[*client]struct{}), unproven: make(map[netip.Prefix]int)}
	p.fingerprint.Algorithm = "sha-256"
	p.fingerprint.Value, _ = fingerprint(p.fingerprint.Algorithm, cfg.Certificate.Certificate[0])
	p.loops.Go(p.read)
	p.loops.Go(p.look)
	if cfg.Sockets.TCP != nil {
		p.loops.Go(p.accept)
	}
	return p, nil
}

// NewConn makes a connection that waits for SetRemote and the peer's checks.
func (p *Port) NewConn(cfg ConnConfig) (*Conn, error) {
	if cfg.Handler == nil {
		return nil, errors.New("make media connection: no handler")
	}
	if cfg.Logger == nil {
		cfg.Logger = p.log
	}
	c := newConn(p, cfg)
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil, ErrClosed
	}
	p.conns[c] = struct{}{}
	p.users[c.local[0].ufrag] = c
	return c, nil
}

// read takes all packets from UDP.
func (p *Port) read() {
	r := reader{port: p}
	err := p.cfg.Sockets.Receive(r.udp, r.pause)
	p.mu.RLock()
	defer p.mu.RUnlock()
	if !p.closed {
		p.log.Error("media port is lost", "error", err)
	}
}

// look looks after all peers: who has gone quiet, what has taken too long.
func (p *Port) look() {
	t := time.NewTicker(tick)
	defer t.Stop()
	for {
		select {
		case <-p.done:
			return
		case <-t.C:
			now := time.Now()
			for _, c := range p.all() {
				c.look(now)
			}
		}
	}
}

func (p *Port) all() []*Conn {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return slices.Collect(maps.Keys(p.conns))
}

// user returns the peer that has a user name of ours, nil for none.
func (p *Port) user(ufrag []byte) *Conn {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return p.users[string(ufrag)]
}

// path returns the path with an address that a peer has proved, nil for none.
func (p *Port) path(from netip.AddrPort) *path {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return p.paths[from]
}

// claim gives a proved address to a path. It fails while another peer uses it: else
// members could take each other's addresses away by naming them as the source.
func (p *Port) claim(pa *path, now time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if old := p.paths[pa.address]; old != nil && old.conn != pa.conn && now.Sub(old.conn.heardAt()) < takeover {
		return false
	}
	p.paths[pa.address] = pa
	return !p.closed
}

// release takes addresses back.
func (p *Port) release(paths ...*path) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, pa := range paths {
		if pa.tcp == nil && p.paths[pa.address] == pa {
			delete(p.paths, pa.address)
		}
	}
}

// rename adds a user name of a peer, or takes one away.
func (p *Port) rename(c *Conn, ufrag string, add bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case !add:
		delete(p.users, ufrag)
	default:
		if _, ok := p.conns[c]; ok {
			p.users[ufrag] = c
		}
	}
}

// forget takes a peer out.
func (p *Port) forget(c *Conn, ufrags []credentials, paths []*path) {
	p.mu.Lock()
	delete(p.conns, c)
	for _, l := range ufrags {
		delete(p.users, l.ufrag)
	}
	p.mu.Unlock()
	p.release(paths...)
}

// Stats returns what the port has done so far.
func (p *Port) Stats() Stats {
	p.mu.RLock()
	defer p.mu.RUnlock()
	s := Stats{Conns: len(p.conns), Addresses: len(p.paths), TCP: len(p.tcp), Requests: p.requests.Load(),
		Handshakes: p.handshakes.Load(), Refused: p.refused.Load(), Drops: p.drops.load()}
	s.Drops[DropMalformed] += p.cfg.Sockets.Stats().Oversized
	return s
}

// Close closes all peers and the sockets, and waits. Closing again is no error.
func (p *Port) Close() error {
	var err error
	p.closing.Do(func() { err = p.close() })
	return err
}

func (p *Port) close() error {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	var wg sync.WaitGroup
	for _, c := range p.all() {
		wg.Go(func() { _ = c.Close() })
	}
	wg.Wait()
	close(p.done)
	err := p.cfg.Sockets.Close()
	p.mu.RLock()
	clients := slices.Collect(maps.Keys(p.tcp))
	p.mu.RUnlock()
	for _, c := range clients {
		c.end()
	}
	p.loops.Wait()
	if err != nil {
		return fmt.Errorf("close media port: %w", err)
	}
	return nil
}
