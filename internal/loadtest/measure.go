package loadtest

import (
	"context"
	"fmt"
	"time"

	"github.com/meetcast/meetcast/internal/botclient"
	"github.com/meetcast/meetcast/internal/botclient/light"
)

// sample is the sum over all bots at one moment.
type sample struct {
	at       time.Time
	in, out  flow
	lost     uint64
	late     uint64 // recovered
	gaps     uint64
	freezes  uint64
	frozen   time.Duration
	plis     uint64
	foreign  uint64
	over200  uint64
	over500  uint64
	over1000 uint64
	conceal  uint64
	skipped  uint64
	messages uint64
	slow     uint64 // frames sent late
	paused   int    // layers nobody watches
	offers   int
	own      light.Stats
	latency  botclient.Histogram
	server   usage
	client   time.Duration
}

type flow struct{ packets, bytes uint64 }

// measure waits until things have settled, measures and sums up.
func (r *run) measure(ctx context.Context) Result {
	wait(ctx, r.cfg.Settle)
	watching := r.watchBroadcasts(ctx)
	begin := r.sample()
	previous := begin
	tick := time.NewTicker(sampleEvery)
	defer tick.Stop()
	for now := begin.at; now.Sub(begin.at) < r.cfg.Duration && ctx.Err() == nil; {
		select {
		case <-ctx.Done():
		case now = <-tick.C:
			if s := r.sample(); ctx.Err() == nil {
				r.showSample(begin, previous, s)
				previous = s
			}
		}
	}
	out := r.result(begin, r.sample(), ctx.Err() != nil)
	out.Broadcasts = watching.end()
	if r.cfg.PerViewer {
		out.Viewers = r.viewers()
	}
	return out
}

func wait(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}

func (r *run) sample() sample {
	s := sample{at: time.Now(), client: ownCPU()}
	if r.server.pid != 0 {
		if u, err := r.server.usage(); err == nil {
			s.server = u
		}
	}
	for _, m := range r.members() {
		s.add(m.Stats())
	}
	return s
}

func (s *sample) add(b botclient.Stats) {
	s.messages += b.Messages
	s.offers += b.Offers
	s.own.Overflows += b.Path.Overflows
	s.own.Undecipherable += b.Path.Undecipherable
	s.own.Dropped += b.Path.Dropped
	for _, sent := range b.Sent {
		s.in.packets += sent.Packets
		s.in.bytes += sent.Bytes
		s.plis += sent.KeyFrameRequests
		s.slow += sent.LateFrames
		if sent.Paused {
			s.paused++
		}
	}
	for i := range b.Slots {
		slot := &b.Slots[i]
		s.foreign += slot.Foreign
		s.over200 += slot.Over200
		s.over500 += slot.Over500
		s.over1000 += slot.Over1000
		s.conceal += slot.Concealed
		s.skipped += slot.Skipped
		s.latency.Merge(&slot.Latency)
		s.out.packets += slot.Packets
		s.out.bytes += slot.Bytes
		s.lost += slot.Lost
		s.late += slot.Recovered
		s.gaps += slot.Late
		s.freezes += slot.Freezes
		s.frozen += slot.Frozen
	}
}

func (r *run) showSample(begin, previous, now sample) {
	span := now.at.Sub(previous.at).Seconds()
	if span <= 0 {
		return
	}
	server := ""
	if packets := now.out.packets - previous.out.packets; r.server.pid != 0 && packets > 0 {
		cpu := now.server.CPU - previous.server.CPU
		server = fmt.Sprintf(", server %.0f %% CPU", share(cpu, now.at.Sub(previous.at)))
	}
	done := now.at.Sub(begin.at)
	r.show.bar(now.at, done.Seconds()/r.cfg.Duration.Seconds(), "%.0f s  out %s, %.0f packets/s, lost %d, late %d%s",
		done.Seconds(), bitrate(float64(now.out.bytes-previous.out.bytes)*8/span),
		float64(now.out.packets-previous.out.packets)/span, now.lost-begin.lost, now.gaps-begin.gaps, server)
}

// result sums up the time from begin to end, and all joins.
func (r *run) result(begin, end sample, interrupted bool) Result {
	span := end.at.Sub(begin.at)
	out := Result{
		Target: r.cfg.URL, Rooms: r.cfg.Rooms, Publishers: r.cfg.Rooms * r.cfg.Publishers,
		Subscribers: r.cfg.Rooms * r.cfg.Subscribers, Video: r.cfg.Video, Simulcast: r.cfg.Simulcast,
		Measured: span.Seconds(), Interrupted: interrupted, Joins: r.joins(), Media: r.media(begin, end),
		View: r.cfg.View, Views: r.views.Load(),
		ClientCPU: share(end.client-begin.client, span), Notes: r.notes,
	}
	if r.server.pid != 0 {
		cpu := end.server.CPU - begin.server.CPU
		out.Server = &Server{PID: r.server.pid, CPU: share(cpu, span), RSS: end.server.RSS}
		if out.Media.PacketsOut > 0 {
			out.Server.CPUPerPacket = float64(cpu.Microseconds()) / float64(out.Media.PacketsOut)
		}
	}
	return out
}

func (r *run) joins() Joins {
	r.mu.Lock()
	j := Joins{Wanted: r.wanted, Done: len(r.bots), Failed: r.failed, Errors: r.errors}
	r.mu.Unlock()
	var connected, media []time.Duration
	for _, m := range r.members() {
		s := m.Stats()
		connected = append(connected, s.JoinTime)
		switch {
		case s.MediaTime > 0:
			media = append(media, s.MediaTime)
		case m.receives && (r.cfg.Publishers > 1 || !m.sends && r.cfg.Publishers > 0):
			j.NoMedia++ // there was somebody else to be heard or seen
		}
	}
	j.ConnectedP50, j.ConnectedP95 = percentile(connected, 0.5), percentile(connected, 0.95)
	j.MediaP50, j.MediaP95 = percentile(media, 0.5), percentile(media, 0.95)
	return j
}

func (r *run) media(begin, end sample) Media {
	span := end.at.Sub(begin.at).Seconds()
	m := Media{
		PacketsIn: end.in.packets - begin.in.packets, PacketsOut: end.out.packets - begin.out.packets,
		Lost: end.lost - begin.lost, Recovered: end.late - begin.late, LateEvents: end.gaps - begin.gaps,
		Freezes: end.freezes - begin.freezes, Frozen: (end.frozen - begin.frozen).Seconds(),
		KeyFrameRequests: end.plis - begin.plis, LateFrames: end.slow - begin.slow,
		Over200: end.over200 - begin.over200, Over500: end.over500 - begin.over500, Over1000: end.over1000 - begin.over1000,
		Foreign: end.foreign - begin.foreign, Concealed: end.conceal - begin.conceal, Skipped: end.skipped - begin.skipped,
		Overflows: end.own.Overflows - begin.own.Overflows, Undecipherable: end.own.Undecipherable - begin.own.Undecipherable,
		DroppedOnPurpose: end.own.Dropped - begin.own.Dropped, PausedLayers: end.paused,
		Renegotiations: max(end.offers-len(r.members()), 0),
	}
	latency := end.latency.Since(&begin.latency)
	m.LatencyP50, m.LatencyP95, m.LatencyP99 = millis(latency.Quantile(0.5)), millis(latency.Quantile(0.95)), millis(latency.Quantile(0.99))
	if span > 0 {
		m.BitrateIn = float64(end.in.bytes-begin.in.bytes) * 8 / span
		m.BitrateOut = float64(end.out.bytes-begin.out.bytes) * 8 / span
		m.Messages = float64(end.messages-begin.messages) / span
	}
	if all := m.PacketsOut + m.Lost; all > 0 {
		m.LossPercent = 100 * float64(m.Lost) / float64(all)
	}
	var binds, switches []time.Duration
	var gap time.Duration
	for _, b := range r.members() {
		for _, slot := range b.Stats().Slots {
			binds = append(binds, slot.BindTime...)
			switches = append(switches, slot.SwitchTime...)
			gap = max(gap, slot.LongestGap)
			if slot.Late > 0 {
				m.LateSlots++
			}
		}
	}
	m.BindP50, m.BindP95, m.LongestGap = percentile(binds, 0.5), percentile(binds, 0.95), float64(gap.Milliseconds())
	m.SwitchP50, m.SwitchP95 = percentile(switches, 0.5), percentile(switches, 0.95)
	return m
}

// disturbance is what those who were in felt while others joined.
func disturbance(begin, end sample) Disturbance {
	d := Disturbance{Packets: end.out.packets - begin.out.packets, Lost: end.lost - begin.lost,
		Over200: end.over200 - begin.over200, Over500: end.over500 - begin.over500, Over1000: end.over1000 - begin.over1000}
	if all := d.Packets + d.Lost; all > 0 {
		d.LossPercent = 100 * float64(d.Lost) / float64(all)
	}
	return d
}

// viewers are the figures of everybody who receives, over their whole stay.
func (r *run) viewers() []Viewer {
	var out []Viewer
	for _, m := range r.members() {
		if !m.receives {
			continue
		}
		v := Viewer{Room: m.room + 1, Name: m.name}
		var latency botclient.Histogram
		for _, slot := range m.Stats().Slots {
			v.Packets += slot.Packets
			v.Lost += slot.Lost
			v.Frames += slot.Frames
			v.Freezes += slot.Freezes
			v.Over200 += slot.Over200
			v.Over500 += slot.Over500
			v.Over1000 += slot.Over1000
			v.LongestFreeze = max(v.LongestFreeze, millis(slot.LongestFreeze))
			latency.Merge(&slot.Latency)
		}
		v.LatencyP50, v.LatencyP95, v.LatencyMax = millis(latency.Quantile(0.5)), millis(latency.Quantile(0.95)), millis(latency.Max)
		out = append(out, v)
	}
	return out
}

func millis(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// share of one core, percent.
func share(cpu, span time.Duration) float64 {
	if span <= 0 {
		return 0
	}
	return 100 * cpu.Seconds() / span.Seconds()
}
