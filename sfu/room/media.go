package room

import (
	"slices"

	"github.com/meetcast/meetcast/sfu/track"
)

type publish struct {
	m  *Member
	up track.UpTrack
}

func (a *publish) apply(r *Room) {
	if a.m.gone {
		return
	}
	info := a.up.Info()
	kind, known := info.Source.Kind()
	if !known || kind != info.Kind {
		r.logger.Warn("track of unknown source ignored", "member", string(a.m.id), "source", string(info.Source))
		return
	}
	src := &source{member: a.m, up: a.up, info: info}
	at := slices.IndexFunc(a.m.tracks, func(old *source) bool { return old.info.Source == info.Source })
	switch {
	case at < 0:
		a.m.tracks = append(a.m.tracks, src)
	case a.m.tracks[at].up == a.up:
		return
	default:
		r.setLive(a.m.tracks[at], false)
		a.m.tracks[at] = src
	}
	r.setLive(src, !a.m.muted[info.Source])
	r.changed(a.m)
}

type unpublish struct {
	m  *Member
	up track.UpTrack
}

func (a *unpublish) apply(r *Room) {
	for i, src := range a.m.tracks {
		if src.up == a.up {
			a.m.tracks = slices.Delete(a.m.tracks, i, i+1)
			r.setLive(src, false)
			// Who publishes the source again has it on.
			delete(a.m.muted, src.info.Source)
			delete(a.m.asked, src.info.Source)
			r.changed(a.m)
			return
		}
	}
}

type setMuted struct {
	m     *Member
	src   track.Source
	muted bool
}

func (a *setMuted) apply(r *Room) {
	delete(a.m.asked, a.src)
	r.mute(a.m, a.src, a.muted)
}

// mute changes whether a source counts as switched off. Sources are four at
// most, so the map is bounded.
func (r *Room) mute(m *Member, s track.Source, muted bool) {
	if _, known := s.Kind(); m.gone || !known || m.muted[s] == muted {
		return
	}
	if muted {
		m.muted[s] = true
	} else {
		delete(m.muted, s)
	}
	if src := m.source(s); src != nil {
		r.setLive(src, !muted)
		r.changed(m)
	}
}

type muteOther struct {
	m      *Member
	target track.MemberID
	src    track.Source
	reply  chan<- error
}

func (a *muteOther) apply(r *Room) {
	target, err := r.aim(a.m, a.m.identity.May.Mute, a.target)
	if err == nil {
		r.muteFor(target, a.src, a.m.id)
	}
	a.reply <- err
}

type muteEveryone struct {
	m     *Member
	reply chan<- error
}

func (a *muteEveryone) apply(r *Room) {
	switch {
	case a.m.gone:
		a.reply <- ErrGone
	case !a.m.identity.May.Mute:
		a.reply <- ErrForbidden
	default:
		for _, m := range r.order {
			if m != a.m {
				r.muteFor(m, track.Microphone, a.m.id)
			}
		}
		a.reply <- nil
	}
}

// muteFor mutes a source of m for a moderator: at once for everybody, so that
// nobody has to wait for m's page, and m's page is told to follow.
func (r *Room) muteFor(m *Member, s track.Source, by track.MemberID) {
	if m.source(s) == nil || m.muted[s] {
		return
	}
	r.mute(m, s, true)
	m.asked[s] = by
	m.client.Notify(&MuteRequest{Source: s, By: by})
}

type setDown struct {
	m     *Member
	down  track.Down
	reply chan<- error
}

func (a *setDown) apply(r *Room) {
	if !a.m.gone {
		r.unbind(a.m)
		a.m.down = a.down
		r.readSlots(a.m)
	}
	a.reply <- nil
}

type slotsChanged struct{ m *Member }

func (a *slotsChanged) apply(r *Room) {
	if !a.m.gone {
		r.readSlots(a.m)
	}
}

type setView struct {
	m    *Member
	view View
}

func (a *setView) apply(r *Room) {
	if !a.m.gone {
		a.m.view = &a.view
		r.restless(a.m)
	}
}

// restless has the member's slots assigned before the loop rests.
func (r *Room) restless(m *Member) {
	if !m.stale {
		m.stale = true
		r.stale = append(r.stale, m)
	}
}
