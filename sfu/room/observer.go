package room

import (
	"maps"

	"github.com/meetcast/meetcast/sfu/track"
)

// observer is one hidden member; the pointer tells two uses of one Observer apart.
type observer struct{ track.Observer }

// Observe adds a hidden member. It and the function it returns wait for the
// room's loop and so must not be called by an Observer's or a Client's methods.
// In a room that is closed the observer hears RoomClosed at once.
func (r *Room) Observe(o track.Observer) (leave func()) {
	obs := &observer{o}
	reply := make(chan error, 1)
	if err := r.ask(&observe{obs, reply}, reply); err != nil {
		o.RoomClosed()
		return func() {}
	}
	return func() {
		reply := make(chan error, 1)
		_ = r.ask(&unobserve{obs, reply}, reply) // a closed room calls nobody
	}
}

type observe struct {
	obs   *observer
	reply chan<- error
}

func (a *observe) apply(r *Room) {
	r.observers[a.obs] = struct{}{}
	a.obs.RoomChanged(r.snapshot())
	a.reply <- nil
}

type unobserve struct {
	obs   *observer
	reply chan<- error
}

func (a *unobserve) apply(r *Room) {
	delete(r.observers, a.obs)
	a.reply <- nil
}

func (r *Room) tellObservers() {
	if len(r.observers) == 0 {
		return
	}
	snapshot := r.snapshot()
	for o := range r.observers {
		o.RoomChanged(snapshot)
	}
}

// snapshot is the state for observers. What did not change since the last one is
// shared with it.
func (r *Room) snapshot() track.Snapshot {
	views := make([]track.MemberView, len(r.order))
	for i, m := range r.order {
		views[i] = *m.observed()
	}
	return track.Snapshot{Room: r.id, Members: views, Speakers: r.speakers}
}

// observed is what observers see of the member, shared and immutable.
func (m *Member) observed() *track.MemberView {
	if m.seen != nil {
		return m.seen
	}
	m.seen = &track.MemberView{
		ID: m.id, Name: m.name, Moderator: m.identity.Moderator, Hand: !m.hand.IsZero(), Muted: maps.Clone(m.muted),
	}
	for _, src := range m.tracks {
		m.seen.Tracks = append(m.seen.Tracks, src.up)
	}
	return m.seen
}
