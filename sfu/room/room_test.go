package room

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/meetcast/meetcast/sfu/track"
)

func TestSlotsFollowThePublished(t *testing.T) {
	bubble(t, Config{}, func(t *testing.T, h *hotel) {
		ada := h.join(person("ada")).withSlots("aavv")
		bob := h.join(person("bob"))
		mic, cam := bob.publish(track.Microphone), bob.publish(track.Camera)
		own := ada.publish(track.Camera)
		if got, want := ada.down.carries(), tracks(mic, nil, cam, nil); got != want {
			t.Errorf("slots carry %q, want %q", got, want)
		}
		m := last[*SlotMap](t, ada.heard())
		want := []SlotSource{
			{"0", track.Audio, bob.ID(), track.Microphone}, {Mid: "1", Kind: track.Audio},
			{"2", track.Video, bob.ID(), track.Camera}, {Mid: "3", Kind: track.Video},
		}
		for i := range want {
			if m.Slots[i] != want[i] {
				t.Errorf("slot %d told as %+v, want %+v", i, m.Slots[i], want[i])
			}
		}
		if strings.Contains(ada.down.carries(), string(own.info.ID)) {
			t.Error("ada gets her own picture")
		}
		bob.Unpublish(cam)
		if got, want := ada.down.carries(), tracks(mic, nil, nil, nil); got != want {
			t.Errorf("after unpublishing, slots carry %q, want %q", got, want)
		}
		bob.Leave()
		if got := ada.down.carries(); got != "- - - -" {
			t.Errorf("after leaving, slots carry %q", got)
		}
	})
}

func TestOnlyDifferencesAreBound(t *testing.T) {
	bubble(t, Config{}, func(t *testing.T, h *hotel) {
		ada, bob := h.join(person("ada")).withSlots("vv"), h.join(person("bob"))
		cam := bob.publish(track.Camera)
		ada.down.carries()
		binds := ada.down.binds
		cy := h.join(person("cy"))
		cy.publish(track.Microphone)
		if ada.down.carries(); ada.down.binds != binds {
			t.Errorf("a member with other media made %d binds", ada.down.binds-binds)
		}
		ada.heard()
		ada.SetView(View{Want: []Want{{bob.ID(), track.Camera, track.Size{Width: 100, Height: 50}}}})
		if got := ada.down.carries(); got != tracks(cam, nil) || ada.down.binds != binds+1 {
			t.Errorf("a new size: slots %q, %d binds", got, ada.down.binds-binds)
		}
		if ada.down.sizes["0"] != (track.Size{Width: 100, Height: 50}) {
			t.Errorf("bound at %v", ada.down.sizes["0"])
		}
		if n := len(only[*SlotMap](ada.heard())); n != 0 {
			t.Errorf("a new size made %d slot maps", n)
		}
	})
}

func TestMutedSourceLeavesItsSlot(t *testing.T) {
	bubble(t, Config{}, func(t *testing.T, h *hotel) {
		ada, bob := h.join(person("ada")).withSlots("av"), h.join(person("bob"))
		mic, cam := bob.publish(track.Microphone), bob.publish(track.Camera)
		ada.down.carries()
		bob.SetMuted(track.Microphone, true)
		if got, want := ada.down.carries(), tracks(nil, cam); got != want {
			t.Errorf("muted: slots carry %q, want %q", got, want)
		}
		if p := last[*Presence](t, ada.heard()); !p.Updated[0].Sources[track.Microphone] {
			t.Error("the mute is not told")
		}
		bob.SetMuted(track.Microphone, false)
		if got, want := ada.down.carries(), tracks(mic, cam); got != want {
			t.Errorf("unmuted: slots carry %q, want %q", got, want)
		}
	})
}

func TestPublishAgainReplaces(t *testing.T) {
	bubble(t, Config{}, func(t *testing.T, h *hotel) {
		ada, bob := h.join(person("ada")).withSlots("v"), h.join(person("bob"))
		old := bob.publish(track.Camera)
		ada.down.carries()
		binds := ada.down.binds
		info := old.info
		info.ID = "again"
		bob.Publish(&fakeUp{info: info})
		if got := ada.down.carries(); got != "again" || ada.down.binds != binds+1 {
			t.Errorf("slot carries %q after %d binds", got, ada.down.binds-binds)
		}
		bob.Unpublish(old) // late, from the connection that was replaced
		if got := ada.down.carries(); got != "again" {
			t.Errorf("a late Unpublish emptied the slot: %q", got)
		}
	})
}

func TestSlotsChangedKeepsWhatIsThere(t *testing.T) {
	bubble(t, Config{}, func(t *testing.T, h *hotel) {
		ada, bob, cy := h.join(person("ada")).withSlots("v"), h.join(person("bob")), h.join(person("cy"))
		b, c := bob.publish(track.Camera), cy.publish(track.Camera)
		ada.down.carries()
		binds := ada.down.binds
		ada.down.mu.Lock()
		ada.down.slots = slotsOf("vv")
		ada.down.mu.Unlock()
		ada.SlotsChanged()
		if got := ada.down.carries(); got != tracks(b, c) || ada.down.binds != binds+1 {
			t.Errorf("slots carry %q after %d binds", got, ada.down.binds-binds)
		}
		ada.heard()
		ada.SlotsChanged()
		if n := len(only[*SlotMap](ada.heard())); n != 1 {
			t.Errorf("an answer was followed by %d slot maps, want 1", n)
		}
	})
}

func TestLoudestAreHeard(t *testing.T) {
	bubble(t, Config{}, func(t *testing.T, h *hotel) {
		ada := h.join(person("ada")).withSlots("aa")
		var mics []*fakeUp
		var people []*guest
		for _, name := range []string{"b", "c", "d", "e"} {
			g := h.join(person(name))
			people = append(people, g)
			mics = append(mics, g.publish(track.Microphone))
		}
		if got, want := ada.down.carries(), tracks(mics[0], mics[1]); got != want {
			t.Fatalf("in silence slots carry %q, want %q", got, want)
		}
		ada.heard()
		mics[3].speak(0.9)
		mics[1].speak(0.6)
		time.Sleep(2 * time.Second)
		if got, want := ada.down.carries(), tracks(mics[3], mics[1]); got != want {
			t.Errorf("slots carry %q, want %q", got, want)
		}
		s := last[*Speakers](t, ada.heard())
		if len(s.Speakers) != 2 || s.Speakers[0] != people[3].ID() {
			t.Errorf("speakers %v, want %s to dominate", s.Speakers, people[3].ID())
		}
		time.Sleep(2 * time.Second)
		if n := len(only[*Speakers](ada.heard())); n != 0 {
			t.Errorf("%d messages while nothing changed", n)
		}
		mics[1].speak(0)
		mics[3].speak(0)
		time.Sleep(5 * time.Second)
		if s := last[*Speakers](t, ada.heard()); len(s.Speakers) != 0 {
			t.Errorf("speakers in silence: %v", s.Speakers)
		}
		if got, want := ada.down.carries(), tracks(mics[3], mics[1]); got != want {
			t.Errorf("silence moved the slots to %q", got)
		}
		late := h.join(person("late"))
		if w := last[*Welcome](t, late.heard()); len(w.Speakers) != 0 {
			t.Errorf("late joiner hears %v speak", w.Speakers)
		}
	})
}

func TestKickBansTheToken(t *testing.T) {
	bubble(t, Config{}, func(t *testing.T, h *hotel) {
		ctx := context.Background()
		ada, bob, cy := h.join(moderator("ada")), h.join(person("bob")), h.join(person("cy"))
		for name, c := range map[string]struct {
			by     *guest
			target track.MemberID
			want   error
		}{
			"participant": {cy, bob.ID(), ErrForbidden},
			"oneself":     {ada, ada.ID(), ErrSelf},
			"nobody":      {ada, "m-none", ErrNoMember},
		} {
			if err := c.by.Kick(ctx, c.target); !errors.Is(err, c.want) {
				t.Errorf("%s: Kick = %v, want %v", name, err, c.want)
			}
		}
		if err := ada.Kick(ctx, bob.ID()); err != nil {
			t.Fatal(err)
		}
		if g := last[*Gone](t, bob.heard()); g.Reason != ReasonKicked || g.By != ada.ID() {
			t.Errorf("bob heard %+v", g)
		}
		if p := last[*Presence](t, cy.heard()); len(p.Left) != 1 || p.Left[0].Reason != ReasonKicked {
			t.Errorf("cy heard %+v", p)
		}
		if _, err := h.try("acme/standup", person("bob")); err != ErrBanned {
			t.Errorf("bob's token again: %v", err)
		}
		if _, err := h.try("acme/other", person("bob")); err != nil {
			t.Errorf("bob's token in another room: %v", err)
		}
		ada.Leave()
		cy.Leave()
		settle()
		if _, open := h.Get("acme/standup"); open {
			t.Fatal("the empty room is open")
		}
		if _, err := h.try("acme/standup", person("bob")); err != ErrBanned {
			t.Errorf("bob's token after the room closed: %v", err)
		}
		id := person("bob")
		time.Sleep(2 * time.Hour)
		if _, err := h.try("acme/standup", id); err != nil {
			t.Errorf("the ban outlives the token: %v", err)
		}
	})
}

// keptBans is a Bans in a map.
type keptBans struct {
	list map[banKey]time.Time
	err  error
}

func (b *keptBans) Ban(_ context.Context, room track.RoomID, id string, until time.Time) error {
	b.list[banKey{room, id}] = until
	return b.err
}

func (b *keptBans) Banned(_ context.Context, room track.RoomID, id string) (bool, error) {
	_, ok := b.list[banKey{room, id}]
	return ok, b.err
}

func TestBansAreKept(t *testing.T) {
	kept := &keptBans{list: map[banKey]time.Time{}}
	bubble(t, Config{Bans: kept}, func(t *testing.T, h *hotel) {
		ada, bob := h.join(moderator("ada")), h.join(person("bob"))
		if err := ada.Kick(context.Background(), bob.ID()); err != nil {
			t.Fatal(err)
		}
	})
	bubble(t, Config{Bans: kept}, func(t *testing.T, h *hotel) {
		if _, err := h.try("acme/standup", person("bob")); err != ErrBanned {
			t.Errorf("after a restart: %v", err)
		}
		kept.err = errors.New("disk full")
		if _, err := h.try("acme/standup", person("cy")); !errors.Is(err, kept.err) {
			t.Errorf("with bans unreadable: %v", err)
		}
	})
}

func TestBanListIsBounded(t *testing.T) {
	now := time.Unix(1000, 0)
	l := newBanList(2)
	l.add(now, banKey{"r", "late"}, now.Add(3*time.Hour))
	l.add(now, banKey{"r", "soon"}, now.Add(time.Hour))
	l.add(now, banKey{"r", "mid"}, now.Add(2*time.Hour))
	if l.has(now, banKey{"r", "soon"}) || !l.has(now, banKey{"r", "mid"}) || !l.has(now, banKey{"r", "late"}) {
		t.Errorf("kept %v, want all but the one that ends first", l.until)
	}
	if l.has(now.Add(2*time.Hour), banKey{"r", "mid"}) || l.len() != 1 {
		t.Error("a ban outlives its end")
	}
}

func TestMuteOthers(t *testing.T) {
	bubble(t, Config{}, func(t *testing.T, h *hotel) {
		ada := h.join(moderator("ada")).withSlots("aa")
		bob, cy := h.join(person("bob")), h.join(person("cy"))
		b, c := bob.publish(track.Microphone), cy.publish(track.Microphone)
		ada.publish(track.Microphone)
		if got, want := ada.down.carries(), tracks(b, c); got != want {
			t.Fatalf("slots carry %q, want %q", got, want)
		}
		if err := bob.MuteOther(cy.ID(), track.Microphone); err != ErrForbidden {
			t.Errorf("a participant mutes: %v", err)
		}
		if err := bob.MuteEveryone(); err != ErrForbidden {
			t.Errorf("a participant mutes everyone: %v", err)
		}
		if err := ada.MuteOther(bob.ID(), track.Microphone); err != nil {
			t.Fatal(err)
		}
		if got, want := ada.down.carries(), tracks(nil, c); got != want {
			t.Errorf("slots carry %q, want %q", got, want)
		}
		if m := last[*MuteRequest](t, bob.heard()); m.By != ada.ID() || m.Source != track.Microphone {
			t.Errorf("bob heard %+v", m)
		}
		bob.SetMuted(track.Microphone, false)
		if got := ada.down.carries(); !strings.Contains(got, string(b.info.ID)) {
			t.Errorf("bob cannot switch on again: %q", got)
		}
		if err := ada.MuteEveryone(); err != nil {
			t.Fatal(err)
		}
		if got := ada.down.carries(); got != "- -" {
			t.Errorf("everyone muted: slots carry %q", got)
		}
		last[*MuteRequest](t, cy.heard())
		if n := len(only[*MuteRequest](ada.heard())); n != 0 {
			t.Error("the moderator was asked to mute, too")
		}
	})
}

func TestMuteRequestReachesWhoWasAway(t *testing.T) {
	bubble(t, Config{}, func(t *testing.T, h *hotel) {
		ada, bob := h.join(moderator("ada")), h.join(person("bob"))
		bob.publish(track.Microphone)
		settle()
		bob.Away()
		if err := ada.MuteEveryone(); err != nil {
			t.Fatal(err)
		}
		bob.heard() // and lost
		if err := bob.Back(); err != nil {
			t.Fatal(err)
		}
		if m := last[*MuteRequest](t, bob.heard()); m.By != ada.ID() {
			t.Errorf("bob heard %+v", m)
		}
		bob.SetMuted(track.Microphone, true)
		if err := bob.Back(); err != nil {
			t.Fatal(err)
		}
		if n := len(only[*MuteRequest](bob.heard())); n != 0 {
			t.Error("bob is asked again though he followed")
		}
	})
}

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

func TestTrackOfWrongKindIsIgnored(t *testing.T) {
	bubble(t, Config{}, func(t *testing.T, h *hotel) {
		ada := h.join(person("ada"))
		ada.Publish(&fakeUp{info: track.Info{Kind: track.Video, Source: track.Microphone}})
		ada.Publish(&fakeUp{info: track.Info{Kind: track.Video, Source: "hologram"}})
		settle()
		if w := last[*Welcome](t, h.join(person("bob")).heard()); len(w.Members[0].Sources) != 0 {
			t.Errorf("ada publishes %v", w.Members[0].Sources)
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

func TestPublishedAnewIsOn(t *testing.T) {
	bubble(t, Config{}, func(t *testing.T, h *hotel) {
		ada, bob := h.join(person("ada")).withSlots("v"), h.join(person("bob"))
		cam := bob.publish(track.Camera)
		bob.SetMuted(track.Camera, true)
		bob.Unpublish(cam)
		again := bob.publish(track.Camera)
		if got := ada.down.carries(); got != tracks(again) {
			t.Errorf("slot carries %q", got)
		}
	})
}

func TestMutedDoNotSpeak(t *testing.T) {
	bubble(t, Config{}, func(t *testing.T, h *hotel) {
		ada, bob := h.join(person("ada")), h.join(person("bob"))
		mic := bob.publish(track.Microphone)
		bob.SetMuted(track.Microphone, true)
		mic.speak(0.9) // a page that goes on sending
		time.Sleep(5 * time.Second)
		if n := len(only[*Speakers](ada.heard())); n != 0 {
			t.Errorf("%d messages about somebody muted", n)
		}
	})
}
