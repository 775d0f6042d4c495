package transport

import (
	"net/netip"
	"time"
)

// reader sorts what comes from one socket. It has one goroutine.
type reader struct {
	port    *Port
	touched []*Conn // have RTP in their inbox since the last pause
}

// udp takes a packet from the UDP socket.
func (r *reader) udp(b []byte, from netip.AddrPort, now time.Time) {
	k := classify(b)
	switch k {
	case other:
		r.port.drops[DropMalformed].Add(1)
	case kindSTUN:
		r.port.binding(b, source{address: from}, now)
	default:
		pa := r.port.path(from)
		if pa == nil {
			r.port.drops[DropStranger].Add(1)
			return
		}
		r.media(k, b, pa, now)
	}
}

// media takes a packet of a peer that has proved its address.
func (r *reader) media(k kind, b []byte, pa *path, now time.Time) {
	c := pa.conn
	switch k {
	case kindDTLS:
		c.takeDTLS(b, pa, now)
	case kindRTCP:
		c.takeRTCP(b, now)
	case kindRTP:
		if c.takeRTP(b, now) && (len(r.touched) == 0 || r.touched[len(r.touched)-1] != c) {
			r.touched = append(r.touched, c)
		}
	}
}

// pause wakes those who have RTP to take, so that they find whole bursts.
func (r *reader) pause() {
	for i, c := range r.touched {
		c.inbox.signal()
		r.touched[i] = nil
	}
	r.touched = r.touched[:0]
}

// source is where a packet came from.
type source struct {
	address netip.AddrPort
	tcp     *client // nil for UDP
}
