package loadtest

import (
	"context"
	"slices"
	"time"

	"github.com/meetcast/meetcast/internal/botclient"
	"github.com/meetcast/meetcast/sfu/track"
	"github.com/meetcast/meetcast/signaling/wire"
)

const (
	// lookEvery is how often a receiver looks for publishers it does not show.
	lookEvery = 500 * time.Millisecond
	// viewTimeout is for the answer to a view.
	viewTimeout = 10 * time.Second
)

// screen is what one receiver shows, as its page would decide it.
type screen struct {
	cfg     *Config
	self    string
	slots   int
	page    int
	large   bool     // the other size of ResizeEvery
	speaker string   // dominant, empty before anybody spoke
	shown   []string // kept where they are as long as they are there
}

// wants returns the pictures for the cameras of the room.
func (s *screen) wants(cameras []string) []wire.Want {
	others := slices.DeleteFunc(slices.Clone(cameras), func(id string) bool { return id == s.self })
	if len(others) == 0 || s.slots <= 0 {
		return nil
	}
	if s.cfg.PageEvery > 0 {
		s.shown = s.pageOf(others)
	} else {
		s.keep(others)
	}
	var want []wire.Want
	for _, id := range s.shown {
		w := wire.Want{Participant: id, Source: string(track.Camera), Width: s.cfg.TileWidth, Height: s.cfg.TileHeight}
		if s.large || s.cfg.View == ViewSpeaker && id == s.stage() {
			w.Width, w.Height = s.cfg.Width, s.cfg.Height
		}
		want = append(want, w)
	}
	if s.cfg.View == ViewSpeaker { // the most important first
		stage := s.stage()
		i := slices.IndexFunc(want, func(w wire.Want) bool { return w.Participant == stage })
		if i > 0 {
			want = slices.Insert(slices.Delete(slices.Clone(want), i, i+1), 0, want[i])
		}
	}
	return want
}

// stage is who is shown large: the speaker, or the first before anybody spoke.
func (s *screen) stage() string {
	if slices.Contains(s.shown, s.speaker) {
		return s.speaker
	}
	return s.shown[0]
}

// pageOf turns the pages endlessly.
func (s *screen) pageOf(others []string) []string {
	n := min(s.slots, len(others))
	list := make([]string, 0, n)
	for i := range n {
		list = append(list, others[(s.page*s.slots+i)%len(others)])
	}
	return list
}

// keep fills the screen; a speaker who is not on it takes the last place.
func (s *screen) keep(others []string) {
	s.shown = slices.DeleteFunc(s.shown, func(id string) bool { return !slices.Contains(others, id) })
	for _, id := range others {
		if len(s.shown) < s.slots && !slices.Contains(s.shown, id) {
			s.shown = append(s.shown, id)
		}
	}
	if s.cfg.View == ViewSpeaker && slices.Contains(others, s.speaker) && !slices.Contains(s.shown, s.speaker) {
		s.shown[len(s.shown)-1] = s.speaker
	}
}

// look plays the page of one receiver until the context ends.
func (r *run) look(ctx context.Context, m *member) {
	s := screen{cfg: &r.cfg, self: m.self, slots: r.cfg.VideoSlots}
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	began, sent := time.Now(), []wire.Want(nil)
	show := func() {
		want := s.wants(r.cameras(m.room))
		if slices.Equal(want, sent) {
			return
		}
		ctx, cancel := context.WithTimeout(ctx, viewTimeout)
		defer cancel()
		if m.View(ctx, want, true) == nil {
			sent = want
			r.views.Add(1)
		}
	}
	show()
	for {
		select {
		case <-ctx.Done():
			return
		case e := <-m.Events():
			if e.Type == botclient.EventClosed {
				return
			}
			speakers, ok := e.Message.(*wire.Speakers)
			if !ok || r.cfg.View != ViewSpeaker || !s.listen(speakers.Speakers) {
				continue
			}
		case now := <-tick.C:
			if r.cfg.PageEvery > 0 {
				s.page = int(now.Sub(began) / r.cfg.PageEvery)
			}
			if r.cfg.ResizeEvery > 0 {
				s.large = int(now.Sub(began)/r.cfg.ResizeEvery)%2 == 1
			}
		}
		show()
	}
}

// listen notes the dominant speaker who is not oneself.
func (s *screen) listen(speakers []string) bool {
	for _, id := range speakers {
		if id != s.self {
			changed := s.speaker != id
			s.speaker = id
			return changed
		}
	}
	return false
}
