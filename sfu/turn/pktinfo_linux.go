package turn

import (
	"net"
	"net/netip"

	"golang.org/x/sys/unix"
)

// controlSize has room for the packet information of both families.
const controlSize = 128

// tellDestinations lets the kernel tell with each packet to which of our addresses
// it came (ip(7), ipv6(7): PKTINFO).
func tellDestinations(c *net.UDPConn) error {
	raw, err := c.SyscallConn()
	if err != nil {
		return err
	}
	var failed error
	if err := raw.Control(func(fd uintptr) {
		failed = unix.SetsockoptInt(int(fd), unix.IPPROTO_IPV6, unix.IPV6_RECVPKTINFO, 1)
		if failed != nil { // an IPv4 socket
			failed = unix.SetsockoptInt(int(fd), unix.IPPROTO_IP, unix.IP_PKTINFO, 1)
		}
	}); err != nil {
		return err
	}
	return failed
}

// destination reads the address from a packet's control messages.
func destination(oob []byte) netip.Addr {
	messages, err := unix.ParseSocketControlMessage(oob)
	if err != nil {
		return netip.Addr{}
	}
	for _, m := range messages {
		switch {
		case m.Header.Level == unix.IPPROTO_IPV6 && m.Header.Type == unix.IPV6_PKTINFO && len(m.Data) >= 16:
			return netip.AddrFrom16([16]byte(m.Data[:16])).Unmap()
		case m.Header.Level == unix.IPPROTO_IP && m.Header.Type == unix.IP_PKTINFO && len(m.Data) >= 12:
			return netip.AddrFrom4([4]byte(m.Data[8:12])) // ipi_addr
		}
	}
	return netip.Addr{}
}

// source makes the control message that sends from an address of ours; nil lets
// the kernel choose. An IPv6 socket takes that of IPv4 for IPv4.
func source(ours netip.Addr) []byte {
	switch {
	case !ours.IsValid():
		return nil
	case ours.Is4():
		return unix.PktInfo4(&unix.Inet4Pktinfo{Spec_dst: ours.As4()})
	}
	return unix.PktInfo6(&unix.Inet6Pktinfo{Addr: ours.As16()})
}
