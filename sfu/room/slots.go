package room

import (
	"slices"

	"github.com/meetcast/meetcast/sfu/track"
)

// readSlots takes the slots of the member's Down anew. A slot that is still
// there keeps what it carries.
func (r *Room) readSlots(m *Member) {
	old, bound := m.slots, m.bound
	m.slots, m.bound = nil, nil
	if m.down != nil {
		m.slots = m.down.Slots()
		m.bound = make([]target, len(m.slots))
		for i, slot := range m.slots {
			if n := slices.Index(old, slot); n >= 0 {
				m.bound[i] = bound[n]
			}
		}
	}
	m.retell = true
	r.restless(m)
}

// moveSlots assigns the slots of those whom the moves since the last round
// concern. Nobody else is looked at for longer than it takes to see that.
func (r *Room) moveSlots() {
	r.scene.rank(r.ranked)
	for _, m := range r.order {
		if r.concerned(m) {
			r.arrange(m)
		}
	}
	r.moved.reset()
}

// concerned tells whether the moves can change what is in the member's slots.
func (r *Room) concerned(m *Member) bool {
	if m.down == nil {
		return false
	}
	audio, free := 0, [track.Video + 1]bool{}
	for i := range m.bound {
		kind, src := m.slots[i].Kind, m.bound[i].src
		switch {
		case src == nil:
			free[kind] = true
		case !src.live:
			return true
		}
		if kind == track.Audio {
			audio++
		}
	}
	if r.moved.audio && free[track.Audio] || m.misses(r.scene.loudest, audio) {
		return true
	}
	if m.view.fills() {
		if r.moved.screens || r.moved.video && free[track.Video] || m.misses(r.scene.speakers, len(m.slots)-audio) {
			return true
		}
	}
	return m.view != nil && r.moved.video && slices.ContainsFunc(m.view.Want, func(w Want) bool {
		_, came := r.moved.came[key{w.Member, w.Source}]
		return came
	})
}

// misses tells whether one of the first n sources of others is in no slot.
func (m *Member) misses(list []*source, n int) bool {
	for _, src := range list {
		if n == 0 {
			return false
		}
		if src.member == m {
			continue
		}
		n--
		if !slices.ContainsFunc(m.bound, func(b target) bool { return b.src == src }) {
			return true
		}
	}
	return false
}

// arrange assigns the member's slots and binds those that differ.
func (r *Room) arrange(m *Member) {
	m.stale = false
	if m.gone || m.down == nil {
		return
	}
	r.current = r.current[:0]
	for _, b := range m.bound {
		src := b.src
		if src != nil && !src.live {
			src = r.scene.find(src.key()) // published anew, it stays where it was
		}
		r.current = append(r.current, src)
	}
	changed := m.retell
	for i, want := range r.assigner.assign(m.id, m.slots, r.current, m.view, r.scene) {
		was := m.bound[i]
		if want == was {
			continue
		}
		m.bound[i] = want
		changed = changed || slotSource(m.slots[i], was.src) != slotSource(m.slots[i], want.src)
		var up track.UpTrack
		if want.src != nil {
			up = want.src.up
		}
		m.down.Bind(m.slots[i].Mid, up, want.size)
	}
	if changed {
		r.tellSlots(m)
	}
}

// slotSource is how a slot that carries src is told.
func slotSource(slot track.Slot, src *source) SlotSource {
	out := SlotSource{Mid: slot.Mid, Kind: slot.Kind}
	if src != nil {
		out.Member, out.Source, out.Codec = src.member.id, src.info.Source, src.info.Codec
	}
	return out
}

// tellSlots sends the whole slot map, if the member has slots or had some.
func (r *Room) tellSlots(m *Member) {
	m.retell = false
	if len(m.slots) == 0 && !m.hadSlots {
		return
	}
	m.hadSlots = len(m.slots) > 0
	now := make([]SlotSource, len(m.slots))
	for i, slot := range m.slots {
		now[i] = slotSource(slot, m.bound[i].src)
	}
	m.client.Notify(&SlotMap{Slots: now})
}

// unbind empties the member's slots; its Down is not called afterwards.
func (r *Room) unbind(m *Member) {
	for i, b := range m.bound {
		if b.src != nil {
			m.down.Bind(m.slots[i].Mid, nil, track.Size{})
		}
	}
	m.down, m.slots, m.bound = nil, nil, nil
}
