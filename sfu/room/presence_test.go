package room

import (
	"testing"
	"time"

	"github.com/meetcast/meetcast/sfu/track"
)

func TestJoinAndLateJoin(t *testing.T) {
	bubble(t, Config{}, func(t *testing.T, h *hotel) {
		ada := h.join(moderator("ada"))
		w := last[*Welcome](t, ada.heard())
		if names(w.Members) != "ada" || w.Self != ada.ID() || w.Resumed || !w.Members[0].Moderator {
			t.Errorf("ada was welcomed with %+v", w)
		}
		ada.publish(track.Camera)
		ada.SetMuted(track.Microphone, true)
		ada.publish(track.Microphone)
		ada.SetHand(true)
		ada.Say("hello")
		ada.heard()

		bob := h.join(person("bob"))
		events := bob.heard()
		w = last[*Welcome](t, events)
		if names(w.Members) != "ada bob" || len(w.Chat) != 1 || w.Chat[0].Text != "hello" || w.Chat[0].Name != "ada" {
			t.Errorf("bob was welcomed with %+v", w)
		}
		if a := w.Members[0]; a.Sources[track.Camera] || !a.Sources[track.Microphone] || len(a.Sources) != 2 || a.Hand.IsZero() {
			t.Errorf("bob sees ada as %+v", a)
		}
		if _, first := events[0].(*Welcome); !first || len(only[*Presence](events)) != 0 {
			t.Errorf("bob heard %d events, want the welcome alone: it told everything", len(events))
		}
		p := last[*Presence](t, ada.heard())
		if names(p.Joined) != "bob" || len(p.Updated)+len(p.Left) != 0 {
			t.Errorf("ada heard %+v", p)
		}
	})
}

func TestLeave(t *testing.T) {
	bubble(t, Config{}, func(t *testing.T, h *hotel) {
		ada, bob := h.join(person("ada")), h.join(person("bob"))
		ada.heard()
		bob.Leave()
		if g := last[*Gone](t, bob.heard()); g.Reason != ReasonLeft {
			t.Errorf("bob is gone for %q", g.Reason)
		}
		p := last[*Presence](t, ada.heard())
		if len(p.Left) != 1 || p.Left[0] != (Left{bob.ID(), ReasonLeft}) {
			t.Errorf("ada heard %+v", p)
		}
		bob.Leave()
		bob.SetHand(true)
		bob.Say("still there?")
		if events := ada.heard(); len(events) != 0 {
			t.Errorf("a member that is gone made %d events", len(events))
		}
		if err := bob.Back(); err != ErrGone {
			t.Errorf("Back = %v, want ErrGone", err)
		}
	})
}

func TestChangesAreBatched(t *testing.T) {
	const n = 100
	bubble(t, Config{}, func(t *testing.T, h *hotel) {
		ada := h.join(person("ada"))
		ada.heard()
		guests := h.crowd(n)
		heard := only[*Presence](ada.heard())
		joined := 0
		for _, p := range heard {
			joined += len(p.Joined)
		}
		if joined != n || len(heard) > 3 {
			t.Errorf("%d people who joined at once made %d messages that name %d", n, len(heard), joined)
		}
		for _, g := range guests {
			seen := map[track.MemberID]bool{}
			for _, e := range g.heard() {
				switch e := e.(type) {
				case *Welcome:
					note(t, seen, e.Members)
				case *Presence:
					note(t, seen, e.Joined)
				}
			}
			if len(seen) != n+1 {
				t.Fatalf("a guest knows %d people, want %d", len(seen), n+1)
			}
		}
	})
}

// note adds the members and fails when one is told twice.
func note(t *testing.T, seen map[track.MemberID]bool, list []*MemberInfo) {
	t.Helper()
	for _, m := range list {
		if seen[m.ID] {
			t.Fatalf("%s was told twice", m.Name)
		}
		seen[m.ID] = true
	}
}

func TestFirstChangeIsToldAtOnce(t *testing.T) {
	bubble(t, Config{Batch: time.Hour}, func(t *testing.T, h *hotel) {
		ada := h.join(person("ada"))
		time.Sleep(2 * time.Hour)
		ada.heard()
		h.join(person("bob"))
		if len(only[*Presence](ada.heard())) != 1 {
			t.Error("a single join waited for the batch")
		}
		h.join(person("cy"))
		if len(only[*Presence](ada.heard())) != 0 {
			t.Error("a second join did not")
		}
	})
}

func TestPendingTellsEachWhatIsNew(t *testing.T) {
	info := func(id track.MemberID) *MemberInfo { return &MemberInfo{ID: id, Name: string(id)} }
	var p pending
	p.joined("a")             // 1
	p.updated("b")            // 2
	p.updated("a")            // 3
	p.joined("c")             // 4
	p.left("c", ReasonLeft)   // 5
	p.left("d", ReasonKicked) // 6
	for _, c := range []struct {
		seen                  uint64
		joined, updated, left string
	}{
		{0, "a", "b", "d"},
		{1, "", "b a", "d"},
		{2, "", "a", "d"},
		{3, "", "", "d"},
		{4, "", "", "c d"},
		{5, "", "", "d"},
	} {
		got := p.tell(c.seen, info)
		left := ""
		for i, l := range got.Left {
			if i > 0 {
				left += " "
			}
			left += string(l.ID)
		}
		if names(got.Joined) != c.joined || sortedNames(got.Updated) != sorted(c.updated) || left != c.left {
			t.Errorf("seen %d: joined %q updated %q left %q, want %+v", c.seen, names(got.Joined), names(got.Updated), left, c)
		}
	}
	if got := p.tell(6, info); got != nil {
		t.Errorf("who has seen everything is told %+v", got)
	}
}

func TestHandsHaveDifferentTimes(t *testing.T) {
	bubble(t, Config{}, func(t *testing.T, h *hotel) {
		ada, bob := h.join(person("ada")), h.join(person("bob"))
		ada.SetHand(true)
		bob.SetHand(true)
		bob.SetHand(true)
		settle()
		cy := h.join(person("cy"))
		m := last[*Welcome](t, cy.heard()).Members
		if !m[1].Hand.After(m[0].Hand) || m[0].Hand.UnixMilli() == m[1].Hand.UnixMilli() {
			t.Errorf("hands at %v and %v", m[0].Hand, m[1].Hand)
		}
		ada.SetHand(false)
		if p := last[*Presence](t, cy.heard()); names(p.Updated) != "ada" || !p.Updated[0].Hand.IsZero() {
			t.Errorf("lowered hand told as %+v", p)
		}
	})
}

func TestRenameShowsInChat(t *testing.T) {
	bubble(t, Config{}, func(t *testing.T, h *hotel) {
		ada, bob := h.join(person("ada")), h.join(person("bob"))
		ada.SetName("Countess")
		ada.Say("hi")
		events := bob.heard()
		if p := last[*Presence](t, events); names(p.Updated) != "Countess" {
			t.Errorf("rename told as %+v", p)
		}
		if c := last[*Chat](t, events); c.Name != "Countess" || c.From != ada.ID() || c.At.IsZero() {
			t.Errorf("chat is %+v", c)
		}
		last[*Chat](t, ada.heard())
	})
}

func TestChatHistoryIsBounded(t *testing.T) {
	h := history{maxLen: 3, maxBytes: 10}
	for _, text := range []string{"a", "b", "c", "d"} {
		h.add(Chat{Text: text})
	}
	if got := texts(h.messages()); got != "bcd" {
		t.Errorf("kept %q, want the newest three", got)
	}
	h.add(Chat{Text: "123456789"})
	if got := texts(h.messages()); got != "d123456789" {
		t.Errorf("kept %q, want the newest ten bytes", got)
	}
	h.add(Chat{Text: "12345678901"})
	if got := texts(h.messages()); got != "" || h.bytes != 0 {
		t.Errorf("kept %q", got)
	}
}

func texts(list []Chat) (out string) {
	for _, c := range list {
		out += c.Text
	}
	return out
}

// TestOldMembersShareOneEvent: what is told is made, and encoded, once for all.
func TestOldMembersShareOneEvent(t *testing.T) {
	bubble(t, Config{}, func(t *testing.T, h *hotel) {
		ada, bob := h.join(person("ada")), h.join(person("bob"))
		ada.SetHand(true)
		ada.heard()
		bob.heard()
		bob.SetHand(true)
		if a, b := last[*Presence](t, ada.heard()), last[*Presence](t, bob.heard()); a != b {
			t.Error("two members got events of their own")
		}
	})
}
