package room

import "github.com/meetcast/meetcast/sfu/track"

// pending collects changes of presence until the next round. Every change has a
// number, so that who was welcomed in between is told only what it has not seen.
type pending struct {
	seq  uint64
	byID map[track.MemberID]*change
	list []*change // in order of the first change
}

// change is what happened to one member since the last round: the number of the
// newest change of each sort, 0 for none.
type change struct {
	id                    track.MemberID
	joined, updated, left uint64
	reason                Reason
}

func (p *pending) of(id track.MemberID) (*change, uint64) {
	if p.byID == nil {
		p.byID = make(map[track.MemberID]*change)
	}
	c := p.byID[id]
	if c == nil {
		c = &change{id: id}
		p.byID[id] = c
		p.list = append(p.list, c)
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

// reset forgets what everybody was told.
func (p *pending) reset() {
	clear(p.byID)
	clear(p.list)
	p.list = p.list[:0]
}

// tell returns what somebody who knows everything up to change number seen has
// to be told; nil when there is nothing.
func (p *pending) tell(seen uint64, info func(track.MemberID) *MemberInfo) *Presence {
	var out Presence
	for _, c := range p.list {
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
	info := func(id track.MemberID) *MemberInfo { return r.members[id].info() }
	shared := r.presence.tell(0, info)
	if shared != nil {
		for _, m := range r.order {
			if m.welcomed == 0 {
				m.client.Notify(shared)
			}
		}
	}
	for _, m := range r.welcomed {
		if event := r.presence.tell(m.welcomed, info); event != nil && !m.gone {
			m.client.Notify(event)
		}
		m.welcomed = 0
	}
	clear(r.welcomed)
	r.welcomed = r.welcomed[:0]
	r.presence.reset()
}
