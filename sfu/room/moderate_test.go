package room

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/meetcast/meetcast/sfu/track"
)

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
		if got := ada.down.carries(); !strings.Contains(got, string(b.Info().ID)) {
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
