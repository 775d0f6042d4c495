package signaling

import (
	"net/netip"
	"sync"

	"github.com/meetcast/meetcast/internal/subscriber"
)

// admission bounds the sockets of one subscriber that have not joined yet: each
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
	from := subscriber.OfRemote(remote)
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
