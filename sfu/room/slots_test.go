package room

import (
	"strings"
	"testing"
	"time"

	"github.com/meetcast/meetcast/sfu/packet"
	"github.com/meetcast/meetcast/sfu/track"
	"github.com/meetcast/meetcast/sfu/track/tracktest"
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
			{"0", track.Audio, bob.ID(), track.Microphone, packet.Opus}, {Mid: "1", Kind: track.Audio},
			{"2", track.Video, bob.ID(), track.Camera, packet.VP8}, {Mid: "3", Kind: track.Video},
		}
		for i := range want {
			if m.Slots[i] != want[i] {
				t.Errorf("slot %d told as %+v, want %+v", i, m.Slots[i], want[i])
			}
		}
		if strings.Contains(ada.down.carries(), string(own.Info().ID)) {
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
		info := old.Info()
		info.ID = "again"
		bob.Publish(tracktest.NewUpTrack(info))
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
		var mics []*tracktest.FakeUpTrack
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
		mics[3].SetLoudness(0.9)
		mics[1].SetLoudness(0.6)
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
		mics[1].SetLoudness(0)
		mics[3].SetLoudness(0)
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

func TestTrackOfWrongKindIsIgnored(t *testing.T) {
	bubble(t, Config{}, func(t *testing.T, h *hotel) {
		ada := h.join(person("ada"))
		ada.Publish(tracktest.NewUpTrack(track.Info{Kind: track.Video, Source: track.Microphone}))
		ada.Publish(tracktest.NewUpTrack(track.Info{Kind: track.Video, Source: "hologram"}))
		settle()
		if w := last[*Welcome](t, h.join(person("bob")).heard()); len(w.Members[0].Sources) != 0 {
			t.Errorf("ada publishes %v", w.Members[0].Sources)
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
		mic.SetLoudness(0.9) // a page that goes on sending
		time.Sleep(5 * time.Second)
		if n := len(only[*Speakers](ada.heard())); n != 0 {
			t.Errorf("%d messages about somebody muted", n)
		}
	})
}
