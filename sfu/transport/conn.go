package transport

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Conn is the connection to one peer.
type Conn struct {
	// Static after construction.
	port    *Port
	handler Handler
	log     *slog.Logger
	// lifetime ends in Close; wg counts the goroutines.
	lifetime context.Context
	cancel   context.CancelFunc
	wg       sync.WaitGroup
	closing  sync.Once

	// Of the reader and of whoever asks.
	in        atomic.Pointer[unprotector] // nil before the handshake
	heard     atomic.Int64                // when an authentic packet came last, Unix ns
	receiving atomic.Bool                 // deliver runs
	inbox     inbox
	drops     drops
	count     struct {
		received, receivedBytes, control, nominations atomic.Uint64
	}

	// delivering is held while the handler takes RTCP, and while that is decrypted.
	delivering sync.Mutex

	mu        sync.Mutex
	closed    bool
	state     State
	changes   []State // not yet told
	telling   bool
	begun     time.Time     // when the state became Connecting
	broken    bool          // the handshake failed
	gone      bool          // the peer said good-bye
	local     []credentials // of one or two generations, the newest last
	remote    Remote
	known     bool    // remote is set
	paths     []*path // proved addresses
	nominated *path
	handshake *handshakeConn // until it has ended
	secured   *session       // what is left of DTLS after it

	// What sends. route is nominated while the state allows to send.
	sending  sync.Mutex
	route    *path
	out      protector
	outgoing outgoing
	header   [headerRoom]byte
	sent     struct{ packets, bytes, control uint64 }
}

func newConn(p *Port, cfg ConnConfig) *Conn {
	c := &Conn{port: p, handler: cfg.Handler, log: cfg.Logger, local: []credentials{newCredentials()}}
	c.inbox.wake = make(chan struct{}, 1)
	c.lifetime, c.cancel = context.WithCancel(context.Background())
	return c
}

// Local returns our parameters, the newest after Restart.
func (c *Conn) Local() Parameters {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.parametersLocked()
}

func (c *Conn) parametersLocked() Parameters {
	l := c.local[len(c.local)-1]
	return Parameters{Ufrag: l.ufrag, Pwd: l.pwd, Fingerprint: c.port.fingerprint}
}

// SetRemote takes what the peer says about itself, at first and after Restart. The
// fingerprints and the role cannot change, because there is one handshake.
func (c *Conn) SetRemote(r Remote) error {
	if err := r.check(); err != nil {
		return err
	}
	r.Fingerprints = slices.Clone(r.Fingerprints)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return ErrClosed
	}
	if c.known && (r.DTLSRole != c.remote.DTLSRole || !slices.Equal(r.Fingerprints, c.remote.Fingerprints)) {
		return fmt.Errorf("%w: another certificate or DTLS role needs a new connection", ErrParameters)
	}
	c.remote = r
	c.local[len(c.local)-1].peer = r.Ufrag
	if !c.known {
		c.known, c.begun, c.handshake = true, time.Now(), newHandshakeConn(c)
		c.becomeLocked(Connecting)
	}
	return nil
}

// Restart makes new credentials for an ICE restart (RFC 8445 §9). Media goes on over
// the old path until the peer nominates one with them.
func (c *Conn) Restart() Parameters {
	fresh := newCredentials()
	c.mu.Lock()
	old := ""
	if len(c.local) > 1 { // an earlier restart that came to nothing
		old = c.local[1].ufrag
		c.local = c.local[:1]
	}
	c.local = append(c.local, fresh)
	parameters := c.parametersLocked()
	c.mu.Unlock()
	if old != "" {
		c.port.rename(c, old, false)
	}
	c.port.rename(c, fresh.ufrag, true)
	return parameters
}

// becomeLocked changes the state and tells the handler.
func (c *Conn) becomeLocked(s State) {
	if c.state == s || c.state == Closed {
		return
	}
	c.state = s
	c.changes = append(c.changes, s)
	if !c.telling {
		c.telling = true
		c.wg.Go(c.tell)
	}
}

// tell tells the handler of changes until it has heard of all.
func (c *Conn) tell() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for len(c.changes) > 0 {
		s := c.changes[0]
		c.changes = c.changes[1:]
		c.mu.Unlock()
		c.log.Debug("media transport", "state", s.String())
		c.handler.StateChanged(s)
		c.mu.Lock()
	}
	c.telling = false
}

// updateLocked finds the state from what is known. Without consent nothing is sent
// (RFC 7675 §5.1).
func (c *Conn) updateLocked(now time.Time) {
	if c.closed || !c.known {
		return
	}
	ready := c.secured != nil && c.nominated != nil
	quiet := now.Sub(c.heardAt())
	switch {
	case c.gone:
		c.becomeLocked(Closed)
	case c.broken, ready && quiet >= c.port.cfg.Failed, !ready && now.Sub(c.begun) >= c.port.cfg.Failed:
		c.becomeLocked(Failed)
	case !ready:
		c.becomeLocked(Connecting)
	case quiet >= c.port.cfg.Disconnected:
		c.becomeLocked(Disconnected)
	default:
		c.becomeLocked(Connected)
	}
	route := c.nominated
	if c.state != Connected && c.state != Disconnected {
		route = nil
	}
	c.sending.Lock()
	c.route = route
	c.sending.Unlock()
}

// look does what time asks for.
func (c *Conn) look(now time.Time) {
	c.mu.Lock()
	stale := c.staleLocked(now)
	if c.secured != nil {
		c.secured.age(now)
	}
	c.updateLocked(now)
	c.mu.Unlock()
	c.port.release(stale...)
}

// hear notes that an authentic packet came.
func (c *Conn) hear(now time.Time) { c.heard.Store(now.UnixNano()) }

func (c *Conn) heardAt() time.Time { return time.Unix(0, c.heard.Load()) }

// takeRTCP decrypts a compound packet and hands it over, on the reader.
func (c *Conn) takeRTCP(b []byte, now time.Time) {
	in := c.in.Load()
	if in == nil {
		c.drop(DropEarly)
		return
	}
	c.delivering.Lock()
	defer c.delivering.Unlock()
	plain, v := (*in).openRTCP(b, now)
	if v != accepted {
		c.drop(Drop(v))
		return
	}
	if c.ended() {
		return
	}
	c.hear(now)
	c.count.control.Add(1)
	c.handler.RTCP(plain, now)
}

func (c *Conn) drop(why Drop) {
	c.drops[why].Add(1)
	c.port.drops[why].Add(1)
}

// ended tells whether Close was called.
func (c *Conn) ended() bool { return c.lifetime.Err() != nil }

// Stats returns what the connection has done so far.
func (c *Conn) Stats() ConnStats {
	s := ConnStats{PacketsReceived: c.count.received.Load(), BytesReceived: c.count.receivedBytes.Load(),
		ControlReceived: c.count.control.Load(), Nominations: c.count.nominations.Load(), Drops: c.drops.load()}
	c.mu.Lock()
	s.State = c.state
	if pa := c.nominated; pa != nil {
		s.Address, s.Network = pa.address, "udp"
		if pa.tcp != nil {
			s.Network = "tcp"
		}
	}
	c.mu.Unlock()
	c.sending.Lock()
	s.PacketsSent, s.BytesSent, s.ControlSent = c.sent.packets, c.sent.bytes, c.sent.control
	c.sending.Unlock()
	return s
}

// Close says good-bye to the peer, ends everything and waits. The handler is not
// called after it. It must not be called from the handler. Closing again is no
// error.
func (c *Conn) Close() error {
	c.closing.Do(c.close)
	return nil
}

func (c *Conn) close() {
	c.mu.Lock()
	c.becomeLocked(Closed)
	c.closed = true
	local, paths, pa, s := c.local, c.paths, c.nominated, c.secured
	c.paths, c.nominated = nil, nil
	c.mu.Unlock()
	c.cancel()
	c.sending.Lock()
	c.route = nil
	c.sending.Unlock()
	c.port.forget(c, local, paths)
	if s != nil && pa != nil {
		pa.send(s.goodbye())
	}
	for _, pa := range paths {
		if pa.tcp != nil {
			pa.tcp.drain()
		}
	}
	c.wg.Wait()
	c.delivering.Lock() // RTCP under way has been taken
	defer c.delivering.Unlock()
	for _, p := range c.inbox.take(nil) {
		packets.Put(p)
	}
}
