// Package subscriber tells whose an address of the network is, for limits on what
// one of them may take: an IPv4 address, or the /64 network that one subscriber
// has in IPv6 (RFC 6177) with all addresses of it.
package subscriber

import (
	"net"
	"net/netip"
)

// Of returns whose an address is. All that is no address counts as one.
func Of(addr netip.Addr) netip.Prefix {
	if !addr.IsValid() {
		return netip.Prefix{}
	}
	addr = addr.Unmap().WithZone("")
	bits := 64
	if addr.Is4() {
		bits = 32
	}
	p, _ := addr.Prefix(bits) // such an address has as many bits
	return p
}

// OfRemote returns whose "address:port" it is, as in http.Request.RemoteAddr.
func OfRemote(remote string) netip.Prefix {
	ap, err := netip.ParseAddrPort(remote)
	if err != nil {
		return netip.Prefix{}
	}
	return Of(ap.Addr())
}

// OfAddr returns whose the address of a socket is.
func OfAddr(a net.Addr) netip.Prefix {
	if a, ok := a.(interface{ AddrPort() netip.AddrPort }); ok {
		return Of(a.AddrPort().Addr())
	}
	return netip.Prefix{}
}
