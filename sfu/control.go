package sfu

import (
	"time"

	"github.com/pion/rtcp"

	"github.com/meetcast/meetcast/sfu/downlink"
	"github.com/meetcast/meetcast/sfu/forward"
)

// reportInterval is how often subscribers get sender reports.
const reportInterval = time.Second

// control is the peer's own loop: layers, key frames that did not come, probes,
// sender reports.
func (p *Peer) control() {
	timer := time.NewTimer(0)
	defer timer.Stop()
	var nextReport time.Time
	var downs []*forward.Down
	choice := downlink.New(p.bwe)
	for {
		woken := false
		select {
		case <-p.lifetime.Done():
			return
		case <-p.wake:
			woken = true
		case <-timer.C:
		}
		now := time.Now()
		slots := p.currentSlots()
		downs = downs[:0]
		for _, s := range slots {
			downs = append(downs, s.down)
		}
		wait := choice.Run(now, downs, woken, p.State() == Connected)
		for _, up := range p.uplinks() {
			up.Tick(now)
		}
		if !now.Before(nextReport) {
			nextReport = now.Add(reportInterval)
			p.report(slots)
		}
		timer.Reset(max(wait, time.Millisecond))
	}
}

// report sends a sender report (RFC 3550 §6.4.1) for each slot whose source has
// told its clock.
func (p *Peer) report(slots []*slot) {
	if p.State() != Connected {
		return
	}
	var pkts []rtcp.Packet
	for _, s := range slots {
		if ssrc, clock, packets, bytes, ok := s.down.Report(); ok {
			pkts = append(pkts, &rtcp.SenderReport{SSRC: ssrc, NTPTime: toNTP(clock.NTP), RTPTime: clock.RTP,
				PacketCount: packets, OctetCount: bytes})
		}
	}
	if len(pkts) > 0 {
		p.writeRTCP(pkts...)
	}
}
