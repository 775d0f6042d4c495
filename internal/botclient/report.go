package botclient

import (
	"time"

	"github.com/pion/rtcp"
)

const (
	// reportEvery is how often a bot reports arrivals for congestion control, as
	// Chromium does above 200 kbit/s, and asks again for what it misses.
	reportEvery = 50 * time.Millisecond
	// receptionEvery is how many of those bring receiver and sender reports.
	receptionEvery = 20
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
		w := r.tick(now)
		if w.ssrc == 0 {
			continue
		}
		if len(w.nack) > 0 {
			packets = append(packets, b.nack(w.ssrc, w.nack))
		}
		if w.pli {
			packets = append(packets, &rtcp.PictureLossIndication{SenderSSRC: b.ssrc, MediaSSRC: w.ssrc})
		}
		if reception && len(reports) < maxReports {
			reports = append(reports, w.report)
			r.reported()
		}
	}
	var compound []rtcp.Packet
	if reception {
		for _, s := range b.senders {
			compound = append(compound, s.reports(now)...)
		}
	}
	if len(reports) > 0 {
		compound = append(compound, &rtcp.ReceiverReport{SSRC: b.ssrc, Reports: reports})
	}
	b.sendRTCP(append(compound, packets...)...)
}

func (b *Bot) nack(ssrc uint32, numbers []uint16) rtcp.Packet {
	return &rtcp.TransportLayerNack{SenderSSRC: b.ssrc, MediaSSRC: ssrc, Nacks: rtcp.NackPairsFromSequenceNumbers(numbers)}
}

// maxRTCP keeps compound packets below the path's MTU, bytes.
const maxRTCP = 1100

// sendRTCP sends packets in as few compounds as fit. It fails until connected
// and after the end, which is nobody's concern.
func (b *Bot) sendRTCP(packets ...rtcp.Packet) {
	var out []byte
	for _, p := range packets {
		raw, err := p.Marshal()
		if err != nil || len(raw) > maxRTCP {
			continue
		}
		if len(out)+len(raw) > maxRTCP {
			_ = b.conn.WriteRTCP(out)
			out = out[:0]
		}
		out = append(out, raw...)
	}
	if len(out) > 0 {
		_ = b.conn.WriteRTCP(out)
	}
}

// RTCP implements light.Handler: it hands the server's reports and requests to
// the slots and tracks they concern.
func (b *Bot) RTCP(raw []byte, now time.Time) {
	packets, err := rtcp.Unmarshal(raw)
	if err != nil {
		return
	}
	for _, p := range packets {
		switch p := p.(type) {
		case *rtcp.SenderReport:
			if r, ok := b.routes.bySSRC(p.SSRC); ok {
				r.senderReport(now, p.NTPTime)
			}
		case *rtcp.PictureLossIndication:
			if e := b.encoding(p.MediaSSRC); e != nil {
				e.askKey()
			}
		case *rtcp.FullIntraRequest:
			for _, f := range p.FIR {
				if e := b.encoding(f.SSRC); e != nil {
					e.askKey()
				}
			}
		case *rtcp.TransportLayerNack:
			if e := b.encoding(p.MediaSSRC); e != nil {
				for _, pair := range p.Nacks {
					e.repeat(pair.PacketList())
				}
			}
		}
	}
}

// encoding returns the published layer with an SSRC.
func (b *Bot) encoding(ssrc uint32) *encoding {
	for _, s := range b.senders {
		for _, e := range s.layers {
			if e.ssrc == ssrc {
				return e
			}
		}
	}
	return nil
}
