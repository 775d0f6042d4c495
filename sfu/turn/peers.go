package turn

import (
	"net/netip"
	"sync"
	"time"
)

// peersAge is how old the list of peers may be when an address is not in it.
const peersAge = 5 * time.Second

// peers are the addresses that clients may name: those of our candidates, which
// change with the machine's networks.
type peers struct {
	list func() []netip.Addr

	mu    sync.RWMutex
	known map[netip.Addr]bool
	asked time.Time
}

// has tells whether an address is one of ours.
func (p *peers) has(ip netip.Addr) bool {
	p.mu.RLock()
	found, fresh := p.known[ip], time.Since(p.asked) < peersAge
	p.mu.RUnlock()
	if found || fresh {
		return found
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if time.Since(p.asked) >= peersAge {
		p.askLocked()
	}
	return p.known[ip]
}

func (p *peers) askLocked() {
	p.known, p.asked = make(map[netip.Addr]bool), time.Now()
	for _, ip := range p.list() {
		p.known[ip.Unmap().WithZone("")] = true
	}
}

// anyIPv4 tells whether there is an IPv4 address among them.
func (p *peers) anyIPv4() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.askLocked()
	for ip := range p.known {
		if ip.Is4() {
			return true
		}
	}
	return false
}
