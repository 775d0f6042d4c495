package sfu

import (
	"slices"
	"time"

	"github.com/pion/rtcp"

	"github.com/meetcast/meetcast/sfu/allocate"
	"github.com/meetcast/meetcast/sfu/layer"
	"github.com/meetcast/meetcast/sfu/track"
)

const (
	// controlInterval is how often layers are chosen anew.
	controlInterval = 100 * time.Millisecond
	// probeInterval is how often padding is sent while a probe runs.
	probeInterval = 10 * time.Millisecond
	// reportInterval is how often subscribers get sender reports.
	reportInterval = time.Second
	// audioRate is what a speaking audio slot is taken to cost, bit/s.
	audioRate = 40_000
	// trust is what a subscriber's path is taken to carry until it shows otherwise,
	// bit/s: a picture without layers must not wait for an estimate.
	trust = 3_000_000
	// unlimited is the budget of a subscriber that did not agree to give feedback.
	unlimited = 1 << 40
)

// maxRepair bounds the bandwidth by which retransmissions are measured, bit/s.
const maxRepair = 8_000_000

// guessedRates stand for layers whose bitrate has not been measured yet.
var guessedRates = []int{150_000, 500_000, 1_500_000, 2_500_000}

// control is the peer's own loop: layers, key frames that did not come, probes,
// sender reports.
func (p *Peer) control() {
	timer := time.NewTimer(controlInterval)
	defer timer.Stop()
	var nextControl, nextReport time.Time
	demand := 0
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
		if woken || !now.Before(nextControl) {
			nextControl = now.Add(controlInterval)
			demand = p.allocate(slots)
			p.tick(slots, now)
		}
		if !now.Before(nextReport) {
			nextReport = now.Add(reportInterval)
			p.report(slots)
		}
		wait := time.Until(nextControl)
		if p.probe(slots, now, demand) {
			wait = min(wait, probeInterval)
		}
		timer.Reset(max(wait, time.Millisecond))
	}
}

// tick repeats requests for key frames: ours to others, and others' to ours.
func (p *Peer) tick(slots []*slot, now time.Time) {
	for _, s := range slots {
		s.down.Tick(now)
	}
	for _, up := range p.uplinks() {
		up.Tick(now)
	}
}

// allocate chooses the layer of every video slot and returns what all that is
// wanted would take, bit/s; 0 when nothing is sent.
func (p *Peer) allocate(slots []*slot) (demand int) {
	var streams []allocate.Stream
	var video []*slot
	audio := 0
	for _, s := range slots {
		up, size := s.down.Bound()
		if up == nil {
			continue
		}
		if s.kind == track.Audio {
			audio += audioRate
			continue
		}
		video, streams = append(video, s), append(streams, p.stream(s, up, size))
	}
	if len(video) == 0 {
		return 0
	}
	budget := unlimited
	if slices.ContainsFunc(video, func(s *slot) bool { return s.down.Stamped() }) {
		budget = p.bwe.Target() - audio
		if !p.bwe.Tested() {
			budget = max(budget, allocate.Floor(trust, streams))
		}
	}
	for i, l := range allocate.Allocate(budget, streams) {
		video[i].down.SetLayer(l)
		video[i].down.SetBandwidth(min(budget, maxRepair) / len(video))
	}
	return allocate.Demand(streams) + audio
}

// stream describes a video slot to the allocator.
func (p *Peer) stream(s *slot, up track.UpTrack, size track.Size) allocate.Stream {
	layers := up.Layers()
	st := allocate.Stream{Screen: up.Info().Source == track.Screen, Area: size.Width * size.Height,
		Wanted: layer.Choose(layers, size), Current: s.down.Layer(), Rates: make([]int, len(layers))}
	idle := true
	for _, l := range layers {
		idle = idle && !l.Active
	}
	for i, l := range layers {
		if l.Active || idle {
			st.Rates[i] = max(l.Bitrate, 1)
			if l.Bitrate == 0 {
				st.Rates[i] = guessedRates[min(i, len(guessedRates)-1)]
			}
		}
	}
	return st
}

// probe sends padding when the estimator wants to know whether more would fit,
// and tells whether it is still at it.
func (p *Peer) probe(slots []*slot, now time.Time, demand int) bool {
	if demand == 0 || p.State() != Connected {
		return false
	}
	bytes, running := p.bwe.Probe(now, demand)
	for _, s := range slots {
		if bytes <= 0 {
			break
		}
		if s.kind == track.Video {
			bytes -= s.down.Pad(bytes)
		}
	}
	return running
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
