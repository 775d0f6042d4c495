package room

import (
	"cmp"
	"maps"
	"slices"

	"github.com/meetcast/meetcast/sfu/track"
)

// pending collects changes of presence until the next round. Every change has a
// number, so that who was welcomed in between is told only what it has not seen.
type pending struct {
	seq     uint64
	changes map[track.MemberID]*change
}

// change is what happened to one member since the last round: the number of the
// newest change of each sort, 0 for none.
type change struct {
	id                    track.MemberID
	joined, updated, left uint64
	reason                Reason
}

func (p *pending) of(id track.MemberID) (*change, uint64) {
	if p.changes == nil {
		p.changes = make(map[track.MemberID]*change)
	}
	c := p.changes[id]
	if c == nil {
		c = &change{id: id}
		p.changes[id] = c
	}
	p.seq++
	return c, p.seq
}

func (p *pending) joined(id track.MemberID) {
	c, n := p.of(id)
	c.joined = n
}

func (p *pending) updated(id track.MemberID) {
	c, n := p.of(id)
	c.updated = n
}

func (p *pending) left(id track.MemberID, reason Reason) {
	c, n := p.of(id)
	c.left, c.reason = n, reason
}

// first is the number of the oldest change, for a stable order.
func (c *change) first() uint64 {
	if c.joined > 0 {
		return c.joined
	}
	if c.updated > 0 && (c.left == 0 || c.updated < c.left) {
		return c.updated
	}
	return c.left
}

// tell returns what somebody who knows everything up to change number seen has
// to be told; nil when there is nothing.
func (p *pending) tell(seen uint64, info func(track.MemberID) MemberInfo) *Presence {
	var out Presence
	list := slices.SortedFunc(maps.Values(p.changes), func(a, b *change) int { return cmp.Compare(a.first(), b.first()) })
	for _, c := range list {
		known := c.joined == 0 || c.joined <= seen
		switch {
		case c.left > 0:
			if known && c.left > seen {
				out.Left = append(out.Left, Left{c.id, c.reason})
			}
		case !known:
			out.Joined = append(out.Joined, info(c.id))
		case c.updated > seen:
			out.Updated = append(out.Updated, info(c.id))
		}
	}
	if len(out.Joined)+len(out.Updated)+len(out.Left) == 0 {
		return nil
	}
	return &out
}

// tellPresence brings everybody up to date. All who were there at the last round
// share one event; those welcomed since get their own.
func (r *Room) tellPresence() {
	if len(r.presence.changes) == 0 {
		return
	}
	info := func(id track.MemberID) MemberInfo { return r.members[id].info() }
	shared := r.presence.tell(0, info)
	for _, m := range r.order {
		event := shared
		if m.welcomed > 0 {
			event = r.presence.tell(m.welcomed, info)
			m.welcomed = 0
		}
		if event != nil {
			m.client.Notify(event)
		}
	}
	clear(r.presence.changes)
}
