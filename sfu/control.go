package sfu

import (
	"time"

	"github.com/pion/rtcp"
)

const (
	// visitInterval is how often the engine looks at a peer.
	visitInterval = 50 * time.Millisecond
	// reportInterval is how often clients get sender and receiver reports.
	reportInterval = time.Second
	// tickInterval is how often key frames that did not come are asked for again.
	tickInterval = 100 * time.Millisecond
	// maxBlocks bounds the blocks of a receiver report (RFC 3550 §6.4.2).
	maxBlocks = 31
)

// schedule is when a peer is due for what. It belongs to who visits.
type schedule struct {
	choose, tick, report time.Time
}

// visit does what is due for a peer: layers, what did not come, probes, feedback
// and reports. The engine's loop calls it; a call with urgent set looks at
// the slots at once. It returns how long it may take until the next call.
func (p *Peer) visit(now time.Time, urgent bool) time.Duration {
	p.visiting.Lock()
	defer p.visiting.Unlock()
	if p.closed.Load() {
		return visitInterval
	}
	connected := p.State() == Connected
	w := p.wired.Load()
	if due := &p.due.choose; urgent || !now.Before(*due) {
		*due = now.Add(p.choice.Run(now, w.downs, urgent, connected))
	}
	if due := &p.due.tick; !now.Before(*due) {
		*due = now.Add(tickInterval)
		for _, pub := range w.pubs {
			if up := pub.uplink(); up != nil {
				up.Tick(now)
			}
		}
	}
	if !connected {
		return visitInterval
	}
	if pkts := p.arrivals.feedback(); pkts != nil {
		p.writeRTCP(pkts...)
	}
	wait := p.due.choose.Sub(now)
	for _, pub := range w.pubs {
		if up := pub.uplink(); up != nil && up.Repair(now) {
			wait = min(wait, turnInterval)
		}
	}
	if due := &p.due.report; !now.Before(*due) {
		*due = now.Add(reportInterval)
		p.report(w, now)
	}
	return wait
}

// report sends a sender report (RFC 3550 §6.4.1) for each slot whose source has
// told its clock, and a receiver report on what the client sends.
func (p *Peer) report(w *wiring, now time.Time) {
	var pkts []rtcp.Packet
	for _, s := range w.slots {
		if ssrc, clock, packets, bytes, ok := s.down.Report(); ok {
			pkts = append(pkts, &rtcp.SenderReport{SSRC: ssrc, NTPTime: toNTP(clock.NTP), RTPTime: clock.RTP,
				PacketCount: packets, OctetCount: bytes})
		}
	}
	rr := &rtcp.ReceiverReport{SSRC: p.ssrc}
	for _, s := range p.streams.Load().all {
		if b, ok := s.reception.block(s.ssrc, now); ok && !s.rtx && len(rr.Reports) < maxBlocks {
			rr.Reports = append(rr.Reports, b)
		}
	}
	if len(rr.Reports) > 0 {
		pkts = append(pkts, rr)
	}
	if len(pkts) > 0 {
		p.sendRTCP(append(pkts, p.description()))
	}
}
