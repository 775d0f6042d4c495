package netio

import (
	"net"
	"net/netip"
	"sync"
	"time"
)

// Outlet sends packets to one address, without looking the address up for each.
// Its packets are written right into the buffer that they are sent from.
type Outlet interface {
	// Reserve returns room for a packet of exactly n bytes, n > 0. Unless it is
	// nil, which means that the packet is dropped and counted, the caller fills it
	// without delay and calls Commit; the outlet is locked in between.
	Reserve(n int) []byte
	// Commit hands the packet over. With hold it may wait, some milliseconds at
	// most, for packets that go with it.
	Commit(hold bool)
}

// Outlet makes the outlet to an address. It needs no closing.
func (s *Sockets) Outlet(to netip.AddrPort) (Outlet, error) {
	if s.batched != nil {
		return s.batched.Outlet(to)
	}
	return &single{conn: s.plain, to: to}, nil
}

// Send sends a packet at once. It never waits: what the kernel does not take is
// lost.
func (s *Sockets) Send(packet []byte, to netip.AddrPort) error {
	if s.batched != nil {
		return s.batched.Send(packet, to)
	}
	_, err := s.plain.WriteToUDPAddrPort(packet, to)
	return err
}

// Receive reads packets until the socket is closed, and returns why it ended. It
// calls take for each, whose buffer may be changed but not kept, and pause when no
// more are at hand. Packets over 2048 bytes are dropped and counted. Source
// addresses of IPv4 are not mapped.
func (s *Sockets) Receive(take func(packet []byte, from netip.AddrPort, now time.Time), pause func()) error {
	if s.batched != nil {
		return s.batched.Receive(take, pause)
	}
	buf := make([]byte, packetSize+1)
	for {
		n, from, err := s.plain.ReadFromUDPAddrPort(buf)
		switch {
		case err == nil && n <= packetSize:
			take(buf[:n], netip.AddrPortFrom(from.Addr().Unmap(), from.Port()), time.Now())
			pause()
		case err != nil && !transient(err):
			return err
		}
	}
}

// packetSize is what Receive takes, bytes. No peer has reason to send more.
const packetSize = 2048

// single is the outlet of a plain socket: one call for each packet.
type single struct {
	conn *net.UDPConn
	to   netip.AddrPort

	mu  sync.Mutex
	buf []byte
}

func (o *single) Reserve(n int) []byte {
	o.mu.Lock()
	if cap(o.buf) < n {
		o.buf = make([]byte, n)
	}
	o.buf = o.buf[:n]
	return o.buf
}

func (o *single) Commit(bool) {
	_, _ = o.conn.WriteToUDPAddrPort(o.buf, o.to)
	o.mu.Unlock()
}
