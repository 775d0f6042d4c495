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
	// maxLegs bounds the peers of one relay: our candidates of one family.
	maxLegs = 16
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
	ip := s.relayed[0]
	if c.Network == "udp6" {
		ip = s.relayed[1]
	}
	// Nothing listens there. The number only tells the candidates of a client apart.
	port := 49152 + s.count.named.Add(1)%16384
	r := &relay{
		server: s, user: c.UserID, address: net.UDPAddrFromAddrPort(netip.AddrPortFrom(ip, uint16(port))),
		legs: make(map[netip.AddrPort]*leg), in: make(chan *packet, relayQueue), done: make(chan struct{}),
	}
	return r, r.address, nil
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

// relay is the far side of an allocation: a net.PacketConn that reaches the media
// port and nothing else. Each peer address that the client names is a leg of its
// own, so that the client's connectivity checks are answered from the address that
// it checked.
type relay struct {
	server  *Server
	user    string
	address *net.UDPAddr
	in      chan *packet
	done    chan struct{}
	reading sync.Once // gives s.relays back

	mu     sync.Mutex
	closed bool
	legs   map[netip.AddrPort]*leg
	ends   sync.WaitGroup // loops of legs
}

// leg is a socket to the media port under one of its names.
type leg struct {
	conn *net.UDPConn
	peer *net.UDPAddr
}

// packet is one on its way to a client.
type packet struct {
	data [maxFrame]byte
	size int
	peer *net.UDPAddr
}

var packets = sync.Pool{New: func() any { return new(packet) }}

// WriteTo sends a client's packet to the media port.
func (r *relay) WriteTo(b []byte, to net.Addr) (int, error) {
	u, ok := to.(*net.UDPAddr)
	if !ok {
		return 0, errPeer
	}
	l, err := r.leg(u.AddrPort())
	if err != nil {
		return 0, err
	}
	r.server.count.up(len(b))
	return l.conn.Write(b)
}

func (r *relay) leg(peer netip.AddrPort) (*leg, error) {
	peer = netip.AddrPortFrom(peer.Addr().Unmap(), peer.Port())
	r.mu.Lock()
	defer r.mu.Unlock()
	if l := r.legs[peer]; l != nil {
		return l, nil
	}
	s := r.server
	switch {
	case r.closed:
		return nil, net.ErrClosed
	case !s.peers[peer.Addr()] || peer.Port() != s.cfg.Media.Port() || len(r.legs) >= maxLegs:
		s.count.refuse(RefusedPeer)
		return nil, errPeer
	}
	conn, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(s.cfg.Media))
	if err != nil {
		return nil, fmt.Errorf("reach media port: %w", err)
	}
	l := &leg{conn: conn, peer: net.UDPAddrFromAddrPort(peer)}
	r.legs[peer] = l
	r.ends.Go(func() { r.receive(l) })
	return l, nil
}

// receive queues what the media port answers; a slow client loses packets.
func (r *relay) receive(l *leg) {
	for {
		p, _ := packets.Get().(*packet)
		n, err := l.conn.Read(p.data[:])
		if err != nil {
			packets.Put(p)
			if r.gone() || errors.Is(err, net.ErrClosed) {
				return
			}
			continue // an ICMP error of an earlier packet
		}
		p.size, p.peer = n, l.peer
		select {
		case r.in <- p:
		default:
			packets.Put(p)
			r.server.count.dropped.Add(1)
		}
	}
}

func (r *relay) gone() bool {
	select {
	case <-r.done:
		return true
	default:
		return false
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
func (r *relay) LocalAddr() net.Addr { return r.address }

// Close ends the relay and waits for its legs.
func (r *relay) Close() error {
	r.mu.Lock()
	if r.closed {
		r.mu.Unlock()
		return nil
	}
	r.closed = true
	close(r.done)
	for _, l := range r.legs {
		_ = l.conn.Close()
	}
	r.mu.Unlock()
	r.ends.Wait()
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
