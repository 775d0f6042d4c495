package turn

import (
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
)

// maxRemembered is how many clients' ways are remembered in each of two
// generations.
const maxRemembered = 1 << 13

// datagrams is the UDP socket. It answers from the address that was asked, which
// the kernel alone would not do on a machine with several: a client takes no
// answer from an address that it did not ask.
type datagrams struct {
	net.PacketConn
	udp  *net.UDPConn // nil where the system tells no addresses
	gone atomic.Bool

	mu         sync.Mutex
	asked, old map[netip.AddrPort]netip.Addr // by client; the one of ours
}

func newDatagrams(c net.PacketConn) *datagrams {
	d := &datagrams{PacketConn: c, asked: make(map[netip.AddrPort]netip.Addr)}
	if u, ok := c.(*net.UDPConn); ok && tellDestinations(u) == nil {
		d.udp = u
	}
	return d
}

// ReadFrom implements net.PacketConn.
func (d *datagrams) ReadFrom(b []byte) (int, net.Addr, error) {
	if d.udp == nil {
		return d.PacketConn.ReadFrom(b)
	}
	var oob [controlSize]byte
	n, controls, _, from, err := d.udp.ReadMsgUDPAddrPort(b, oob[:])
	if err != nil {
		return 0, nil, err
	}
	from = netip.AddrPortFrom(from.Addr().Unmap(), from.Port())
	if ours := destination(oob[:controls]); ours.IsValid() {
		d.remember(from, ours)
	}
	return n, net.UDPAddrFromAddrPort(from), nil
}

// WriteTo implements net.PacketConn.
func (d *datagrams) WriteTo(b []byte, to net.Addr) (int, error) {
	u, ok := to.(*net.UDPAddr)
	if d.udp == nil || !ok {
		return d.PacketConn.WriteTo(b, to)
	}
	peer := u.AddrPort()
	n, _, err := d.udp.WriteMsgUDPAddrPort(b, source(d.recall(peer)), peer)
	return n, err
}

// remember forgets whoever was not heard of for a generation.
func (d *datagrams) remember(client netip.AddrPort, ours netip.Addr) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.asked) >= maxRemembered {
		d.asked, d.old = make(map[netip.AddrPort]netip.Addr), d.asked
	}
	d.asked[client] = ours
}

func (d *datagrams) recall(client netip.AddrPort) netip.Addr {
	client = netip.AddrPortFrom(client.Addr().Unmap(), client.Port())
	d.mu.Lock()
	defer d.mu.Unlock()
	if ours, ok := d.asked[client]; ok {
		return ours
	}
	return d.old[client]
}

// Close implements net.PacketConn. pion closes it once; a second time is no error.
func (d *datagrams) Close() error {
	if d.gone.Swap(true) {
		return nil
	}
	return d.PacketConn.Close()
}
