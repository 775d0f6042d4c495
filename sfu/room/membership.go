package room

import (
	"time"

	"github.com/meetcast/meetcast/sfu/track"
)

// join adds a member. The bans are looked up here once more, on the loop, so
// that a kick and a join under way at the same time cannot miss each other.
type join struct {
	m     *Member
	reply chan<- error
}

func (a *join) apply(r *Room) {
	m := a.m
	if m.identity.TokenID != "" && r.rooms.bans.has(time.Now(), banKey{r.id, m.identity.TokenID}) {
		a.reply <- ErrBanned
		return
	}
	if len(r.members) >= r.cfg.MaxMembers {
		a.reply <- ErrFull
		return
	}
	r.members[m.id] = m
	r.order = append(r.order, m)
	r.rooms.stats.members.Add(1)
	r.rooms.stats.joins.Add(1)
	r.presence.joined(m.id)
	r.welcome(m, false)
	r.dirty = true
	a.reply <- nil
}

// welcome tells a member all there is.
func (r *Room) welcome(m *Member, resumed bool) {
	w := &Welcome{Self: m.id, Resumed: resumed, Chat: r.chat.messages(), Speakers: r.speakers,
		Members: make([]MemberInfo, 0, len(r.order))}
	for _, other := range r.order {
		w.Members = append(w.Members, other.info())
	}
	m.welcomed = r.presence.seq
	m.client.Notify(w)
}

// leave removes a member by its own will.
type leave struct {
	m     *Member
	reply chan<- error
}

func (a *leave) apply(r *Room) {
	if !a.m.gone {
		r.remove(a.m, ReasonLeft, "")
	}
	a.reply <- nil
}

// remove takes a member out of the room; its last event says why.
func (r *Room) remove(m *Member, reason Reason, by track.MemberID) {
	r.unbind(m)
	m.gone = true
	delete(r.members, m.id)
	for i, other := range r.order {
		if other == m {
			r.order = append(r.order[:i:i], r.order[i+1:]...)
			break
		}
	}
	m.tracks = nil
	r.presence.left(m.id, reason)
	r.dirty, r.moved = true, true
	r.rooms.stats.members.Add(-1)
	r.rooms.stats.count(reason)
	m.client.Notify(&Gone{Reason: reason, By: by})
}

// kick removes another member and bans its token.
type kick struct {
	m      *Member
	target track.MemberID
	reply  chan<- error
	banned Identity // of the target, set before the reply
}

func (a *kick) apply(r *Room) {
	target, err := r.aim(a.m, a.m.identity.May.Kick, a.target)
	if err != nil {
		a.reply <- err
		return
	}
	a.banned = target.identity
	if id := target.identity; id.TokenID != "" {
		r.rooms.bans.add(time.Now(), banKey{r.id, id.TokenID}, id.banEnd(time.Now()))
	}
	r.logger.Info("member kicked", "member", string(a.target), "by", string(a.m.id))
	r.remove(target, ReasonKicked, a.m.id)
	a.reply <- nil
}

// banEnd is when a ban of the identity's token ends.
func (i Identity) banEnd(now time.Time) time.Time {
	if i.Expires.IsZero() {
		return now.Add(maxBan)
	}
	return i.Expires
}

// aim checks an action of m against another member.
func (r *Room) aim(m *Member, permitted bool, id track.MemberID) (*Member, error) {
	switch target := r.members[id]; {
	case m.gone:
		return nil, ErrGone
	case !permitted:
		return nil, ErrForbidden
	case target == nil:
		return nil, ErrNoMember
	case target == m:
		return nil, ErrSelf
	default:
		return target, nil
	}
}

// away starts the time in which a member may come back.
type away struct{ m *Member }

func (a *away) apply(r *Room) {
	if a.m.gone || a.m.away {
		return
	}
	a.m.away, a.m.lostAt = true, time.Now().Add(r.cfg.Grace)
	r.changed(a.m)
}

// back ends it.
type back struct {
	m     *Member
	reply chan<- error
}

func (a *back) apply(r *Room) {
	m := a.m
	if m.gone {
		a.reply <- ErrGone
		return
	}
	if m.away {
		m.away = false
		r.changed(m)
	}
	r.rooms.stats.resumes.Add(1)
	r.welcome(m, true)
	r.tellSlots(m)
	for s, by := range m.asked {
		m.client.Notify(&MuteRequest{Source: s, By: by})
	}
	a.reply <- nil
}

// firstLost returns when the next member is given up.
func (r *Room) firstLost() (first time.Time, ok bool) {
	for _, m := range r.order {
		if m.away && (!ok || m.lostAt.Before(first)) {
			first, ok = m.lostAt, true
		}
	}
	return first, ok
}

// giveUpLost removes the members that did not come back in time.
func (r *Room) giveUpLost(now time.Time) {
	for i := len(r.order) - 1; i >= 0; i-- {
		if m := r.order[i]; m.away && !m.lostAt.After(now) {
			r.remove(m, ReasonLost, "")
		}
	}
}

// changed notes that others see something new of a member.
func (r *Room) changed(m *Member) {
	r.presence.updated(m.id)
	r.dirty = true
}

// setHand, setName: what a member does to itself.
type setHand struct {
	m      *Member
	raised bool
}

func (a *setHand) apply(r *Room) {
	if a.m.gone || a.raised == !a.m.hand.IsZero() {
		return
	}
	a.m.hand = time.Time{}
	if a.raised {
		// Two hands never have the same time, to the millisecond of the wire.
		now := time.Now().Truncate(time.Millisecond)
		if !now.After(r.lastHand) {
			now = r.lastHand.Add(time.Millisecond)
		}
		r.lastHand, a.m.hand = now, now
	}
	r.changed(a.m)
}

type setName struct {
	m    *Member
	name string
}

func (a *setName) apply(r *Room) {
	if a.m.gone || a.name == a.m.name {
		return
	}
	a.m.name = a.name
	r.changed(a.m)
}
