package room

import (
	"cmp"
	"slices"
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
	r.joins++
	m.number = r.joins
	r.members[m.id] = m
	r.order = append(r.order, m)
	if r.roster != nil {
		r.roster = append(r.roster, m.info()) // those who have the old one see it only as long as it was
	}
	r.rooms.stats.members.Add(1)
	r.rooms.stats.joins.Add(1)
	r.presence.joined(m.id)
	r.welcome(m, false)
	r.dirty, r.unseen = true, true
	a.reply <- nil
}

// welcome tells a member all there is.
func (r *Room) welcome(m *Member, resumed bool) {
	if r.roster == nil {
		r.roster = make([]*MemberInfo, 0, len(r.order)+1)
		for _, other := range r.order {
			r.roster = append(r.roster, other.info())
		}
	}
	if m.welcomed == 0 {
		r.welcomed = append(r.welcomed, m)
	}
	m.welcomed = r.presence.seq
	r.dirty = true
	m.client.Notify(&Welcome{Self: m.id, Resumed: resumed, Chat: r.chat.messages(), Speakers: r.speakers, Members: r.roster})
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
	at, _ := slices.BinarySearchFunc(r.order, m.number, func(o *Member, n uint64) int { return cmp.Compare(o.number, n) })
	r.order = slices.Delete(r.order, at, at+1)
	for _, src := range m.tracks {
		r.setLive(src, false)
	}
	m.tracks = nil
	r.found(m)
	r.presence.left(m.id, reason)
	r.dirty, r.unseen, r.roster = true, true, nil
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
	r.lost = append(r.lost, a.m)
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
		r.found(m)
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

// found takes a member from the list of those that are lost.
func (r *Room) found(m *Member) {
	if i := slices.Index(r.lost, m); i >= 0 {
		r.lost = slices.Delete(r.lost, i, i+1)
	}
}

// firstLost returns when the next member is given up: all have the same time to
// come back, so that it is the one lost first.
func (r *Room) firstLost() (first time.Time, ok bool) {
	if len(r.lost) == 0 {
		return time.Time{}, false
	}
	return r.lost[0].lostAt, true
}

// giveUpLost removes the members that did not come back in time.
func (r *Room) giveUpLost(now time.Time) {
	for len(r.lost) > 0 && !r.lost[0].lostAt.After(now) {
		r.remove(r.lost[0], ReasonLost, "")
	}
}

// changed notes that others see something new of a member.
func (r *Room) changed(m *Member) {
	m.shown, m.seen = nil, nil
	r.roster, r.dirty, r.unseen = nil, true, true
	r.presence.updated(m.id)
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
