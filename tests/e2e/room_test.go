package e2e

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/meetcast/meetcast/internal/botclient"
	"github.com/meetcast/meetcast/sfu/packet"
	"github.com/meetcast/meetcast/sfu/track"
	"github.com/meetcast/meetcast/tests/testkit"
)

// TestScreen: a screen beside the camera, from one participant, is two tiles in
// another's browser.
func TestScreen(t *testing.T) {
	server := testkit.StartServer(t, testkit.ServerOptions{})
	room := server.CreateRoom(t, "screen")
	ann := people[0]
	screen := testkit.Camera{Colour: testkit.Magenta, FirstCode: 2000}
	tracks := testkit.BotTracks(t, packet.VP8, &ann.camera, nil)
	shared := testkit.BotTracks(t, packet.H264, &screen, nil)
	shared[0].Source = track.Screen
	room.StartBot(t, botclient.Config{Name: ann.name, Publish: append(tracks, shared...)})
	viewer := testkit.StartBrowser(t, testkit.BrowserOptions{})
	viewer.Open(room.JoinURL(room.Invite(t, false), "Bob"))
	viewer.Sees(patience, testkit.TileOf(ann.name, "screen"), screen)
	viewer.Sees(patience, testkit.TileOf(ann.name, "camera"), ann.camera)
	picture(t, viewer, "screen")
}

// TestResume: a socket is lost for a while and taken up again: the same member,
// the same slots, and the media never noticed.
func TestResume(t *testing.T) {
	server := testkit.StartServer(t, testkit.ServerOptions{})
	room := server.CreateRoom(t, "resume")
	people[0].bot(t, room, room.Token, packet.VP8)
	bot := room.StartBot(t, botclient.Config{
		Token: room.Invite(t, false), Name: "Bob", AudioSlots: botclient.AllSlots, VideoSlots: 2,
	})
	flows := func(after uint64) func() error {
		return func() error {
			if received(bot) < after+50 {
				return errors.New("no more packets")
			}
			return nil
		}
	}
	testkit.Until(t, patience, "media flows", flows(0))
	before := bot.State()
	bot.DropSocket()
	testkit.Until(t, patience, "media flows without a socket", flows(received(bot)))
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	resumed, err := bot.Resume(ctx)
	if err != nil || !resumed {
		t.Fatalf("resumed %v: %v", resumed, err)
	}
	testkit.Until(t, patience, "media flows on", flows(received(bot)))
	after := bot.State()
	if after.Self != before.Self || len(after.Slots) != len(before.Slots) {
		t.Errorf("was %s with %d slots, is %s with %d", before.Self, len(before.Slots), after.Self, len(after.Slots))
	}
	for _, s := range bot.Stats().Slots {
		if s.Resets > 0 || s.LongestGap > time.Second {
			t.Errorf("slot %s: %d resets, longest gap %v", s.Mid, s.Resets, s.LongestGap)
		}
	}
}

// received sums the packets of all slots.
func received(bot *botclient.Bot) (n uint64) {
	for _, s := range bot.Stats().Slots {
		n += s.Packets
	}
	return n
}
