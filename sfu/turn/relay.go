package turn

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/pion/turn/v5"
)

const (
	// maxFrame is the largest message or packet that is relayed, bytes.
	maxFrame = 1600
	// relayQueue is how many packets may wait for a client; more are dropped.
	relayQueue = 256
)

var (
	errPeer = errors.New("not our media port")
	errTCP  = errors.New("only UDP is relayed")
)

// generator makes the relays of pion's allocations (turn.RelayAddressGenerator).
type generator struct{ server *Server }

// Validate implements turn.RelayAddressGenerator.
func (generator) Validate() error { return nil }

// AllocatePacketConn implements turn.RelayAddressGenerator. Ports cannot be asked
// for: then pion names no user.
func (g generator) AllocatePacketConn(c turn.AllocateListenerConfig) (net.PacketConn, net.Addr, error) {
	s := g.server
	if c.UserID == "" || c.RequestedPort != 0 {
		s.count.refuse(RefusedTransport)
		return nil, nil, errFull
	}
	if err := s.claim(c.UserID); err != nil {
		return nil, nil, err
	}
	r, err := newRelay(s, c.UserID)
	if err != nil {
		s.release(c.UserID)
		s.relays.Add(-2)
		return nil, nil, err
	}
	// The true address, for the media port reports it to the client as well, which
	// would else take it for a candidate of its own. Only its family may be made up.
	address := net.UDPAddrFromAddrPort(r.conn.LocalAddr().(*net.UDPAddr).AddrPort())
	if c.Network == "udp6" && address.IP.To4() != nil {
		address.IP = net.IPv6loopback
	}
	return r, address, nil
}

// AllocateListener implements turn.RelayAddressGenerator: RFC 6062 is refused.
func (g generator) AllocateListener(turn.AllocateListenerConfig) (net.Listener, net.Addr, error) {
	g.server.count.refuse(RefusedTransport)
	return nil, nil, errTCP
}

// AllocateConn implements turn.RelayAddressGenerator: RFC 6062 is refused.
func (g generator) AllocateConn(turn.AllocateConnConfig) (net.Conn, error) {
	g.server.count.refuse(RefusedTransport)
	return nil, errTCP
}

// relay is the far side of an allocation: one socket that is connected to the media
// port, whichever of its names the client uses (see names). It implements
// net.PacketConn.
type relay struct {
	server  *Server
	user    string
	conn    *net.UDPConn
	names   names
	in      chan *packet
	done    chan struct{}
	receive chan struct{} // closed when nothing is received any more
	close   func() error  // once
	reading sync.Once     // gives s.relays back
}

// packet is one on its way to a client.
type packet struct {
	data [maxFrame]byte
	size int
	peer *net.UDPAddr
}

var packets = sync.Pool{New: func() any { return new(packet) }}

func newRelay(s *Server, user string) (*relay, error) {
	conn, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(s.cfg.Media))
	if err != nil {
		return nil, fmt.Errorf("reach media port: %w", err)
	}
	r := &relay{server: s, user: user, conn: conn, in: make(chan *packet, relayQueue),
		done: make(chan struct{}), receive: make(chan struct{})}
	r.close = sync.OnceValue(r.end)
	go r.receiveAll()
	return r, nil
}

// WriteTo sends a client's packet to the media port.
func (r *relay) WriteTo(b []byte, to net.Addr) (int, error) {
	u, ok := to.(*net.UDPAddr)
	if !ok {
		return 0, errPeer
	}
	s := r.server
	peer := netip.AddrPortFrom(u.AddrPort().Addr().Unmap(), u.AddrPort().Port())
	if !s.peers.has(peer.Addr()) || peer.Port() != s.cfg.Media.Port() {
		s.count.refuse(RefusedPeer)
		return 0, errPeer
	}
	r.names.sent(b, u)
	s.count.up(len(b))
	return r.conn.Write(b)
}

// receiveAll queues what the media port answers; a slow client loses packets.
func (r *relay) receiveAll() {
	defer close(r.receive)
	for {
		p, _ := packets.Get().(*packet)
		n, err := r.conn.Read(p.data[:])
		switch {
		case errors.Is(err, net.ErrClosed):
			packets.Put(p)
			return
		case err != nil: // an ICMP error of an earlier packet
			packets.Put(p)
			continue
		}
		if p.size, p.peer = n, r.names.of(p.data[:n]); p.peer == nil {
			packets.Put(p) // the client has sent nothing yet
			continue
		}
		select {
		case r.in <- p:
		default:
			packets.Put(p)
			r.server.count.dropped.Add(1)
		}
	}
}

// ReadFrom returns the next packet for the client.
func (r *relay) ReadFrom(b []byte) (int, net.Addr, error) {
	select {
	case p := <-r.in:
		n, peer := copy(b, p.data[:p.size]), p.peer
		packets.Put(p)
		r.server.count.down(n)
		return n, peer, nil
	case <-r.done:
		r.reading.Do(r.server.relays.Done) // pion reads no further
		return 0, nil, net.ErrClosed
	}
}

// LocalAddr implements net.PacketConn.
func (r *relay) LocalAddr() net.Addr { return r.conn.LocalAddr() }

// Close ends the relay and waits. Closing again is no error.
func (r *relay) Close() error { return r.close() }

func (r *relay) end() error {
	_ = r.conn.Close()
	<-r.receive
	close(r.done)
	r.server.release(r.user)
	r.server.relays.Done()
	return nil
}

// SetDeadline implements net.PacketConn; pion sets none.
func (r *relay) SetDeadline(time.Time) error { return errors.ErrUnsupported }

// SetReadDeadline implements net.PacketConn; pion sets none.
func (r *relay) SetReadDeadline(time.Time) error { return errors.ErrUnsupported }

// SetWriteDeadline implements net.PacketConn; pion sets none.
func (r *relay) SetWriteDeadline(time.Time) error { return errors.ErrUnsupported }
