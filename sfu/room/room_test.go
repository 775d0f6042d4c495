package room

import (
	"context"
	"testing"
	"time"

	"github.com/meetcast/meetcast/sfu/track"
)

func TestResumeInTime(t *testing.T) {
	bubble(t, Config{}, func(t *testing.T, h *hotel) {
		ada, bob := h.join(person("ada")).withSlots("v"), h.join(person("bob"))
		cam := bob.publish(track.Camera)
		ada.down.carries()
		binds := ada.down.binds
		ada.heard()
		ada.Away()
		if p := last[*Presence](t, bob.heard()); !p.Updated[0].Away {
			t.Errorf("bob heard %+v", p)
		}
		time.Sleep(DefaultGrace - time.Second)
		if err := ada.Back(); err != nil {
			t.Fatal(err)
		}
		events := ada.heard()
		if w := last[*Welcome](t, events); !w.Resumed || names(w.Members) != "ada bob" {
			t.Errorf("welcomed back with %+v", w)
		}
		if m := last[*SlotMap](t, events); m.Slots[0].Member != bob.ID() {
			t.Errorf("slots told as %+v", m.Slots)
		}
		if got := ada.down.carries(); got != tracks(cam) || ada.down.binds != binds {
			t.Errorf("the resume touched the media: %q, %d binds", got, ada.down.binds-binds)
		}
		time.Sleep(2 * DefaultGrace)
		if n := len(only[*Gone](ada.heard())); n != 0 {
			t.Error("the old deadline still holds")
		}
	})
}

func TestLostAfterGrace(t *testing.T) {
	bubble(t, Config{}, func(t *testing.T, h *hotel) {
		ada, bob := h.join(person("ada")), h.join(person("bob"))
		bob.heard()
		ada.Away()
		time.Sleep(DefaultGrace)
		settle()
		if g := last[*Gone](t, ada.heard()); g.Reason != ReasonLost {
			t.Errorf("ada is gone for %q", g.Reason)
		}
		p := last[*Presence](t, bob.heard())
		if len(p.Left) != 1 || p.Left[0].Reason != ReasonLost {
			t.Errorf("bob heard %+v", p)
		}
		if err := ada.Back(); err != ErrGone {
			t.Errorf("Back = %v", err)
		}
		if s := h.Stats(); s.Lost != 1 || s.Members != 1 || s.Rooms != 1 {
			t.Errorf("stats %+v", s)
		}
	})
}

func TestBounds(t *testing.T) {
	bubble(t, Config{MaxRooms: 1, MaxMembers: 2}, func(t *testing.T, h *hotel) {
		ada := h.join(person("ada"))
		h.join(person("bob"))
		if _, err := h.try("acme/standup", person("cy")); err != ErrFull {
			t.Errorf("third member: %v", err)
		}
		if _, err := h.try("acme/other", person("cy")); err != ErrTooManyRooms {
			t.Errorf("second room: %v", err)
		}
		ada.Leave()
		if _, err := h.try("acme/standup", person("cy")); err != nil {
			t.Errorf("after one left: %v", err)
		}
	})
}

func TestRefusedJoinLeavesNoRoom(t *testing.T) {
	bubble(t, Config{}, func(t *testing.T, h *hotel) {
		h.bans.add(time.Now(), banKey{"acme/standup", "jti-bob"}, time.Now().Add(time.Hour))
		if _, err := h.try("acme/standup", person("bob")); err != ErrBanned {
			t.Fatal(err)
		}
		settle()
		if s := h.Stats(); s.Rooms != 0 {
			t.Errorf("stats %+v", s)
		}
	})
}

// watcher is an Observer that keeps the last snapshot.
type watcher struct {
	last   track.Snapshot
	calls  int
	closed bool
}

func (w *watcher) RoomChanged(s track.Snapshot) { w.last = s; w.calls++ }
func (w *watcher) RoomClosed()                  { w.closed = true }

func TestObserver(t *testing.T) {
	bubble(t, Config{}, func(t *testing.T, h *hotel) {
		ada := h.join(moderator("ada"))
		var w watcher
		var room track.Room = ada.Room()
		leave := room.Observe(&w)
		if w.calls != 1 || len(w.last.Members) != 1 || w.last.Room != "acme/standup" {
			t.Fatalf("first snapshot %+v", w.last)
		}
		cam := ada.publish(track.Camera)
		ada.SetMuted(track.Camera, true)
		settle()
		if m := w.last.Members[0]; len(m.Tracks) != 1 || m.Tracks[0] != track.UpTrack(cam) || !m.Muted[track.Camera] || !m.Moderator {
			t.Errorf("observer sees %+v", m)
		}
		bob := h.join(person("bob"))
		if names(last[*Welcome](t, bob.heard()).Members) != "ada bob" {
			t.Error("the observer is seen")
		}
		ada.Leave()
		bob.Leave()
		settle()
		if len(w.last.Members) != 0 || w.closed {
			t.Errorf("empty room with an observer: %+v", w)
		}
		if cy := h.join(person("cy")); cy.Room() != ada.Room() {
			t.Error("a room with an observer was replaced")
		} else {
			cy.Leave()
		}
		leave()
		calls := w.calls
		leave()
		settle()
		if s := h.Stats(); s.Rooms != 0 {
			t.Errorf("stats %+v", s)
		}
		if w.calls != calls || w.closed {
			t.Error("called after it left")
		}
		late := watcher{}
		room.Observe(&late)()
		if !late.closed {
			t.Error("observing a closed room says nothing")
		}
	})
}

func TestClose(t *testing.T) {
	bubble(t, Config{}, func(t *testing.T, h *hotel) {
		ada := h.join(person("ada")).withSlots("v")
		bob := h.join(person("bob"))
		bob.publish(track.Camera)
		ada.down.carries()
		var w watcher
		leave := ada.Room().Observe(&w)
		h.Close()
		h.Close()
		if g := last[*Gone](t, ada.heard()); g.Reason != ReasonClosed {
			t.Errorf("ada heard %+v", g)
		}
		if !w.closed || ada.down.carries() != "-" {
			t.Errorf("closed %v, slots %q", w.closed, ada.down.carries())
		}
		leave()
		ada.Leave()
		if err := ada.Kick(context.Background(), bob.ID()); err != ErrGone {
			t.Errorf("Kick = %v", err)
		}
		if _, err := h.try("acme/standup", person("cy")); err != ErrClosed {
			t.Errorf("Join = %v", err)
		}
		if s := h.Stats(); s.Members != 0 || s.Rooms != 0 {
			t.Errorf("stats %+v", s)
		}
	})
}

// TestComingAndGoing lets many join and leave the same room from many
// goroutines: every join succeeds although the room closes again and again.
func TestComingAndGoing(t *testing.T) {
	bubble(t, Config{}, func(t *testing.T, h *hotel) {
		for range 20 {
			for _, g := range h.crowd(8) {
				go g.Leave()
			}
		}
		settle()
		if s := h.Stats(); s.Members != 0 || s.Rooms != 0 || s.Joins != 160 || s.Left != 160 {
			t.Errorf("stats %+v", s)
		}
	})
}
