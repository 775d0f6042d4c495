package room

import "github.com/meetcast/meetcast/sfu/track"

// key names a source that may be carried by a slot. The zero key is nothing.
type key struct {
	Member track.MemberID
	Source track.Source
}

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

// scene is what there is to see and hear in a room: sources that are published
// and not muted. It is made once a round and shared by all members.
type scene struct {
	live map[key]bool
	// audio and cameras and screens in order of joining.
	audio, cameras, screens []key
	// loudest ranks the audio sources that are heard.
	loudest []key
	// speakers ranks the cameras of those who speak.
	speakers []key
}

// target is what a slot shall carry.
type target struct {
	key
	size track.Size
}

// assign decides what the slots of a member carry. It is a pure function:
// current is what they carry now, one key for each slot, and what may stay in
// its slot does.
func assign(self track.MemberID, slots []track.Slot, current []key, view *View, s *scene, sizes fillSizes) []target {
	var audio, video []int
	for i, slot := range slots {
		if slot.Kind == track.Audio {
			audio = append(audio, i)
		} else {
			video = append(video, i)
		}
	}
	out := make([]target, len(slots))
	place(out, audio, current, pickAudio(self, at(current, audio), s, len(audio)))
	place(out, video, current, pickVideo(self, at(current, video), view, s, len(video), sizes))
	return out
}

// at returns the elements of all at the indexes.
func at(all []key, index []int) []key {
	out := make([]key, len(index))
	for i, n := range index {
		out[i] = all[n]
	}
	return out
}

// place puts the picked targets into the slots with the given indexes, each into
// the slot that carries it already, the others into the free ones in order.
func place(out []target, index []int, current []key, picked []target) {
	taken := make(map[key]bool, len(picked))
	want := make(map[key]target, len(picked))
	for _, t := range picked {
		want[t.key] = t
	}
	for _, i := range index {
		if t, ok := want[current[i]]; ok && !taken[t.key] {
			out[i] = t
			taken[t.key] = true
		}
	}
	next := 0
	for _, i := range index {
		if out[i].key != (key{}) {
			continue
		}
		for next < len(picked) && taken[picked[next].key] {
			next++
		}
		if next == len(picked) {
			return
		}
		out[i] = picked[next]
		next++
	}
}

// picker collects at most max different live sources of others.
type picker struct {
	self  track.MemberID
	scene *scene
	max   int
	out   []target
	has   map[key]bool
}

func newPicker(self track.MemberID, s *scene, max int) *picker {
	return &picker{self: self, scene: s, max: max, has: make(map[key]bool, max)}
}

func (p *picker) full() bool { return len(p.out) >= p.max }

func (p *picker) add(k key, size track.Size) {
	if p.full() || p.has[k] || k.Member == p.self || !p.scene.live[k] {
		return
	}
	p.has[k] = true
	p.out = append(p.out, target{k, size})
}

func (p *picker) addAll(keys []key, size track.Size) {
	for _, k := range keys {
		if p.full() {
			return
		}
		p.add(k, size)
	}
}

// pickAudio chooses who is heard: those who speak, then those who are mapped
// already, so that silence changes nothing, then by order of joining.
func pickAudio(self track.MemberID, current []key, s *scene, max int) []target {
	p := newPicker(self, s, max)
	p.addAll(s.loudest, track.Size{})
	p.addAll(current, track.Size{})
	p.addAll(s.audio, track.Size{})
	return p.out
}

// fillSizes are wanted of pictures that nobody asked for in particular.
type fillSizes struct{ camera, screen track.Size }

func (f fillSizes) of(s track.Source) track.Size {
	if s == track.Screen {
		return f.screen
	}
	return f.camera
}

// pickVideo chooses what is seen: what the view wants and, when it says so or
// before there is one, what is likely to be of interest.
func pickVideo(self track.MemberID, current []key, view *View, s *scene, max int, sizes fillSizes) []target {
	p := newPicker(self, s, max)
	if view != nil {
		for _, w := range view.Want {
			if kind, _ := w.Source.Kind(); kind == track.Video {
				p.add(key{w.Member, w.Source}, w.Size)
			}
		}
		if !view.Fill {
			return p.out
		}
	}
	p.addAll(s.screens, sizes.screen)
	p.addAll(s.speakers, sizes.camera)
	for _, k := range current {
		p.add(k, sizes.of(k.Source))
	}
	p.addAll(s.cameras, sizes.camera)
	return p.out
}
