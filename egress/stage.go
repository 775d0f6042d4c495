package egress

import (
	"slices"
	"sync/atomic"
	"time"

	"github.com/meetcast/meetcast/egress/layout"
	"github.com/meetcast/meetcast/egress/tap"
	"github.com/meetcast/meetcast/sfu/packet"
	"github.com/meetcast/meetcast/sfu/track"
)

const (
	// maxVoices bounds the voices that are mixed; those heard lately come first.
	maxVoices = 32
	// stageTick is how often the stage looks at everything without being asked.
	stageTick = 100 * time.Millisecond
	// speaking is the RMS from which somebody counts as speaking (-42 dBFS), and
	// speakHold how long the ring stays.
	speaking  = 0.008
	speakHold = 500 * time.Millisecond
)

// actor is a member as the stage knows it. The stage's goroutine owns it.
type actor struct {
	view      track.MemberView
	pub       *tap.Publisher
	voices    map[track.TrackID]*tap.Voice
	feeds     map[track.TrackID]*feed
	spokeAt   time.Time
	speaking  atomic.Bool // read by the video loop
	loudness  float64
	available bool // still in the room
}

// placed is a tile with who is in it. The video loop reads it.
type placed struct {
	tile  layout.Tile
	actor *actor
	name  string
	feed  *feed // nil: a card
}

// scene is what the loops show and mix. It is immutable.
type scene struct {
	tiles  []placed
	voices []*tap.Voice
	slate  string // shown when there are no tiles
}

// stage decides who is seen and heard: it follows the room, arranges the tiles,
// and starts and ends feeds and voices. One goroutine owns all of it.
type stage struct {
	p        *program
	actors   map[track.MemberID]*actor
	dominant layout.Dominant
	leaving  []leavingVoice
	speed    speedometer
}

// leavingVoice is a voice that fades out in the next block that is mixed.
type leavingVoice struct {
	voice *tap.Voice
	since time.Time
}

// fadeTime is how long a leaving voice stays in the mix: a few blocks.
const fadeTime = 5 * soundBlock

// run follows the room until stop.
func (s *stage) run() {
	tick := time.NewTicker(stageTick)
	defer tick.Stop()
	for {
		s.turn(time.Now())
		select {
		case <-s.p.stop:
			s.closeAll()
			return
		case <-s.p.poked:
		case <-tick.C:
		}
	}
}

// turn brings the stage up to date.
func (s *stage) turn(now time.Time) {
	snap, mode := s.p.room()
	s.follow(snap)
	recent := s.listen(now, snap.Speakers)
	present := make([]track.MemberID, 0, len(snap.Members))
	members := make([]layout.Member, 0, len(snap.Members))
	for _, m := range snap.Members {
		present = append(present, m.ID)
		screen, ok := m.Track(track.Screen)
		members = append(members, layout.Member{ID: m.ID, Screen: ok && decodable(screen.Info().Codec)})
	}
	tiles := layout.Arrange(layout.Scene{
		Mode: mode, Members: members, Recent: recent,
		Speaker: s.dominant.Update(now, recent, present),
	}, s.p.cfg.Width, s.p.cfg.Height)

	next := &scene{slate: s.p.slate()}
	used := make(map[*feed]bool)
	for _, t := range tiles {
		pl := s.place(t)
		if pl.feed != nil {
			used[pl.feed] = true
		}
		next.tiles = append(next.tiles, pl)
	}
	next.voices = s.cast(snap, recent, now)
	s.p.scene.Store(next)
	s.sweep(used, now)
}

// follow adds those who came and marks those who left.
func (s *stage) follow(snap track.Snapshot) {
	for _, a := range s.actors {
		a.available = false
	}
	for _, m := range snap.Members {
		a := s.actors[m.ID]
		if a == nil {
			a = &actor{pub: tap.NewPublisher(), voices: make(map[track.TrackID]*tap.Voice),
				feeds: make(map[track.TrackID]*feed)}
			s.actors[m.ID] = a
		}
		a.view, a.available = m, true
	}
}

// listen marks who speaks, and returns who was heard lately, loudest first: as
// the room says, or as the mix sounds when the room says nothing.
func (s *stage) listen(now time.Time, speakers []track.MemberID) []track.MemberID {
	var heard []track.MemberID
	for id, a := range s.actors {
		a.loudness = 0
		for _, v := range a.voices {
			a.loudness = max(a.loudness, v.Level())
		}
		if a.loudness > speaking {
			a.spokeAt = now
			heard = append(heard, id)
		}
		a.speaking.Store(!a.spokeAt.IsZero() && now.Sub(a.spokeAt) < speakHold)
	}
	if len(speakers) > 0 {
		return speakers
	}
	slices.SortFunc(heard, func(x, y track.MemberID) int {
		if s.actors[x].loudness > s.actors[y].loudness {
			return -1
		}
		return 1
	})
	return heard
}

// place finds or starts the feed of a tile.
func (s *stage) place(t layout.Tile) placed {
	a := s.actors[t.Member]
	pl := placed{tile: t, actor: a, name: a.view.Name}
	up, ok := a.view.Track(t.Source)
	if !ok || !decodable(up.Info().Codec) {
		return pl
	}
	f := a.feeds[up.Info().ID]
	if f != nil && f.up != up {
		s.p.retire(f)
		f = nil
	}
	if f == nil {
		f = newFeed(up, a.pub, s.p, t)
		a.feeds[up.Info().ID] = f
	} else {
		f.want(t)
	}
	pl.feed = f
	return pl
}

// cast finds or starts the voices to be mixed; those that end are among them
// until they have faded out.
func (s *stage) cast(snap track.Snapshot, recent []track.MemberID, now time.Time) (on []*tap.Voice) {
	wanted := make(map[*tap.Voice]bool)
	add := func(m track.MemberView, src track.Source) {
		up, ok := m.Track(src)
		if !ok || up.Info().Codec != packet.Opus || len(on) >= maxVoices {
			return
		}
		a := s.actors[m.ID]
		v := a.voices[up.Info().ID]
		if v == nil {
			var err error
			if v, err = tap.NewVoice(up, a.pub, s.p.clock); err != nil {
				s.p.log.Error("listen to a voice", "member", m.ID, "err", err)
				return
			}
			a.voices[up.Info().ID] = v
		}
		if !wanted[v] {
			wanted[v] = true
			on = append(on, v)
		}
	}
	for _, late := range []bool{false, true} {
		for _, m := range snap.Members {
			if slices.Contains(recent, m.ID) != late {
				add(m, track.Microphone)
				add(m, track.ScreenAudio)
			}
		}
	}
	for _, a := range s.actors {
		for id, v := range a.voices {
			if !wanted[v] {
				v.Leave()
				s.leaving = append(s.leaving, leavingVoice{v, now})
				delete(a.voices, id)
			}
		}
	}
	s.leaving = slices.DeleteFunc(s.leaving, func(l leavingVoice) bool {
		if now.Sub(l.since) > fadeTime {
			l.voice.Close()
			return true
		}
		on = append(on, l.voice)
		return false
	})
	return on
}

// sweep ends what is no longer seen and forgets who left.
func (s *stage) sweep(used map[*feed]bool, now time.Time) {
	for id, a := range s.actors {
		for tid, f := range a.feeds {
			if used[f] {
				f.tick(now)
				continue
			}
			delete(a.feeds, tid)
			s.p.retire(f)
		}
		if !a.available && len(a.voices) == 0 && len(a.feeds) == 0 {
			delete(s.actors, id)
		}
	}
	s.speed.note(now, s.p.video.Stats().Out, s.p.cfg.FPS)
	s.p.noteStats(s.actors, s.speed.value)
}

// closeAll ends every feed and voice.
func (s *stage) closeAll() {
	s.p.scene.Store(&scene{})
	for _, a := range s.actors {
		for _, f := range a.feeds {
			s.p.retire(f)
		}
		for _, v := range a.voices {
			v.Close()
		}
	}
	for _, l := range s.leaving {
		l.voice.Close()
	}
	s.p.noteStats(nil, s.speed.value)
}
