//go:build linux

package netio

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"

	"golang.org/x/sys/unix"
)

// Lengths of struct sockaddr_in and sockaddr_in6.
const (
	lengthV4 = 16
	lengthV6 = 28
)

// errFamily is for an IPv6 destination of an IPv4 socket.
var errFamily = errors.New("the socket has no IPv6")

// sockaddr is an address as the kernel reads it.
type sockaddr struct {
	raw    [lengthV6]byte
	length uint32
}

// newSockaddr encodes an address for a socket of either family. IPv4 addresses are
// mapped on an IPv6 socket.
func newSockaddr(a netip.AddrPort, v6 bool) (sockaddr, error) {
	var s sockaddr
	binary.BigEndian.PutUint16(s.raw[2:], a.Port())
	ip := a.Addr().Unmap()
	if !v6 {
		if !ip.Is4() {
			return s, fmt.Errorf("send to %v: %w", a, errFamily)
		}
		binary.NativeEndian.PutUint16(s.raw[:], unix.AF_INET)
		four := ip.As4()
		copy(s.raw[4:], four[:])
		s.length = lengthV4
		return s, nil
	}
	binary.NativeEndian.PutUint16(s.raw[:], unix.AF_INET6)
	sixteen := ip.As16()
	copy(s.raw[8:], sixteen[:])
	if zone := ip.Zone(); zone != "" {
		index, err := zoneIndex(zone)
		if err != nil {
			return s, fmt.Errorf("send to %v: %w", a, err)
		}
		binary.NativeEndian.PutUint32(s.raw[24:], index)
	}
	s.length = lengthV6
	return s, nil
}

// zoneIndex reads a zone that is a number, as addrPort gives it, or a name.
func zoneIndex(zone string) (uint32, error) {
	if n, err := strconv.ParseUint(zone, 10, 32); err == nil {
		return uint32(n), nil
	}
	i, err := net.InterfaceByName(zone)
	if err != nil {
		return 0, fmt.Errorf("find zone %q: %w", zone, err)
	}
	return uint32(i.Index), nil
}

// addrPort decodes the source of a packet, IPv4 unmapped; invalid when the kernel
// named none.
func (s *sockaddr) addrPort() netip.AddrPort {
	port := binary.BigEndian.Uint16(s.raw[2:])
	switch binary.NativeEndian.Uint16(s.raw[:]) {
	case unix.AF_INET:
		return netip.AddrPortFrom(netip.AddrFrom4([4]byte(s.raw[4:8])), port)
	case unix.AF_INET6:
		ip := netip.AddrFrom16([16]byte(s.raw[8:24])).Unmap()
		if scope := binary.NativeEndian.Uint32(s.raw[24:]); scope != 0 {
			ip = ip.WithZone(strconv.FormatUint(uint64(scope), 10))
		}
		return netip.AddrPortFrom(ip, port)
	}
	return netip.AddrPort{}
}
