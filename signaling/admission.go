package signaling

import (
	"net/netip"
	"sync"
)

// admission bounds the sockets of one address that have not joined yet: each
// costs memory and a token to be verified, and anybody can open them.
type admission struct {
	max int

	mu      sync.Mutex
	waiting map[netip.Prefix]int
}

func newAdmission(max int) *admission {
	return &admission{max: max, waiting: make(map[netip.Prefix]int)}
}

// admitted is what admission says of a new socket.
type admitted uint8

const (
	// admittedToJoin: the socket may join.
	admittedToJoin admitted = iota + 1
	// admittedToHear: the socket is over the limit and is told so with a close
	// code, which pages understand better than a refused request.
	admittedToHear
	// refused: there are so many over the limit that even that is too much.
	refused
)

// enter counts a socket in. leave counts it out; it may be called again.
func (a *admission) enter(remote string) (is admitted, leave func()) {
	from := addressOf(remote)
	a.mu.Lock()
	defer a.mu.Unlock()
	n := a.waiting[from]
	if n >= 2*a.max {
		return refused, func() {}
	}
	a.waiting[from] = n + 1
	leave = sync.OnceFunc(func() { a.leave(from) })
	if n >= a.max {
		return admittedToHear, leave
	}
	return admittedToJoin, leave
}

func (a *admission) leave(from netip.Prefix) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.waiting[from]--; a.waiting[from] <= 0 {
		delete(a.waiting, from)
	}
}

// addressOf returns whose "host:port" it is: an IPv4 address, or the /64 network
// that one subscriber has in IPv6 (RFC 6177). All that is no address counts as one.
func addressOf(remote string) netip.Prefix {
	ap, err := netip.ParseAddrPort(remote)
	if err != nil {
		return netip.Prefix{}
	}
	addr := ap.Addr().Unmap().WithZone("")
	bits := 64
	if addr.Is4() {
		bits = 32
	}
	p, _ := addr.Prefix(bits) // such an address has as many bits
	return p
}
