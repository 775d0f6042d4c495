package turn

import (
	"encoding/binary"
	"net"
	"sync"
)

// maxChecks is how many connectivity checks under way are remembered.
const maxChecks = 64

// Types of STUN messages (RFC 8489 §5).
const (
	bindingRequest = 0x0001
	bindingSuccess = 0x0101
	bindingError   = 0x0111
)

// names gives the answers of the media port the address that the client named.
// Each candidate of ours is a name, and all lead to the same port; so a
// connectivity check (RFC 8445 §7) is told by its transaction, and everything else
// comes from the name that the client last sent media to.
type names struct {
	mu      sync.Mutex
	checks  [maxChecks]check // a ring
	next    int
	checked *net.UDPAddr // last
	media   *net.UDPAddr // last
}

type check struct {
	id [12]byte
	to *net.UDPAddr
}

// sent notes a packet of the client.
func (n *names) sent(b []byte, to *net.UDPAddr) {
	n.mu.Lock()
	defer n.mu.Unlock()
	kind, id, ok := stunOf(b)
	switch {
	case !ok:
		n.media = to
	case kind == bindingRequest:
		n.checks[n.next] = check{id, to}
		n.next = (n.next + 1) % maxChecks
		n.checked = to
	}
}

// of tells from which name a packet of the media port comes; nil while the client
// has not sent anything.
func (n *names) of(b []byte) *net.UDPAddr {
	n.mu.Lock()
	defer n.mu.Unlock()
	if kind, id, ok := stunOf(b); ok && (kind == bindingSuccess || kind == bindingError) {
		for i := range n.checks {
			if c := &n.checks[i]; c.id == id && c.to != nil {
				return c.to
			}
		}
	}
	if n.media != nil {
		return n.media
	}
	return n.checked
}

func stunOf(b []byte) (kind uint16, id [12]byte, ok bool) {
	if len(b) < stunHeader || b[0]>>6 != 0 || binary.BigEndian.Uint32(b[4:]) != magicCookie {
		return 0, id, false
	}
	return binary.BigEndian.Uint16(b), [12]byte(b[8:20]), true
}
