package turn

import (
	"errors"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/meetcast/meetcast/internal/subscriber"
)

const (
	// firstFrame is how long a connection may live without an allocation.
	firstFrame = 30 * time.Second
	// silence is how long one with an allocation may send nothing: clients refresh
	// at least every ten minutes (RFC 8656 §3.2).
	silence = 11 * time.Minute
	// writeTimeout gives up a client that does not read.
	writeTimeout = 10 * time.Second
)

// streams are the connections over TCP and TLS: a net.Listener for pion, fed by
// Serve.
type streams struct {
	server *Server
	queue  chan *stream
	done   chan struct{}
	live   sync.WaitGroup // connections that pion or Serve still holds

	mu     sync.Mutex
	closed bool
	all    map[ends]*stream
	ips    map[netip.Prefix]int
}

// ends tell a connection from all others.
type ends struct{ from, to string }

func newStreams(s *Server) *streams {
	return &streams{server: s, queue: make(chan *stream), done: make(chan struct{}),
		all: make(map[ends]*stream), ips: make(map[netip.Prefix]int)}
}

// Serve takes a connection over which a client speaks TURN, with TLS or without.
// It is the server's from now on, and closed when it is over or one too many.
func (s *Server) Serve(conn net.Conn) {
	c, err := s.streams.add(conn)
	if err != nil {
		_ = conn.Close()
		return
	}
	go func() {
		if handshake(conn) != nil {
			s.count.refuse(RefusedFrame)
			_ = c.Close()
			return
		}
		select {
		case s.streams.queue <- c:
		case <-s.streams.done:
			_ = c.Close()
		}
	}()
}

// add counts a connection in.
func (l *streams) add(conn net.Conn) (*stream, error) {
	cfg := &l.server.cfg
	from := subscriber.OfAddr(conn.RemoteAddr())
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.closed:
		return nil, net.ErrClosed
	case len(l.all) >= cfg.MaxAllocations:
		l.server.count.refuse(RefusedFull)
		return nil, errFull
	case l.ips[from] >= cfg.MaxPerIP:
		l.server.count.refuse(RefusedIP)
		return nil, errFull
	}
	c := &stream{Conn: conn, streams: l, opened: time.Now(), ends: ends{conn.RemoteAddr().String(), conn.LocalAddr().String()}}
	_ = conn.SetDeadline(c.opened.Add(firstFrame))
	l.all[c.ends] = c
	l.ips[from]++
	l.live.Add(1)
	return c, nil
}

func (l *streams) remove(c *stream) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.all[c.ends] == c { // a client may come from the same port again
		delete(l.all, c.ends)
	}
	ip := subscriber.OfAddr(c.RemoteAddr())
	if l.ips[ip]--; l.ips[ip] <= 0 {
		delete(l.ips, ip)
	}
	l.live.Done()
}

// allocated notes that the connection between two addresses, if there is one, got
// or lost an allocation.
func (l *streams) allocated(from, to net.Addr, by int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if c := l.all[ends{from.String(), to.String()}]; c != nil {
		c.mu.Lock()
		c.allocations += by
		c.mu.Unlock()
	}
}

// open is how many connections there are.
func (l *streams) open() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.all)
}

// end closes all connections and waits until nobody holds one.
func (l *streams) end() {
	l.mu.Lock()
	l.closed = true
	for _, c := range l.all {
		_ = c.Conn.Close()
	}
	l.mu.Unlock()
	close(l.done)
	l.live.Wait()
}

// Accept implements net.Listener.
func (l *streams) Accept() (net.Conn, error) {
	select {
	case c := <-l.queue:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

// Addr implements net.Listener.
func (l *streams) Addr() net.Addr { return &net.TCPAddr{} }

// Close implements net.Listener; end does it.
func (l *streams) Close() error { return nil }

// stream is one connection. Its Read returns exactly one whole and well-formed
// frame, so that nothing behind it has to trust a length of the network.
type stream struct {
	net.Conn
	streams *streams
	opened  time.Time
	ends    ends
	once    sync.Once

	frame  [maxFrame]byte
	length int // of frame, 0 when there is none
	taken  int // of frame, by Read

	mu          sync.Mutex
	allocations int
}

// Read returns the next frame, or what did not fit of the last one.
func (c *stream) Read(b []byte) (int, error) {
	if c.taken >= c.length {
		_ = c.SetReadDeadline(c.patience())
		var err error
		if c.length, err = readFrame(c.Conn, c.frame[:]); err != nil {
			c.length = 0
			if errors.Is(err, errFrame) {
				c.streams.server.count.refuse(RefusedFrame)
			}
			return 0, err
		}
		c.taken = 0
	}
	n := copy(b, c.frame[c.taken:c.length])
	c.taken += n
	return n, nil
}

// patience is until when the next frame has to be there.
func (c *stream) patience() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.allocations > 0 {
		return time.Now().Add(silence)
	}
	return c.opened.Add(firstFrame)
}

// Write sends a frame; a client that takes none any more is given up.
func (c *stream) Write(b []byte) (int, error) {
	_ = c.SetWriteDeadline(time.Now().Add(writeTimeout))
	n, err := c.Conn.Write(b)
	if err != nil {
		_ = c.Conn.Close() // its reader ends, too
	}
	return n, err
}

// Close is called by who holds the connection when it is done with it.
func (c *stream) Close() error {
	err := c.Conn.Close()
	c.once.Do(func() { c.streams.remove(c) })
	return err
}
