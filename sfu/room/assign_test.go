package room

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/meetcast/meetcast/sfu/track"
)

// The tables write a source as "a.cam": member a, camera; "" is an empty slot.

var sourceWords = map[string]track.Source{
	"mic": track.Microphone, "cam": track.Camera, "scr": track.Screen, "snd": track.ScreenAudio,
}

func k(s string) key {
	if s == "" || s == "-" {
		return key{}
	}
	member, source, _ := strings.Cut(s, ".")
	return key{track.MemberID(member), sourceWords[source]}
}

func keys(s string) []key {
	var out []key
	for _, f := range strings.Fields(s) {
		out = append(out, k(f))
	}
	return out
}

// stage makes a scene of live sources, in order of joining.
func stage(live, loudest string) *scene {
	s := &scene{members: map[track.MemberID]*Member{}}
	for _, key := range keys(live) {
		s.enter(key)
	}
	var voices []track.MemberID
	for _, l := range keys(loudest) {
		voices = append(voices, voiceID(l))
	}
	s.rank(voices)
	return s
}

// enter adds a live source.
func (s *scene) enter(k key) {
	m := s.members[k.Member]
	if m == nil {
		m = &Member{id: k.Member, number: uint64(len(s.members) + 1)}
		s.members[k.Member] = m
	}
	kind, _ := k.Source.Kind()
	src := &source{member: m, info: track.Info{Member: k.Member, Source: k.Source, Kind: kind}, live: true}
	m.tracks = append(m.tracks, src)
	s.set(src, true)
}

// assigned lets an assigner assign by keys.
func assigned(self track.MemberID, slots []track.Slot, current []key, view *View, s *scene, sizes fillSizes) []target {
	now := make([]*source, len(slots))
	for i, k := range current {
		now[i] = s.find(k)
	}
	a := assigner{sizes: sizes}
	return a.assign(self, slots, now, view, s)
}

func slotsOf(kinds string) []track.Slot {
	var out []track.Slot
	for i, c := range kinds {
		kind := track.Audio
		if c == 'v' {
			kind = track.Video
		}
		out = append(out, track.Slot{Mid: fmt.Sprint(i), Kind: kind})
	}
	return out
}

func show(targets []target) string {
	words := map[track.Source]string{}
	for w, s := range sourceWords {
		words[s] = w
	}
	var out []string
	for _, t := range targets {
		if t.src == nil {
			out = append(out, "-")
		} else {
			out = append(out, string(t.src.member.id)+"."+words[t.src.info.Source])
		}
	}
	return strings.Join(out, " ")
}

func wants(s string) []Want {
	var out []Want
	for _, k := range keys(s) {
		out = append(out, Want{Member: k.Member, Source: k.Source, Size: track.Size{Width: 320, Height: 180}})
	}
	return out
}

func TestAssign(t *testing.T) {
	const six = "a.mic a.cam b.mic b.cam c.mic c.cam d.mic d.cam e.mic e.cam f.mic f.cam"
	for name, c := range map[string]struct {
		slots, live, loudest, current string
		view                          *View
		want                          string
	}{
		"nobody else":                      {slots: "aav", live: "a.mic a.cam", want: "- - -"},
		"as many sources as slots":         {slots: "aavv", live: "a.mic b.mic c.mic b.cam c.cam", want: "b.mic c.mic b.cam c.cam"},
		"loudest are heard":                {slots: "aa", live: six, loudest: "e.mic d.mic f.mic", want: "e.mic d.mic"},
		"never oneself though loudest":     {slots: "aa", live: six, loudest: "a.mic e.mic", want: "e.mic b.mic"},
		"mapped stays in its slot":         {slots: "aaa", live: six, loudest: "d.mic c.mic b.mic", current: "b.mic c.mic d.mic", want: "b.mic c.mic d.mic"},
		"newcomer takes the silent slot":   {slots: "aaa", live: six, loudest: "f.mic d.mic b.mic", current: "b.mic c.mic d.mic", want: "b.mic f.mic d.mic"},
		"silence changes nothing":          {slots: "aa", live: six, current: "f.mic e.mic", want: "f.mic e.mic"},
		"muted is not mapped":              {slots: "aa", live: "b.mic c.mic", loudest: "d.mic", current: "d.mic b.mic", want: "c.mic b.mic"},
		"sound of a screen":                {slots: "aa", live: "b.mic c.mic c.snd", loudest: "c.snd", want: "c.snd b.mic"},
		"before a view: screen first":      {slots: "vvv", live: six + " f.scr", loudest: "e.mic", want: "f.scr e.cam b.cam"},
		"before a view: shown stays":       {slots: "vv", live: six, loudest: "b.mic", current: "e.cam c.cam", want: "e.cam b.cam"},
		"view in order":                    {slots: "vvv", live: six, view: &View{Want: wants("d.cam b.cam")}, want: "d.cam b.cam -"},
		"view without fill empties":        {slots: "vvv", live: six, current: "b.cam c.cam d.cam", view: &View{Want: wants("c.cam")}, want: "- c.cam -"},
		"view with fill":                   {slots: "vvv", live: six, loudest: "f.mic", view: &View{Want: wants("d.cam"), Fill: true}, want: "d.cam f.cam b.cam"},
		"wanted stays in its slot":         {slots: "vvv", live: six, current: "b.cam c.cam d.cam", view: &View{Want: wants("e.cam d.cam c.cam")}, want: "e.cam c.cam d.cam"},
		"more wanted than slots":           {slots: "vv", live: six, current: "- d.cam", view: &View{Want: wants("b.cam c.cam d.cam")}, want: "b.cam c.cam"},
		"wanted twice":                     {slots: "vv", live: six, view: &View{Want: wants("b.cam b.cam")}, want: "b.cam -"},
		"wants oneself":                    {slots: "vv", live: six, view: &View{Want: wants("a.cam b.cam")}, want: "b.cam -"},
		"wants nobody there":               {slots: "vv", live: six, view: &View{Want: wants("x.cam b.cam")}, want: "b.cam -"},
		"screen and camera of one":         {slots: "vv", live: six + " b.scr", view: &View{Want: wants("b.cam b.scr")}, want: "b.cam b.scr"},
		"audio is not wanted as picture":   {slots: "v", live: six, view: &View{Want: []Want{{Member: "b", Source: track.Microphone}}}, want: "-"},
		"one source never in two slots":    {slots: "vv", live: six, current: "b.cam b.cam", view: &View{Want: wants("b.cam c.cam")}, want: "b.cam c.cam"},
		"no slots":                         {slots: "", live: six, want: ""},
		"kinds mixed in any order":         {slots: "vava", live: "b.mic b.cam c.mic c.cam", want: "b.cam b.mic c.cam c.mic"},
		"empty view wants nothing":         {slots: "av", live: "b.mic b.cam", view: &View{}, want: "b.mic -"},
		"gone leaves its slot":             {slots: "vv", live: "c.cam", current: "b.cam c.cam", want: "- c.cam"},
		"fewer video sources, empty stays": {slots: "vvv", live: "b.cam", current: "- b.cam -", want: "- b.cam -"},
	} {
		t.Run(name, func(t *testing.T) {
			slots := slotsOf(c.slots)
			current := keys(c.current)
			current = append(current, make([]key, len(slots)-len(current))...)
			got := assigned("a", slots, current, c.view, stage(c.live, c.loudest), fillSizes{})
			if show(got) != c.want {
				t.Errorf("assigned %q, want %q", show(got), c.want)
			}
		})
	}
}

func TestAssignSizes(t *testing.T) {
	sizes := fillSizes{camera: track.Size{Width: 4, Height: 3}, screen: track.Size{Width: 16, Height: 9}}
	view := &View{Want: wants("b.cam"), Fill: true}
	got := assigned("a", slotsOf("vvv"), make([]key, 3), view, stage("b.cam c.cam b.scr", ""), sizes)
	want := []track.Size{{Width: 320, Height: 180}, {Width: 16, Height: 9}, {Width: 4, Height: 3}}
	for i := range got {
		if got[i].size != want[i] {
			t.Errorf("slot %d (%s) at %v, want %v", i, show(got[i:i+1]), got[i].size, want[i])
		}
	}
}

// TestAssignInvariants feeds the result back as the next current state under
// random changes and checks what must always hold.
func TestAssignInvariants(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	all := keys("a.mic a.cam a.scr b.mic b.cam c.mic c.cam c.scr c.snd d.mic d.cam e.mic e.cam")
	slots := slotsOf("aavvvav")
	current := make([]key, len(slots))
	for round := range 2000 {
		s := stage("", "")
		for _, key := range all {
			if rng.IntN(4) == 0 {
				continue
			}
			s.enter(key)
		}
		var view *View
		if round%3 > 0 {
			view = &View{Fill: round%3 == 1}
			for range rng.IntN(6) {
				k := all[rng.IntN(len(all))]
				view.Want = append(view.Want, Want{Member: k.Member, Source: k.Source})
			}
		}
		out := assigned("a", slots, current, view, s, fillSizes{})
		checkAssigned(t, slots, current, out, s)
		for i := range out {
			current[i] = key{}
			if out[i].src != nil {
				current[i] = out[i].src.key()
			}
		}
	}
}

func checkAssigned(t *testing.T, slots []track.Slot, current []key, out []target, s *scene) {
	t.Helper()
	seen := map[key]bool{}
	for i, o := range out {
		if o.src == nil {
			continue
		}
		key := o.src.key()
		if o.src.info.Kind != slots[i].Kind || key.Member == "a" || s.find(key) == nil || seen[key] {
			t.Fatalf("slot %d carries %v: wrong kind, own, not live or twice", i, key)
		}
		seen[key] = true
		if at := slices.Index(current, key); at >= 0 && at != i && slots[at].Kind == slots[i].Kind {
			t.Fatalf("%v moved from slot %d to %d", key, at, i)
		}
	}
}

func BenchmarkAssign(b *testing.B) {
	var live []string
	for i := range 500 {
		live = append(live, fmt.Sprintf("m%d.mic m%d.cam", i, i))
	}
	s := stage(strings.Join(live, " "), "m3.mic m4.mic m9.mic")
	slots := slotsOf("aaa" + strings.Repeat("v", 25))
	current := make([]*source, len(slots))
	var a assigner
	b.ReportAllocs()
	for b.Loop() {
		for i, t := range a.assign("m7", slots, current, nil, s) {
			current[i] = t.src
		}
	}
}
