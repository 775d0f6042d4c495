package signaling

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/meetcast/meetcast/sfu/room"
	"github.com/meetcast/meetcast/sfu/track"
	"github.com/meetcast/meetcast/signaling/wire"
)

// TestChatOfARoomIsBounded: however many write, everybody is sent no more than
// the room may say.
func TestChatOfARoomIsBounded(t *testing.T) {
	w := newWorld(t, func(c *Config, _ *room.Config) { c.RoomChatRate, c.RoomChatBurst = 0.001, 3 })
	for i := range 3 {
		if e := w.join(fmt.Sprint("p", i), "user").ask(wire.TypeChat, `"text":"me too"`); e != nil {
			t.Fatal(e)
		}
	}
	if e := w.join("late", "user").ask(wire.TypeChat, `"text":"me too"`); e == nil || e.Code != wire.CodeRate {
		t.Errorf("one too many was answered %+v", e)
	}
}

// TestNobodyRenegotiates: others come with cameras, speak and leave; who is there
// gets changes of presence and of slots, and offers once in all the time.
func TestNobodyRenegotiates(t *testing.T) {
	const guests = 12
	w := newWorld(t)
	ada := w.join("ada", "mod")
	peer := ada.offer("slots=aaavvvv")
	came, left := map[string]bool{}, map[string]bool{}
	hear := func(told map[string]bool) {
		for len(told) < guests {
			head, data, err := ada.read()
			if err != nil {
				t.Fatal(err)
			}
			switch head.Type {
			case wire.TypeParticipants:
				note(t, data, came, left)
			case wire.TypeSlots, wire.TypeSpeakers:
			default:
				t.Errorf("ada is told %s", data)
			}
		}
	}
	var all []*page
	for i := range guests {
		g := w.join(fmt.Sprint("guest", i), "user")
		theirs := g.offer("slots=aaavvvv", track.Microphone, track.Camera)
		theirs.published[track.Microphone].SetLoudness(0.9)
		all = append(all, g)
	}
	hear(came)
	for _, g := range all {
		g.post(wire.TypeLeave, "")
		g.closed()
	}
	hear(left)
	if answers, _, _ := peer.counts(); answers != 1 || w.server.Stats().Offers != guests+1 {
		t.Errorf("ada offered %d times, all together %d times", answers, w.server.Stats().Offers)
	}
}

// note writes down who came and left.
func note(t *testing.T, data []byte, came, left map[string]bool) {
	t.Helper()
	var m wire.Participants
	if err := json.Unmarshal(data, &m); err != nil {
		t.Fatal(err)
	}
	for _, p := range m.Joined {
		came[p.ID] = true
	}
	for _, p := range m.Left {
		left[p.ID] = true
	}
}
