package light

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/dtls/v3"
	"github.com/pion/rtp"
)

const (
	// keepalive is how often consent is asked for (RFC 7675 §5.1 has 5 s as the
	// mean; browsers ask every 2 s or so).
	keepalive = 2 * time.Second
	// consentLost is how long the server may be silent.
	consentLost = 6 * time.Second
	maxPacket   = 1500
)

// ErrClosed is returned after Close.
var ErrClosed = errors.New("connection is closed")

// Handler gets what arrives. RTP and RTCP run on the goroutine that reads the
// socket: they must not block, and nothing of their arguments may be kept.
type Handler interface {
	// RTP brings a decrypted packet: its header, its payload with any padding,
	// and its whole size in bytes.
	RTP(header *rtp.Header, payload []byte, size int, now time.Time)
	// RTCP brings a decrypted compound packet.
	RTCP(b []byte, now time.Time)
	// StateChanged tells that media can flow, or that the server is silent.
	StateChanged(connected bool)
}

// Config says what connections need.
type Config struct {
	Certificate tls.Certificate // may be shared by all
	Handler     Handler
	// Loss drops media packets; the zero value drops none. Stream tells the
	// random numbers of one connection from those of the next.
	Loss   Loss
	Stream uint64
}

// Credentials are one side's of an ICE generation (RFC 8839 §5.4).
type Credentials struct{ Ufrag, Pwd string }

// Remote is the server as its answer describes it.
type Remote struct {
	Credentials
	Fingerprint string // sha-256, hexadecimal with colons
	Candidates  []netip.AddrPort
}

// Stats count what did not get through.
type Stats struct {
	Undecipherable uint64 // packets that SRTP refused
	Overflows      uint64 // dropped by the kernel: this process was too slow
	Dropped        uint64 // on purpose, by Config.Loss
}

// Conn is one client's connection. It is safe for concurrent use.
type Conn struct {
	// Static after New.
	cfg        Config
	tiebreaker uint64
	pipe       *pipe
	down, up   *dice
	ctx        context.Context // ends with Close
	cancel     context.CancelFunc
	wg         sync.WaitGroup

	active atomic.Pointer[path]
	keys   atomic.Pointer[keys] // nil before DTLS is up

	inMu          sync.Mutex // two paths may be read for a moment
	outMu         sync.Mutex
	plain, sealed []byte     // under outMu
	outHead       rtp.Header // under outMu

	undecipherable, dropped, lostBefore atomic.Uint64

	mu        sync.Mutex
	local     Credentials
	remote    Remote
	dtls      *dtls.Conn
	watching  bool
	connected bool
	closed    bool
}

// New makes a connection without any I/O.
func New(cfg Config) *Conn {
	c := &Conn{cfg: cfg, tiebreaker: rand.Uint64(), local: newCredentials(),
		plain: make([]byte, maxPacket), sealed: make([]byte, 0, maxPacket),
		down: newDice(cfg.Loss.Down, cfg.Loss.Seed, 2*cfg.Stream), up: newDice(cfg.Loss.Up, cfg.Loss.Seed, 2*cfg.Stream+1)}
	c.pipe = newPipe(c)
	c.ctx, c.cancel = context.WithCancel(context.Background())
	return c
}

func newCredentials() Credentials {
	return Credentials{Ufrag: randomText(8), Pwd: randomText(24)}
}

// randomText is of ice-chars (RFC 8839 §5.4).
func randomText(n int) string {
	const chars = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+/"
	b := make([]byte, n)
	for i := range b {
		b[i] = chars[rand.IntN(len(chars))]
	}
	return string(b)
}

// Local returns the credentials for the next offer.
func (c *Conn) Local() Credentials {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.local
}

// Restart begins a new ICE generation for the next offer; media goes on over the
// old path until Connect has found the new one.
func (c *Conn) Restart() {
	c.mu.Lock()
	c.local = newCredentials()
	c.remote.Credentials = Credentials{}
	c.mu.Unlock()
}

// Connect finds a path to the server of an answer and, the first time, shakes
// hands over it. With the credentials that it knows already it does nothing.
func (c *Conn) Connect(ctx context.Context, remote Remote) error {
	c.mu.Lock()
	local, known, closed := c.local, c.remote.Credentials == remote.Credentials, c.closed
	if !closed {
		c.wg.Add(1) // what is started below is waited for by Close
		defer c.wg.Done()
	}
	c.mu.Unlock()
	if closed {
		return ErrClosed
	}
	if known && c.keys.Load() != nil {
		return nil
	}
	ctx, cancel := context.WithCancel(ctx)
	defer context.AfterFunc(c.ctx, cancel)()
	defer cancel()
	p, err := c.findPath(ctx, local, remote)
	if err != nil {
		return fmt.Errorf("find a path: %w", err)
	}
	if err := c.adopt(p, remote); err != nil {
		return err
	}
	if c.keys.Load() == nil {
		if err := c.handshake(ctx, remote.Fingerprint); err != nil {
			return err
		}
	}
	c.mu.Lock()
	first := !c.watching && !c.closed
	c.watching = c.watching || first
	if first {
		c.wg.Go(c.watch)
		c.wg.Go(c.awaitFarewell)
	}
	c.mu.Unlock()
	c.setConnected(true)
	return nil
}

// watch asks for consent until Close.
func (c *Conn) watch() {
	tick := time.NewTicker(keepalive)
	defer tick.Stop()
	for {
		select {
		case <-c.ctx.Done():
			return
		case now := <-tick.C:
			p := c.active.Load()
			p.ask()
			c.setConnected(now.UnixNano()-p.lastAnswer.Load() < int64(consentLost))
		}
	}
}

// awaitFarewell ends with the server's close_notify, or with Close.
func (c *Conn) awaitFarewell() {
	c.mu.Lock()
	conn := c.dtls
	c.mu.Unlock()
	buf := make([]byte, 256)
	for {
		if _, err := conn.Read(buf); err != nil {
			c.setConnected(false)
			return
		}
	}
}

func (c *Conn) setConnected(yes bool) {
	c.mu.Lock()
	changed := c.connected != yes && !(yes && c.closed)
	if changed {
		c.connected = yes
	}
	c.mu.Unlock()
	if changed {
		c.cfg.Handler.StateChanged(yes)
	}
}

// pause waits; false means that the connection was closed.
func (c *Conn) pause(d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-c.ctx.Done():
		return false
	case <-t.C:
		return true
	}
}

// Stats returns the counters.
func (c *Conn) Stats() Stats {
	s := Stats{Undecipherable: c.undecipherable.Load(), Dropped: c.dropped.Load(), Overflows: c.lostBefore.Load()}
	if p := c.active.Load(); p != nil {
		s.Overflows += overflows(p.sock)
	}
	return s
}

// Close says goodbye and waits for every goroutine. It is idempotent.
func (c *Conn) Close() error {
	c.mu.Lock()
	first := !c.closed
	c.closed = true
	conn := c.dtls
	c.mu.Unlock()
	if first {
		if conn != nil {
			_ = conn.Close()
		}
		c.cancel()
		_ = c.pipe.Close()
		if p := c.active.Load(); p != nil {
			p.sock.Close()
		}
	}
	c.wg.Wait()
	return nil
}

func isClosed(err error) bool { return errors.Is(err, net.ErrClosed) }
