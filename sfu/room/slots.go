package room

import (
	"slices"

	"github.com/meetcast/meetcast/sfu/track"
)

// look gathers what there is to see and hear.
func (r *Room) look() *scene {
	s := &scene{live: make(map[key]bool)}
	for _, m := range r.order {
		for _, src := range m.tracks {
			if m.muted[src.info.Source] {
				continue
			}
			k := src.key()
			s.live[k] = true
			switch src.info.Source {
			case track.Screen:
				s.screens = append(s.screens, k)
			case track.Camera:
				s.cameras = append(s.cameras, k)
			default:
				s.audio = append(s.audio, k)
			}
		}
	}
	for _, voice := range r.ranked {
		k := voiceKey(voice)
		s.loudest = append(s.loudest, k)
		if k.Source == track.Microphone {
			s.speakers = append(s.speakers, key{k.Member, track.Camera})
		}
	}
	return s
}

// readSlots takes the slots of the member's Down anew. A slot that is still
// there keeps what it carries.
func (r *Room) readSlots(m *Member) {
	old, bound := m.slots, m.bound
	m.slots, m.bound = nil, nil
	if m.down != nil {
		m.slots = m.down.Slots()
		m.bound = make([]binding, len(m.slots))
		for i, slot := range m.slots {
			if n := slices.Index(old, slot); n >= 0 {
				m.bound[i] = bound[n]
			}
		}
	}
	m.retell = true
	r.restless(m)
}

// arrange assigns the member's slots and binds those that differ.
func (r *Room) arrange(m *Member) {
	m.stale = false
	if m.gone || m.down == nil {
		return
	}
	current := make([]key, len(m.slots))
	for i, b := range m.bound {
		if b.src != nil {
			current[i] = b.src.key()
		}
	}
	targets := assign(m.id, m.slots, current, m.view, r.scene, fillSizes{r.cfg.CameraSize, r.cfg.ScreenSize})
	for i, t := range targets {
		want := binding{src: r.find(t.key), size: t.size}
		if want.src == nil {
			want.size = track.Size{}
		}
		if want == m.bound[i] {
			continue
		}
		m.bound[i] = want
		var up track.UpTrack
		if want.src != nil {
			up = want.src.up
		}
		m.down.Bind(m.slots[i].Mid, up, want.size)
	}
	if now := m.slotMap(); m.retell || !slices.Equal(now, m.told) {
		r.tellSlots(m)
	}
}

// find returns the published source, nil when it is gone since the last round.
func (r *Room) find(k key) *source {
	m := r.members[k.Member]
	if m == nil || m.muted[k.Source] {
		return nil
	}
	return m.source(k.Source)
}

// slotMap is what the member's slots carry.
func (m *Member) slotMap() []SlotSource {
	out := make([]SlotSource, len(m.slots))
	for i, slot := range m.slots {
		out[i] = SlotSource{Mid: slot.Mid, Kind: slot.Kind}
		if src := m.bound[i].src; src != nil {
			out[i].Member, out[i].Source, out[i].Codec = src.member.id, src.info.Source, src.info.Codec
		}
	}
	return out
}

// tellSlots sends the whole slot map, if the member has slots or had some.
func (r *Room) tellSlots(m *Member) {
	now := m.slotMap()
	if len(now) == 0 && len(m.told) == 0 {
		return
	}
	m.told, m.retell = now, false
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
