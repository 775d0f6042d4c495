package loadtest

import (
	"context"
	"fmt"
	"time"

	"github.com/meetcast/meetcast/internal/botclient"
	"github.com/meetcast/meetcast/sfu/track"
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
	messages uint64
	slow     uint64 // frames sent late
	server   usage
	client   time.Duration
}

type flow struct{ packets, bytes uint64 }

// measure waits until things have settled, measures and sums up.
func (r *run) measure(ctx context.Context) Result {
	wait(ctx, settleTime)
	begin := r.sample()
	previous := begin
	tick := time.NewTicker(sampleEvery)
	defer tick.Stop()
	turn := begin.at
	for now := begin.at; now.Sub(begin.at) < r.cfg.Duration && ctx.Err() == nil; {
		select {
		case <-ctx.Done():
		case now = <-tick.C:
			if s := r.sample(); ctx.Err() == nil {
				r.showSample(begin, previous, s)
				previous = s
			}
			if now.Sub(turn) >= r.cfg.SpeakerTurn || turn.Equal(begin.at) {
				turn = now
				r.speak(int(now.Sub(begin.at) / r.cfg.SpeakerTurn))
			}
		}
	}
	return r.result(begin, r.sample(), ctx.Err() != nil)
}

func wait(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}

// speak gives the word to the next speakers of each room.
func (r *run) speak(turn int) {
	if r.cfg.Speakers <= 0 || r.cfg.Publishers == 0 {
		return
	}
	position := make([]int, r.cfg.Rooms)
	for _, m := range r.members() {
		if !m.sends {
			continue
		}
		first := turn * r.cfg.Speakers % r.cfg.Publishers
		level := uint8(levelSilent)
		if (position[m.room]-first+r.cfg.Publishers)%r.cfg.Publishers < r.cfg.Speakers {
			level = levelSpeaking
		}
		m.SetLevel(track.Microphone, level)
		position[m.room]++
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
	for _, sent := range b.Sent {
		s.in.packets += sent.Packets
		s.in.bytes += sent.Bytes
		s.plis += sent.KeyFrameRequests
		s.slow += sent.LateFrames
	}
	for _, slot := range b.Slots {
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
	r.show.live(now.at, "%3.0f s  out %s, %.0f packets/s, lost %d, late %d%s",
		now.at.Sub(begin.at).Seconds(), bitrate(float64(now.out.bytes-previous.out.bytes)*8/span),
		float64(now.out.packets-previous.out.packets)/span, now.lost-begin.lost, now.gaps-begin.gaps, server)
}

// result sums up the time from begin to end, and all joins.
func (r *run) result(begin, end sample, interrupted bool) Result {
	span := end.at.Sub(begin.at)
	out := Result{
		Target: r.cfg.URL, Rooms: r.cfg.Rooms, Publishers: r.cfg.Rooms * r.cfg.Publishers,
		Subscribers: r.cfg.Rooms * r.cfg.Subscribers, Video: r.cfg.Video, Simulcast: r.cfg.Simulcast,
		Measured: span.Seconds(), Interrupted: interrupted, Joins: r.joins(), Media: r.media(begin, end),
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
	}
	if span > 0 {
		m.BitrateIn = float64(end.in.bytes-begin.in.bytes) * 8 / span
		m.BitrateOut = float64(end.out.bytes-begin.out.bytes) * 8 / span
		m.Messages = float64(end.messages-begin.messages) / span
	}
	if all := m.PacketsOut + m.Lost; all > 0 {
		m.LossPercent = 100 * float64(m.Lost) / float64(all)
	}
	var binds []time.Duration
	var gap time.Duration
	for _, b := range r.members() {
		for _, slot := range b.Stats().Slots {
			binds = append(binds, slot.BindTime...)
			gap = max(gap, slot.LongestGap)
			if slot.Late > 0 {
				m.LateSlots++
			}
		}
	}
	m.BindP50, m.BindP95, m.LongestGap = percentile(binds, 0.5), percentile(binds, 0.95), float64(gap.Milliseconds())
	return m
}

// share of one core, percent.
func share(cpu, span time.Duration) float64 {
	if span <= 0 {
		return 0
	}
	return 100 * cpu.Seconds() / span.Seconds()
}
