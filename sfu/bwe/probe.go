package bwe

import "time"

// probe is a short stretch of sending faster than the estimate, with padding,
// to learn whether the path carries more.
type probe struct {
	rate    int           // bit/s, of everything together
	until   time.Duration // sending ends
	judge   time.Duration // the result is judged
	bytes   int           // sent so far
	packets int
	began   time.Duration
	running bool

	got                 int // packets received
	gotBytes            int
	firstSent, lastSent time.Duration
	firstSeen, lastSeen time.Duration
	firstSize, lastSize int
}

// sent counts a packet of the probe.
func (p *probe) sent(size int) {
	p.bytes += size
	p.packets++
}

// ack takes a received packet of the probe.
func (p *probe) ack(s sent, arrival time.Duration) {
	if p.got == 0 || s.at < p.firstSent {
		p.firstSent = s.at
	}
	if p.got == 0 || arrival < p.firstSeen {
		p.firstSeen, p.firstSize = arrival, s.size
	}
	if s.at >= p.lastSent {
		p.lastSent, p.lastSize = s.at, s.size
	}
	p.lastSeen = max(p.lastSeen, arrival)
	p.got++
	p.gotBytes += s.size
}

// result is the rate that the path has shown to carry, 0 when the probe says
// nothing. own is the loss that the path has anyway: what it took of the probe does
// not count.
func (p *probe) result(own float64) int {
	if p.got < 5 || float64(p.got) < 0.8*(1-own)*float64(p.packets) {
		return 0
	}
	sending, receiving := p.lastSent-p.firstSent, p.lastSeen-p.firstSeen
	if sending <= 0 || receiving <= 0 {
		return 0
	}
	out := float64((p.gotBytes-p.lastSize)*8) / sending.Seconds()
	in := float64((p.gotBytes-p.firstSize)*8) / receiving.Seconds()
	if in < 0.9*out {
		return int(0.95 * in) // the path is full: this is its capacity
	}
	return int(min(in, out) / (1 - min(own, lossOwnMost)))
}
