package light

import (
	"crypto/rand"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

const (
	socketBuffer = 2 << 20 // bytes the kernel may hold for a bot
	readBuffer   = 1 << 16 // the longest train
	oobBuffer    = 64
	// checkPriority is of a host candidate with local preference 65535
	// (RFC 8445 §5.1.2.1), as a peer-reflexive one would have it.
	checkPriority = 110<<24 | 65535<<8 | 255
)

// path is one socket towards one address of the server.
type path struct {
	conn  *Conn
	sock  *net.UDPConn
	to    netip.AddrPort
	local Credentials
	rem   Credentials

	mu      sync.Mutex
	waiting [8]transaction // of requests sent, the oldest is overwritten
	next    int

	answered   chan struct{} // closed at the first answer
	once       sync.Once
	lastAnswer atomic.Int64 // Unix ns
}

// openPath opens a socket and starts reading from it.
func (c *Conn) openPath(to netip.AddrPort, local, remote Credentials) (*path, error) {
	sock, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(to))
	if err != nil {
		return nil, err
	}
	tune(sock)
	p := &path{conn: c, sock: sock, to: to, local: local, rem: remote, answered: make(chan struct{})}
	c.wg.Go(p.read)
	return p, nil
}

// read ends with the socket.
func (p *path) read() {
	buf, oob := make([]byte, readBuffer), make([]byte, oobBuffer)
	for {
		n, oobn, _, _, err := p.sock.ReadMsgUDPAddrPort(buf, oob)
		if err != nil {
			if p.conn.ctx.Err() != nil || isClosed(err) {
				return
			}
			// The server's port is closed for now (ECONNREFUSED): keep listening.
			if !p.conn.pause(10 * time.Millisecond) {
				return
			}
			continue
		}
		now, size := time.Now(), segmentSize(oob[:oobn])
		if size <= 0 {
			size = n
		}
		for at := 0; at < n; at += size {
			p.datagram(buf[at:min(at+size, n)], now)
		}
	}
}

// datagram goes by its first byte (RFC 7983 §7).
func (p *path) datagram(b []byte, now time.Time) {
	switch {
	case len(b) == 0:
	case b[0] <= 3:
		p.stun(b, now)
	case b[0] >= 20 && b[0] <= 63:
		p.conn.pipe.deliver(b)
	case b[0] >= 128 && b[0] <= 191:
		p.conn.media(b, now)
	}
}

func (p *path) stun(b []byte, now time.Time) {
	m, err := parseSTUN(b, p.local.Pwd, p.rem.Pwd)
	if err != nil {
		return
	}
	switch m.kind {
	case bindingRequest: // a server that is not lite checks, too
		_, _ = p.sock.Write(appendSuccess(nil, m.id, p.to, p.local.Pwd))
	case bindingSuccess:
		if p.takes(m.id) {
			p.lastAnswer.Store(now.UnixNano())
			p.once.Do(func() { close(p.answered) })
		}
	}
}

// takes tells whether an answer belongs to a request of ours.
func (p *path) takes(id transaction) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := range p.waiting {
		if p.waiting[i] == id && id != (transaction{}) {
			p.waiting[i] = transaction{}
			return true
		}
	}
	return false
}

// ask sends one Binding request.
func (p *path) ask() {
	var id transaction
	_, _ = rand.Read(id[:])
	p.mu.Lock()
	p.waiting[p.next%len(p.waiting)] = id
	p.next++
	p.mu.Unlock()
	request := check{id: id, user: p.rem.Ufrag + ":" + p.local.Ufrag, password: p.rem.Pwd,
		priority: checkPriority, tiebreaker: p.conn.tiebreaker}
	_, _ = p.sock.Write(request.appendTo(make([]byte, 0, 128)))
}
