package sfu

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"
)

// addressAge is for how long the machine's addresses are remembered: joins come in
// crowds, and asking the kernel costs more than the rest of an answer.
const addressAge = 5 * time.Second

// candidates lists where clients reach the media port, for answers. All are host
// candidates (RFC 8445 §5.1.1).
type candidates struct {
	// Static after construction.
	cfg  Config
	port int
	tcp  bool

	mu    sync.Mutex
	lines []string
	until time.Time
}

// list returns the values of candidate attributes. The slice is shared.
func (c *candidates) list(now time.Time) []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if now.Before(c.until) {
		return c.lines
	}
	c.lines, c.until = c.build(machineAddresses()), now.Add(addressAge)
	return c.lines
}

// build writes a candidate for each address, over UDP and then over TCP.
func (c *candidates) build(machine []netip.Addr) []string {
	var lines []string
	addresses := c.choose(machine)
	for i, a := range addresses {
		lines = append(lines, fmt.Sprintf("%d 1 udp %d %s %d typ host", i+1, udpPriority(i), a, c.port))
	}
	for i, a := range addresses {
		if c.tcp {
			lines = append(lines, fmt.Sprintf("%d 1 tcp %d %s %d typ host tcptype passive", len(addresses)+i+1, tcpPriority(i), a, c.port))
		}
	}
	return lines
}

// choose returns the addresses to name: those of the configuration or else those
// of the machine that the port is bound to.
func (c *candidates) choose(machine []netip.Addr) []netip.Addr {
	var list []netip.Addr
	add := func(a netip.Addr) {
		if a = a.Unmap().WithZone(""); a.IsValid() && !slices.Contains(list, a) {
			list = append(list, a)
		}
	}
	bound, _ := netip.ParseAddr(c.cfg.BindIP)
	reachable := func(a netip.Addr) bool {
		return !bound.IsValid() || bound == a || bound.IsUnspecified() && bound.Is4() == a.Is4()
	}
	for _, ip := range c.cfg.AdvertisedIPs {
		if a, err := netip.ParseAddr(ip); err == nil {
			add(a)
		}
	}
	for _, a := range machine {
		a = a.Unmap()
		switch {
		case !reachable(a):
		case a.IsLoopback():
			// ::1 is never a candidate (RFC 8445 §5.1.1.1); neither is 127.0.0.1,
			// but for tests and demonstrations on one machine.
			if c.cfg.Loopback && a.Is4() {
				add(a)
			}
		case len(c.cfg.AdvertisedIPs) > 0 || a.Is6() && a.IsLinkLocalUnicast():
		default:
			add(a)
		}
	}
	return list
}

// udpPriority and tcpPriority are as of RFC 8445 §5.1.2.1 and RFC 6544 §4.2: UDP
// is better than TCP, an address that was listed earlier better than a later one.
func udpPriority(i int) uint32 { return 126<<24 | uint32(65535-i)<<8 | 255 }

func tcpPriority(i int) uint32 {
	const hostType, passive = 90, 4
	return hostType<<24 | (passive<<13|uint32(8191-i))<<8 | 255
}

// machineAddresses returns the addresses of this machine.
func machineAddresses() []netip.Addr {
	all, err := net.InterfaceAddrs()
	if err != nil {
		return nil
	}
	var list []netip.Addr
	for _, a := range all {
		n, ok := a.(*net.IPNet)
		if !ok {
			continue
		}
		if ip, ok := netip.AddrFromSlice(n.IP); ok && !ip.IsUnspecified() && !ip.IsMulticast() {
			list = append(list, ip)
		}
	}
	return list
}
