package room

import "github.com/meetcast/meetcast/sfu/track"

// View says which pictures a member wants, the most important first.
type View struct {
	Want []Want
	// Fill lets the room fill slots left over: screens, then speakers, then
	// whoever is shown already, then by order of joining.
	Fill bool
}

// Want is one wanted picture and the size at which it is shown, pixels. The
// zero Size keeps the slot and pauses the picture.
type Want struct {
	Member track.MemberID
	Source track.Source // Camera or Screen
	Size   track.Size
}

// target is what a slot shall carry: nothing when src is nil.
type target struct {
	src  *source
	size track.Size
}

// assigner decides what the slots of a member carry. Its result depends on its
// arguments alone; it keeps only memory from one assignment to the next, so that
// none is allocated.
type assigner struct {
	sizes fillSizes

	// Of the assignment under way.
	self   track.MemberID
	scene  *scene
	number uint64
	max    int      // slots of the kind
	picked []target // for the slots of the kind, the most important first
	placed []bool   // beside picked
	out    []target
}

// fillSizes are wanted of pictures that nobody asked for in particular.
type fillSizes struct{ camera, screen track.Size }

func (f fillSizes) of(s track.Source) track.Size {
	if s == track.Screen {
		return f.screen
	}
	return f.camera
}

// assign returns what each slot shall carry, valid until the next call. current
// is what they carry now, nil for nothing; what may stay in its slot does.
func (a *assigner) assign(self track.MemberID, slots []track.Slot, current []*source, view *View, s *scene) []target {
	a.self, a.scene = self, s
	a.out = append(a.out[:0], make([]target, len(slots))...)
	for _, kind := range [...]track.Kind{track.Audio, track.Video} {
		a.begin(slots, kind)
		if a.max == 0 {
			continue
		}
		if kind == track.Audio {
			a.pickAudio(slots, current)
		} else {
			a.pickVideo(slots, current, view)
		}
		a.place(slots, kind, current)
	}
	return a.out
}

// begin counts the slots of a kind and forgets what was picked.
func (a *assigner) begin(slots []track.Slot, kind track.Kind) {
	a.number++
	a.max, a.picked, a.placed = 0, a.picked[:0], a.placed[:0]
	for _, slot := range slots {
		if slot.Kind == kind {
			a.max++
		}
	}
}

func (a *assigner) full() bool { return len(a.picked) >= a.max }

// add picks a live source of somebody else, once.
func (a *assigner) add(src *source, size track.Size) {
	if src == nil || !src.live || src.picked == a.number || src.member.id == a.self || a.full() {
		return
	}
	src.picked, src.place = a.number, len(a.picked)
	a.picked, a.placed = append(a.picked, target{src, size}), append(a.placed, false)
}

func (a *assigner) addAll(list []*source, size track.Size) {
	for _, src := range list {
		if a.full() {
			return
		}
		a.add(src, size)
	}
}

// pickAudio chooses who is heard: those who speak, then those who are mapped
// already, so that silence changes nothing, then by order of joining.
func (a *assigner) pickAudio(slots []track.Slot, current []*source) {
	a.addAll(a.scene.loudest, track.Size{})
	for i, src := range current {
		if slots[i].Kind == track.Audio {
			a.add(src, track.Size{})
		}
	}
	a.addAll(a.scene.audio, track.Size{})
}

// pickVideo chooses what is seen: what the view wants and, when it says so or
// before there is one, what is likely to be of interest.
func (a *assigner) pickVideo(slots []track.Slot, current []*source, view *View) {
	if view != nil {
		for _, w := range view.Want {
			if kind, _ := w.Source.Kind(); kind == track.Video && !a.full() {
				a.add(a.scene.find(key{w.Member, w.Source}), w.Size)
			}
		}
	}
	if !view.fills() {
		return
	}
	a.addAll(a.scene.screens, a.sizes.screen)
	a.addAll(a.scene.speakers, a.sizes.camera)
	for i, src := range current {
		if src != nil && slots[i].Kind == track.Video {
			a.add(src, a.sizes.of(src.info.Source))
		}
	}
	a.addAll(a.scene.cameras, a.sizes.camera)
}

// fills tells whether the room chooses for slots left over, as it does before
// the first view.
func (v *View) fills() bool { return v == nil || v.Fill }

// place puts what was picked into the slots of a kind, each into the slot that
// carries it already, the others into the free ones in order.
func (a *assigner) place(slots []track.Slot, kind track.Kind, current []*source) {
	for i, src := range current {
		if src == nil || slots[i].Kind != kind || src.picked != a.number || a.placed[src.place] {
			continue
		}
		a.out[i], a.placed[src.place] = a.picked[src.place], true
	}
	next := 0
	for i := range slots {
		if slots[i].Kind != kind || a.out[i].src != nil {
			continue
		}
		for next < len(a.picked) && a.placed[next] {
			next++
		}
		if next == len(a.picked) {
			return
		}
		a.out[i], a.placed[next] = a.picked[next], true
	}
}
