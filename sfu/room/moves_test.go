package room

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/meetcast/meetcast/sfu/track"
	"github.com/meetcast/meetcast/sfu/track/tracktest"
)

// TestMovesReachEverybodyConcerned: whatever happens, the slots of each member are
// as they would be if all of them were assigned anew, although only those whom a
// change concerns are looked at.
func TestMovesReachEverybodyConcerned(t *testing.T) {
	for seed := range uint64(40) {
		rng := rand.New(rand.NewPCG(seed, 7))
		h := &hall{Room: newRoom("acme/all", NewRooms(Config{})), timers: newTimers()}
		now := time.Now()
		for step := range 400 {
			h.step(rng, &now)
			h.do()
			h.checkSettled(t, fmt.Sprintf("seed %d, step %d", seed, step))
			if t.Failed() {
				return
			}
		}
	}
}

// step does something to a random member.
func (h *hall) step(rng *rand.Rand, now *time.Time) {
	if len(h.members) < 2 || len(h.members) < 12 && rng.IntN(20) == 0 {
		h.enterBare(rng)
		return
	}
	i := rng.IntN(len(h.members))
	m := h.members[i]
	sources := []track.Source{track.Microphone, track.Camera, track.Screen, track.ScreenAudio}
	src := sources[rng.IntN(len(sources))]
	switch rng.IntN(9) {
	case 0:
		if rng.IntN(4) == 0 {
			(&leave{m, make(chan error, 1)}).apply(h.Room)
			h.members = append(h.members[:i], h.members[i+1:]...)
		}
	case 1, 2:
		kind, _ := src.Kind()
		(&publish{m, tracktest.NewUpTrack(track.Info{Member: m.id, Kind: kind, Source: src})}).apply(h.Room)
	case 3:
		if s := m.source(src); s != nil {
			(&unpublish{m, s.up}).apply(h.Room)
		}
	case 4, 5:
		(&setMuted{m, src, rng.IntN(2) == 0}).apply(h.Room)
	case 6:
		view := View{Fill: rng.IntN(2) == 0}
		for range rng.IntN(5) {
			of := h.members[rng.IntN(len(h.members))]
			view.Want = append(view.Want, Want{of.id, sources[1+rng.IntN(2)], track.Size{Width: 16 * rng.IntN(3), Height: 9}})
		}
		(&setView{m, view}).apply(h.Room)
	case 7:
		for _, s := range h.scene.audio {
			s.up.(*tracktest.FakeUpTrack).SetLoudness(float64(rng.IntN(2)) * 0.8)
		}
		for range 5 {
			*now = now.Add(500 * time.Millisecond)
			h.listen(*now)
		}
	case 8:
		(&setDown{m, &nowhere{slotsOf("aavvv"[:rng.IntN(6)])}, make(chan error, 1)}).apply(h.Room)
	}
}

func (h *hall) enterBare(rng *rand.Rand) {
	m := &Member{
		id: track.MemberID(fmt.Sprint("m", h.next)), room: h.Room, client: counter{&h.events},
		muted: map[track.Source]bool{}, asked: map[track.Source]track.MemberID{},
	}
	h.next++
	h.members = append(h.members, m)
	(&join{m, make(chan error, 1)}).apply(h.Room)
	(&setDown{m, &nowhere{slotsOf("aavvv"[rng.IntN(3):])}, make(chan error, 1)}).apply(h.Room)
}

// checkSettled assigns every member's slots anew and compares.
func (h *hall) checkSettled(t *testing.T, when string) {
	t.Helper()
	h.scene.rank(h.ranked)
	for _, m := range h.order {
		var current []*source
		for _, b := range m.bound {
			current = append(current, b.src)
		}
		for i, want := range h.assigner.assign(m.id, m.slots, current, m.view, h.scene) {
			if m.bound[i] != want {
				t.Errorf("%s: slot %d of %s carries %v, should %v", when, i, m.id, keyOf(m.bound[i].src), keyOf(want.src))
			}
		}
	}
}

func keyOf(s *source) key {
	if s == nil {
		return key{}
	}
	return s.key()
}

// TestPresenceSlowsDown: in a crowd presence is told at longer intervals, who
// speaks is put into the slots as quickly as ever.
func TestPresenceSlowsDown(t *testing.T) {
	bubble(t, Config{}, func(t *testing.T, h *hotel) {
		ada := h.join(person("ada")).withSlots("aa")
		guests := h.crowd(4 * crowd)
		time.Sleep(time.Second)
		ada.heard()
		guests[0].SetHand(true) // at once, and then not for MaxBatch
		settle()
		guests[1].SetHand(true)
		mic := guests[2].publish(track.Microphone)
		events := ada.heard()
		if n := len(only[*Presence](events)); n != 1 {
			t.Errorf("%d messages of presence within a batch", n)
		}
		if got := ada.down.carries(); got != tracks(mic, nil) {
			t.Errorf("slots carry %q, want the new microphone at once", got)
		}
		time.Sleep(DefaultMaxBatch)
		if p := last[*Presence](t, ada.heard()); len(p.Updated) != 2 {
			t.Errorf("after the batch: %d told", len(p.Updated))
		}
	})
}
