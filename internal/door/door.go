// Package door lets one TCP port serve pages and TURN: a network that lets
// nobody through but to web pages then lets media through as well.
//
//	accept ── first byte ──┬─ STUN ──────────────────────────> TURN
//	                       ├─ HTTP ──────────────────────────> HTTP
//	                       └─ TLS ── handshake ── first byte ──┬─> TURN
//	                                                           └─> HTTP
//
// A client that names HTTP in its handshake (ALPN, RFC 7301) is not asked for a
// byte; browsers do for pages and do not for TURN.
package door

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/meetcast/meetcast/internal/subscriber"
	"github.com/meetcast/meetcast/sfu/turn"
)

const (
	// patience is how long a connection may take to say what it wants.
	patience = 10 * time.Second
	// undecided bounds the connections that have not said yet, undecidedOfOne those
	// of one subscriber, who so keeps nobody else out; more are closed.
	undecided      = 4096
	undecidedOfOne = undecided / 4
	// acceptPause is waited after an accept that failed, as without descriptors.
	acceptPause = 50 * time.Millisecond
	// recordTLS begins a TLS handshake (RFC 8446 §5.1).
	recordTLS = 0x16
)

// notTLS answers who speaks plain HTTP to a port with TLS.
const notTLS = "HTTP/1.0 400 Bad Request\r\nContent-Type: text/plain\r\n\r\nThis is an HTTPS server: use https://\n"

// Listener hands out the connections that want HTTP. It implements net.Listener.
type Listener struct {
	listener net.Listener
	tls      *tls.Config    // nil for plain HTTP
	relay    func(net.Conn) // takes the others; nil for nobody

	http    chan net.Conn
	done    chan struct{}
	close   func() error // once
	sorting sync.WaitGroup

	mu     sync.Mutex
	closed bool
	open   map[net.Conn]netip.Prefix // undecided, and whose they are
	from   map[netip.Prefix]int      // how many of them each has
}

// New takes a listener over. With a configuration for TLS its connections are
// handed out after the handshake. relay takes the connections of TURN clients and
// owns them; it must not block.
func New(l net.Listener, config *tls.Config, relay func(net.Conn)) *Listener {
	d := &Listener{listener: l, tls: config, relay: relay, http: make(chan net.Conn), done: make(chan struct{}),
		open: make(map[net.Conn]netip.Prefix), from: make(map[netip.Prefix]int)}
	d.close = sync.OnceValue(d.shut)
	d.sorting.Go(d.accept)
	return d
}

// Accept implements net.Listener.
func (d *Listener) Accept() (net.Conn, error) {
	select {
	case conn := <-d.http:
		return conn, nil
	case <-d.done:
		return nil, net.ErrClosed
	}
}

// Addr implements net.Listener.
func (d *Listener) Addr() net.Addr { return d.listener.Addr() }

// Close stops listening, closes what is undecided, and waits. Closing again
// returns what the first time did.
func (d *Listener) Close() error { return d.close() }

func (d *Listener) shut() error {
	err := d.listener.Close()
	d.mu.Lock()
	d.closed = true
	for conn := range d.open {
		_ = conn.Close()
	}
	d.mu.Unlock()
	close(d.done)
	d.sorting.Wait()
	return err
}

func (d *Listener) accept() {
	for {
		conn, err := d.listener.Accept()
		switch {
		case errors.Is(err, net.ErrClosed):
			return
		case err != nil:
			time.Sleep(acceptPause)
			continue
		}
		if !d.enter(conn) {
			_ = conn.Close()
			continue
		}
		d.sorting.Go(func() {
			sorted, err := d.sort(conn)
			d.leave(conn)
			if err != nil {
				_ = conn.Close()
				return
			}
			d.hand(sorted)
		})
	}
}

func (d *Listener) enter(conn net.Conn) bool {
	whose := subscriber.OfAddr(conn.RemoteAddr())
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed || len(d.open) >= undecided || d.from[whose] >= undecidedOfOne {
		return false
	}
	d.open[conn] = whose
	d.from[whose]++
	return true
}

func (d *Listener) leave(conn net.Conn) {
	d.mu.Lock()
	defer d.mu.Unlock()
	whose := d.open[conn]
	delete(d.open, conn)
	if d.from[whose]--; d.from[whose] <= 0 {
		delete(d.from, whose)
	}
}

// sorted is a connection and what it wants.
type sorted struct {
	conn net.Conn
	turn bool
}

// sort finds out what a connection wants.
func (d *Listener) sort(conn net.Conn) (sorted, error) {
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		return sorted{}, err
	}
	first, plain, err := peek(conn)
	switch {
	case err != nil:
		return sorted{}, err
	case d.relay != nil && turn.Begins(first):
		return sorted{plain, true}, conn.SetDeadline(time.Time{})
	case d.tls == nil:
		return sorted{plain, false}, conn.SetDeadline(time.Time{})
	case first != recordTLS:
		_, _ = conn.Read(make([]byte, 4096)) // what is unread at the close resets the answer
		_, _ = io.WriteString(conn, notTLS)
		return sorted{}, errors.New("not TLS")
	}
	return d.sortTLS(plain)
}

func (d *Listener) sortTLS(conn net.Conn) (sorted, error) {
	secure := tls.Server(conn, d.tls)
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := secure.HandshakeContext(ctx); err != nil {
		return sorted{}, err
	}
	state := secure.ConnectionState()
	if p := state.NegotiatedProtocol; d.relay == nil || p == "h2" || p == "http/1.1" {
		return sorted{secure, false}, conn.SetDeadline(time.Time{})
	}
	first, peeked, err := peek(secure)
	if err != nil {
		return sorted{}, err
	}
	return sorted{secureConn{peeked, state}, turn.Begins(first)}, conn.SetDeadline(time.Time{})
}

// hand gives a connection to who serves it.
func (d *Listener) hand(s sorted) {
	if s.turn {
		d.relay(s.conn)
		return
	}
	select {
	case d.http <- s.conn:
	case <-d.done:
		_ = s.conn.Close()
	}
}

// peekedConn is a connection whose first byte has been looked at.
type peekedConn struct {
	net.Conn
	first []byte // until it is read
}

func peek(conn net.Conn) (byte, net.Conn, error) {
	var b [1]byte
	if _, err := io.ReadFull(conn, b[:]); err != nil {
		return 0, nil, err
	}
	return b[0], &peekedConn{conn, b[:]}, nil
}

// Read implements net.Conn.
func (c *peekedConn) Read(b []byte) (int, error) {
	if len(c.first) > 0 && len(b) > 0 {
		n := copy(b, c.first)
		c.first = c.first[n:]
		return n, nil
	}
	return c.Conn.Read(b)
}

// secureConn tells net/http of the TLS below it.
type secureConn struct {
	net.Conn
	state tls.ConnectionState
}

// ConnectionState is that of the handshake.
func (c secureConn) ConnectionState() tls.ConnectionState { return c.state }
