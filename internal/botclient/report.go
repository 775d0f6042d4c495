package botclient

import (
	"time"

	"github.com/pion/rtcp"
)

const (
	// reportEvery is how often a bot reports arrivals for congestion control
	// and asks again for what it misses.
	reportEvery = 100 * time.Millisecond
	// receptionEvery is how many of those bring a receiver report.
	receptionEvery = 10
	// maxReports of one receiver report, RFC 3550 §6.4.2.
	maxReports = 31
)

// reportLoop is a bot's one ticking goroutine.
func (b *Bot) reportLoop() {
	tick := time.NewTicker(reportEvery)
	defer tick.Stop()
	for n := 0; ; n++ {
		select {
		case <-b.ctx.Done():
			return
		case now := <-tick.C:
			b.report(now, n%receptionEvery == receptionEvery-1)
		}
	}
}

func (b *Bot) report(now time.Time, reception bool) {
	packets := b.feedback.take()
	var reports []rtcp.ReceptionReport
	for _, r := range b.allReceivers() {
		nack, pli, report, ssrc := r.tick(now)
		if ssrc == 0 {
			continue
		}
		if len(nack) > 0 {
			packets = append(packets, b.nack(ssrc, nack))
		}
		if pli {
			packets = append(packets, &rtcp.PictureLossIndication{SenderSSRC: b.ssrc, MediaSSRC: ssrc})
		}
		if reception && len(reports) < maxReports {
			reports = append(reports, report)
			r.mu.Lock()
			r.seq.reported()
			r.mu.Unlock()
		}
	}
	if len(reports) > 0 {
		packets = append([]rtcp.Packet{&rtcp.ReceiverReport{SSRC: b.ssrc, Reports: reports}}, packets...)
	}
	if len(packets) > 0 {
		_ = b.pc.WriteRTCP(packets) // fails until connected and after the end
	}
}

func (b *Bot) nack(ssrc uint32, numbers []uint16) rtcp.Packet {
	return &rtcp.TransportLayerNack{SenderSSRC: b.ssrc, MediaSSRC: ssrc, Nacks: rtcp.NackPairsFromSequenceNumbers(numbers)}
}

// sendNACK asks at once for packets seen to be missing.
func (b *Bot) sendNACK(r *receiver, numbers []uint16) {
	r.mu.Lock()
	ssrc := r.ssrc
	r.mu.Unlock()
	_ = b.pc.WriteRTCP([]rtcp.Packet{b.nack(ssrc, numbers)})
}
