package signaling

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/meetcast/meetcast/sfu/room"
	"github.com/meetcast/meetcast/sfu/track"
	"github.com/meetcast/meetcast/signaling/wire"
)

// roster makes n participants.
func roster(n int) []*room.MemberInfo {
	list := make([]*room.MemberInfo, n)
	for i := range list {
		list[i] = &room.MemberInfo{
			ID: track.MemberID(fmt.Sprintf("m-%014d", i)), Name: fmt.Sprintf("Person <%d>", i), Moderator: i == 0, Away: i == 1,
			Hand:    time.UnixMilli(int64(i)),
			Sources: map[track.Source]bool{track.Microphone: true, track.Camera: false},
		}
	}
	return list
}

// plain is the list as the wire package would say it.
func plain(list []*room.MemberInfo) []wire.Participant {
	out := []wire.Participant{}
	for _, m := range list {
		out = append(out, wireParticipant(m))
	}
	return out
}

// TestEncodedAsTheTypesSay: messages put together from parts say what the types
// of package wire would.
func TestEncodedAsTheTypesSay(t *testing.T) {
	for _, n := range []int{0, 1, 3} {
		list := roster(n)
		want := wire.Joined{Head: wire.Head{Type: wire.TypeJoined, ID: "1"}, Self: "m-1", Version: wire.Version, Participants: plain(list)}
		var got wire.Joined
		if err := json.Unmarshal(encodeJoined(&want, list), &got); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("joined of %d: %s", n, diff)
		}
	}
	for _, e := range []*room.Presence{
		{Joined: roster(1)},
		{Updated: roster(2), Left: []room.Left{{ID: "m-9", Reason: room.ReasonLost}}},
		{Joined: roster(2), Updated: roster(3)},
	} {
		want := wire.Participants{Head: wire.Head{Type: wire.TypeParticipants}}
		if len(e.Joined) > 0 {
			want.Joined = plain(e.Joined)
		}
		if len(e.Updated) > 0 {
			want.Updated = plain(e.Updated)
		}
		for _, l := range e.Left {
			want.Left = append(want.Left, wire.Left{ID: string(l.ID), Reason: string(l.Reason)})
		}
		var got wire.Participants
		if err := json.Unmarshal(encodePresence(e), &got); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("participants: %s", diff)
		}
	}
}

// BenchmarkEncodeJoined encodes what the 500th participant is welcomed with.
func BenchmarkEncodeJoined(b *testing.B) {
	list := roster(500)
	j := &wire.Joined{Head: wire.Head{Type: wire.TypeJoined, ID: "1"}}
	b.Run("parts", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			encodeJoined(j, list)
		}
	})
	b.Run("plain", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			whole := *j
			whole.Participants = plain(list)
			encode(whole)
		}
	})
}
