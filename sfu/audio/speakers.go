package audio

import (
	"cmp"
	"slices"
	"time"

	"github.com/meetcast/meetcast/sfu/track"
)

// Defaults of SpeakersConfig.
const (
	DefaultOn      = 0.25                    // -52 dBov
	DefaultOff     = 0.18                    // -57 dBov
	DefaultMargin  = 0.06                    // about 4 dB
	DefaultAttack  = 150 * time.Millisecond  // a cough is shorter
	DefaultSwitch  = 400 * time.Millisecond  // a "mhm" is shorter
	DefaultRelease = 1500 * time.Millisecond // a pause between sentences is shorter
)

// SpeakersConfig tunes Speakers. The zero value takes the defaults.
type SpeakersConfig struct {
	// On is the loudness from which somebody counts as speaking, Off the one
	// below which they count as silent, both on the scale of Meter.
	On, Off float64
	// Margin is by how much somebody must be louder to be listed before another.
	Margin float64
	// Attack is how long somebody must be louder than On to be listed.
	Attack time.Duration
	// Switch is how long somebody must be louder than the one listed before
	// them, by Margin, to change places.
	Switch time.Duration
	// Release is how long somebody silent stays listed.
	Release time.Duration
	// Max is how many are listed, 0 for all.
	Max int
}

// Level is how loud somebody is now.
type Level struct {
	ID       track.MemberID
	Loudness float64 // 0 .. 1, as of track.UpTrack
}

// Speakers ranks those who speak, loudest first, and changes its mind slowly:
// short noises do not enter, and two who are about equally loud do not swap
// places. It is a plain value owned by one goroutine.
type Speakers struct {
	cfg   SpeakersConfig
	heard map[track.MemberID]*voice
	// ranked holds those listed, the dominant one first.
	ranked []track.MemberID
	round  uint64
	told   []track.MemberID
}

// voice is what Speakers remembers of one member.
type voice struct {
	loudness float64
	// since is when the loudness rose above On, zero while it is below.
	since time.Time
	// heard is when the loudness was last above Off.
	heard time.Time
	// above is since when this voice beats the one ranked before it, zero
	// while it does not.
	above time.Time
	round uint64
}

// NewSpeakers returns an empty ranking.
func NewSpeakers(cfg SpeakersConfig) *Speakers {
	cfg.On = cmp.Or(cfg.On, DefaultOn)
	cfg.Off = cmp.Or(cfg.Off, min(DefaultOff, cfg.On))
	cfg.Margin = cmp.Or(cfg.Margin, DefaultMargin)
	cfg.Attack = cmp.Or(cfg.Attack, DefaultAttack)
	cfg.Switch = cmp.Or(cfg.Switch, DefaultSwitch)
	cfg.Release = cmp.Or(cfg.Release, DefaultRelease)
	return &Speakers{cfg: cfg, heard: make(map[track.MemberID]*voice)}
}

// Observe takes the present level of everybody who may be heard and returns
// who speaks, the dominant speaker first, and whether that differs from what
// the last call returned. Who is absent from levels has left. The result must
// not be changed and is valid until the next call. It is meant to be called
// some five to ten times a second.
func (s *Speakers) Observe(now time.Time, levels []Level) (speakers []track.MemberID, changed bool) {
	s.round++
	for _, l := range levels {
		s.hear(now, l)
	}
	for id, v := range s.heard {
		if v.round != s.round {
			delete(s.heard, id)
		}
	}
	s.ranked = slices.DeleteFunc(s.ranked, func(id track.MemberID) bool {
		v := s.heard[id]
		return v == nil || now.Sub(v.heard) > s.cfg.Release
	})
	s.enter(now, levels)
	s.rank(now)
	top := s.ranked
	if s.cfg.Max > 0 && len(top) > s.cfg.Max {
		top = top[:s.cfg.Max]
	}
	changed = !slices.Equal(top, s.told)
	if changed {
		s.told = slices.Clone(top)
	}
	return s.told, changed
}

// hear notes one level.
func (s *Speakers) hear(now time.Time, l Level) {
	v := s.heard[l.ID]
	if v == nil {
		v = &voice{}
		s.heard[l.ID] = v
	}
	v.round, v.loudness = s.round, l.Loudness
	switch {
	case l.Loudness < s.cfg.On:
		v.since = time.Time{}
	case v.since.IsZero():
		v.since = now
	}
	if l.Loudness >= s.cfg.Off {
		v.heard = now
	}
}

// enter lists those who have been loud for long enough, at the end.
func (s *Speakers) enter(now time.Time, levels []Level) {
	for _, l := range levels {
		v := s.heard[l.ID]
		if v.since.IsZero() || now.Sub(v.since) < s.cfg.Attack || slices.Contains(s.ranked, l.ID) {
			continue
		}
		v.above = time.Time{}
		s.ranked = append(s.ranked, l.ID)
	}
}

// rank lets the louder change places with their neighbour, the last first, so
// that one who beats everybody may rise to the top at once.
func (s *Speakers) rank(now time.Time) {
	for i := len(s.ranked) - 1; i > 0; i-- {
		v, before := s.heard[s.ranked[i]], s.heard[s.ranked[i-1]]
		if v.loudness < before.loudness+s.cfg.Margin {
			v.above = time.Time{}
			continue
		}
		if v.above.IsZero() {
			v.above = now
		}
		if now.Sub(v.above) < s.cfg.Switch {
			continue
		}
		s.ranked[i], s.ranked[i-1] = s.ranked[i-1], s.ranked[i]
		before.above = time.Time{}
	}
}
