package egress

import (
	"time"

	"github.com/meetcast/meetcast/sfu/track"
)

// addFeed adds the counters of a feed.
func addFeed(s *Stats, f feedStats) {
	s.DecoderStarts += f.decoder.Starts
	s.DecoderCrashes += f.decoder.Crashes
	if s.Drops == nil {
		s.Drops = make(map[string]uint64)
	}
	s.Drops["decoder too slow"] += f.decoder.Overflow
	s.Drops["video packet late"] += f.video.Late
	s.Drops["video packet lost"] += f.video.Lost
	s.Drops["video frame broken"] += f.video.Broken
	s.Drops["video frame without key"] += f.video.NoKey
	s.Drops["picture not shown"] += f.dropped
}

// speedometer measures how fast pictures are encoded, over three seconds.
type speedometer struct {
	from  time.Time
	out   uint64
	value float64 // pictures per picture due, 1 keeps up
}

func (s *speedometer) note(now time.Time, out uint64, fps int) {
	const span = 3 * time.Second
	if s.from.IsZero() {
		s.from, s.out, s.value = now, out, 1
	}
	if took := now.Sub(s.from); took >= span {
		s.value = float64(out-s.out) / (took.Seconds() * float64(fps))
		s.from, s.out = now, out
	}
}

// noteStats gathers the counters of everybody on stage; the stage calls it.
func (p *program) noteStats(actors map[track.MemberID]*actor, speed float64) {
	s := Stats{EncoderSpeed: speed, Drops: make(map[string]uint64)}
	for _, a := range actors {
		for _, f := range a.feeds {
			addFeed(&s, f.stats())
			s.Tiles++
		}
		for _, v := range a.voices {
			vs := v.Stats()
			s.Drops["sound packet late"] += vs.Late
			s.Drops["sound packet lost"] += vs.Lost
			s.Drops["sound packet broken"] += vs.Broken
			s.Voices++
		}
		if len(a.feeds)+len(a.voices) > 0 {
			s.PlayoutDelay = max(s.PlayoutDelay, a.pub.Delay())
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.gathered = s
}

// stats returns the counters of the programme.
func (p *program) stats() Stats {
	p.mu.Lock()
	s := p.gathered
	drops := make(map[string]uint64)
	for _, from := range []map[string]uint64{p.gathered.Drops, p.past.Drops} {
		for k, v := range from {
			if v > 0 {
				drops[k] += v
			}
		}
	}
	s.Drops = drops
	s.DecoderStarts += p.past.DecoderStarts
	s.DecoderCrashes += p.past.DecoderCrashes
	p.mu.Unlock()
	v, a := p.video.Stats(), p.audio.Stats()
	s.FramesOut, s.AudioOut = v.Out, a.Out
	s.Duplicated, s.Skipped = v.Duplicated, v.Skipped
	s.EncoderCrashes = v.Crashes + a.Crashes
	s.Late = p.late.Load()
	if n := p.mute.Load(); n > 0 {
		drops["sound block too late"] = n
	}
	s.EncoderLag = time.Duration(v.Lag) * time.Second / time.Duration(p.cfg.FPS)
	return s
}
