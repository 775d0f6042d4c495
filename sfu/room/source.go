package room

import (
	"slices"

	"github.com/meetcast/meetcast/sfu/track"
)

// key names a source that may be carried by a slot. The zero key is nothing.
type key struct {
	Member track.MemberID
	Source track.Source
}

// source is one published track. A track that is published anew is another
// source.
type source struct {
	member *Member
	up     track.UpTrack
	info   track.Info
	// live is set while it is published and not muted: it may be in slots.
	live bool

	// Of the assigner: the number of the assignment that picked it last, and its
	// place in it.
	picked uint64
	place  int
}

func (s *source) key() key { return key{s.member.id, s.info.Source} }

// scene is what there is to see and hear in a room. It is kept up to date by
// setLive; moved says what is new in it since the last round.
type scene struct {
	members map[track.MemberID]*Member // of the room
	// Live sources in order of joining.
	audio, cameras, screens []*source
	// loudest ranks the live audio sources that are heard, speakers the live
	// cameras of those who speak.
	loudest, speakers []*source
}

// find returns a live source, nil when there is none.
func (s *scene) find(k key) *source {
	if m := s.members[k.Member]; m != nil {
		if src := m.source(k.Source); src != nil && src.live {
			return src
		}
	}
	return nil
}

// list returns the list in which a source is while it is live.
func (s *scene) list(of track.Source) *[]*source {
	switch of {
	case track.Screen:
		return &s.screens
	case track.Camera:
		return &s.cameras
	}
	return &s.audio
}

// set adds or removes a source, in order of joining.
func (s *scene) set(src *source, live bool) {
	list := s.list(src.info.Source)
	at, _ := slices.BinarySearchFunc(*list, src.member.number, func(e *source, n uint64) int {
		if e.member.number < n || live && e.member.number == n { // the newest of a member comes last
			return -1
		}
		return 1
	})
	if live {
		*list = slices.Insert(*list, at, src)
		return
	}
	for ; at < len(*list); at++ {
		if (*list)[at] == src {
			*list = slices.Delete(*list, at, at+1)
			return
		}
	}
}

// rank takes the ranking of the voices.
func (s *scene) rank(voices []track.MemberID) {
	s.loudest, s.speakers = s.loudest[:0], s.speakers[:0]
	for _, voice := range voices {
		k := voiceKey(voice)
		if src := s.find(k); src != nil {
			s.loudest = append(s.loudest, src)
		}
		if k.Source != track.Microphone {
			continue
		}
		if src := s.find(key{k.Member, track.Camera}); src != nil {
			s.speakers = append(s.speakers, src)
		}
	}
}

// moves collects what changed in the scene since the last round of slots.
type moves struct {
	// gone: sources left the scene. came has those that entered it.
	gone bool
	came map[key]struct{}
	// audio, video, screens: some of came are of this sort; ranks: another
	// ranking of the voices.
	audio, video, screens, ranks bool
}

func (c *moves) any() bool { return c.gone || c.ranks || len(c.came) > 0 }

func (c *moves) reset() {
	clear(c.came)
	*c = moves{came: c.came}
}

// setLive puts a source into the scene or takes it out.
func (r *Room) setLive(src *source, live bool) {
	if src.live == live {
		return
	}
	src.live = live
	r.scene.set(src, live)
	if !live {
		r.moved.gone = true
		return
	}
	if r.moved.came == nil {
		r.moved.came = make(map[key]struct{})
	}
	r.moved.came[src.key()] = struct{}{}
	switch {
	case src.info.Kind == track.Audio:
		r.moved.audio = true
	case src.info.Source == track.Screen:
		r.moved.screens, r.moved.video = true, true
	default:
		r.moved.video = true
	}
}
