package transport

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"sync"
	"time"
)

const (
	// tcpQueue is what may wait for one ICE-TCP client, bytes; more is dropped, so
	// that a slow client never holds a publisher up.
	tcpQueue = 1 << 20
	// tcpKeep is what of its buffers is kept when they are empty, bytes.
	tcpKeep = 64 << 10
	// firstRequest is how long a connection may go without an authentic request.
	firstRequest = 10 * time.Second
	// tcpWrite is how long one write may take before the client counts as gone.
	tcpWrite = 10 * time.Second
	// tcpDrain is how long what is queued may take at the end.
	tcpDrain = time.Second
	// Connections without an authentic request: of one address (IPv6: of one /64),
	// and in all. And how many connections there may be with the others.
	maxUnprovenEach = 32
	maxUnproven     = 1024
	maxClients      = 16384
)

var errFrame = errors.New("frame is too long")

// readFrame reads a packet in its frame: two bytes of length, then the packet
// (RFC 4571 §2). An empty one is skipped. It is valid until the next.
func readFrame(r *bufio.Reader, buf []byte) ([]byte, error) {
	for {
		head, err := r.Peek(2)
		if err != nil {
			return nil, err
		}
		n := int(binary.BigEndian.Uint16(head))
		if n > len(buf) {
			return nil, fmt.Errorf("read frame of %d bytes: %w", n, errFrame)
		}
		if _, err := r.Discard(2); err != nil {
			return nil, err
		}
		if n == 0 {
			continue
		}
		if _, err := io.ReadFull(r, buf[:n]); err != nil {
			return nil, err
		}
		return buf[:n], nil
	}
}

// client is an ICE-TCP connection (RFC 6544), passive on our side. It is the Outlet
// of its path.
type client struct {
	port    *Port
	conn    net.Conn
	address netip.AddrPort
	group   netip.Prefix // that limits count together
	wake    chan struct{}
	over    chan struct{} // closed by end
	ending  sync.Once
	counted bool // as unproven, under Port.mu

	mu     sync.Mutex
	proven bool
	path   *path  // set once, by the first authentic request
	queue  []byte // framed packets
	last   bool   // end when the queue is empty
}

// accept takes ICE-TCP connections.
func (p *Port) accept() {
	for {
		conn, err := p.cfg.Sockets.TCP.Accept()
		if err != nil {
			if errors.Is(err, net.ErrClosed) {
				return
			}
			select { // out of file descriptors, most likely
			case <-p.done:
				return
			case <-time.After(tick):
			}
			continue
		}
		if c := p.admit(conn); c != nil {
			p.loops.Go(c.read)
			p.loops.Go(c.writeAll)
		} else {
			p.drops[DropConnections].Add(1)
			_ = conn.Close()
		}
	}
}

// admit makes the client of a connection, nil when there are too many.
func (p *Port) admit(conn net.Conn) *client {
	tcp, ok := conn.RemoteAddr().(*net.TCPAddr)
	if !ok {
		return nil
	}
	from := tcp.AddrPort()
	from = netip.AddrPortFrom(from.Addr().Unmap(), from.Port())
	c := &client{port: p, conn: conn, address: from, wake: make(chan struct{}, 1), over: make(chan struct{})}
	bits := from.Addr().BitLen()
	if from.Addr().Is6() {
		bits = 64
	}
	c.group, _ = from.Addr().Prefix(bits)
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed || p.unprovenTotal >= maxUnproven || p.unproven[c.group] >= maxUnprovenEach || len(p.tcp) >= maxClients {
		return nil
	}
	p.countLocked(c, 1)
	p.tcp[c] = struct{}{}
	return c
}

// countLocked counts a connection that is unproven, or no longer.
func (p *Port) countLocked(c *client, by int) {
	if c.counted == (by > 0) {
		return
	}
	c.counted = by > 0
	p.unprovenTotal += by
	if p.unproven[c.group] += by; p.unproven[c.group] == 0 {
		delete(p.unproven, c.group)
	}
}

// read takes the client's packets until it is gone.
func (c *client) read() {
	defer c.end()
	r := reader{port: c.port}
	buffered, buf := bufio.NewReaderSize(c.conn, 4096), make([]byte, datagram)
	if c.conn.SetReadDeadline(time.Now().Add(firstRequest)) != nil {
		return
	}
	for {
		b, err := readFrame(buffered, buf)
		if err != nil {
			if !c.isProven() || errors.Is(err, errFrame) {
				c.port.drops[DropConnections].Add(1)
			}
			return
		}
		c.take(&r, b, time.Now())
		if buffered.Buffered() == 0 {
			r.pause()
		}
	}
}

// take sorts one packet.
func (c *client) take(r *reader, b []byte, now time.Time) {
	switch k := classify(b); k {
	case other:
		c.port.drops[DropMalformed].Add(1)
	case kindSTUN:
		c.port.binding(b, source{address: c.address, tcp: c}, now)
	default:
		c.mu.Lock()
		pa := c.path
		c.mu.Unlock()
		if pa == nil {
			c.port.drops[DropStranger].Add(1)
			return
		}
		r.media(k, b, pa, now)
	}
}

// bind gives the connection to a path; it stays with the first peer that proved
// itself over it.
func (c *client) bind(pa *path) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.path != nil {
		return false
	}
	c.path = pa
	return true
}

// prove ends the time limit of connections that have shown nothing.
func (c *client) prove() {
	c.mu.Lock()
	fresh := !c.proven
	c.proven = true
	c.mu.Unlock()
	if fresh {
		_ = c.conn.SetReadDeadline(time.Time{})
		c.port.mu.Lock()
		c.port.countLocked(c, -1)
		c.port.mu.Unlock()
	}
}

func (c *client) isProven() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.proven
}

// Reserve implements netio.Outlet.
func (c *client) Reserve(n int) []byte {
	c.mu.Lock()
	if c.last || len(c.queue)+2+n > tcpQueue {
		c.mu.Unlock()
		return nil
	}
	c.queue = binary.BigEndian.AppendUint16(c.queue, uint16(n))
	at := len(c.queue)
	c.queue = append(c.queue, make([]byte, n)...)
	return c.queue[at : at+n : at+n]
}

// Commit implements netio.Outlet. What is to come goes with what waits anyhow.
func (c *client) Commit(bool) {
	c.mu.Unlock()
	c.signal()
}

// write queues a packet that is no media.
func (c *client) write(b []byte) {
	if room := c.Reserve(len(b)); room != nil {
		copy(room, b)
		c.Commit(false)
	}
}

func (c *client) signal() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// writeAll writes what is queued, all of it at once.
func (c *client) writeAll() {
	var buf []byte
	for {
		select {
		case <-c.over:
			return
		case <-c.wake:
		}
		var last bool
		if buf, last = c.swap(buf); len(buf) > 0 {
			if c.conn.SetWriteDeadline(time.Now().Add(tcpWrite)) != nil {
				return
			}
			if _, err := c.conn.Write(buf); err != nil {
				c.end()
				return
			}
		}
		if last {
			c.end()
			return
		}
	}
}

// swap takes the queue and leaves an empty one.
func (c *client) swap(empty []byte) (queue []byte, last bool) {
	if cap(empty) > tcpKeep {
		empty = nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	queue, c.queue = c.queue, empty[:0]
	return queue, c.last
}

// drain ends the connection when what is queued has been written, or soon.
func (c *client) drain() {
	c.mu.Lock()
	c.last = true
	c.mu.Unlock()
	_ = c.conn.SetReadDeadline(time.Now().Add(tcpDrain))
	c.signal()
}

// end ends the connection. It waits for nobody.
func (c *client) end() {
	c.ending.Do(func() {
		close(c.over)
		_ = c.conn.Close()
		c.port.mu.Lock()
		delete(c.port.tcp, c)
		c.port.countLocked(c, -1)
		c.port.mu.Unlock()
	})
}
