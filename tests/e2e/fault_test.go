package e2e

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/meetcast/meetcast/internal/botclient"
	"github.com/meetcast/meetcast/sfu/packet"
	"github.com/meetcast/meetcast/signaling/wire"
	"github.com/meetcast/meetcast/tests/testkit"
)

// TestNginx: a server that we did not write takes the push, goes away and comes
// back; the push comes back by itself and the recording has no hole.
func TestNginx(t *testing.T) {
	nginx := testkit.StartNginx(t)
	server := testkit.StartServer(t, testkit.ServerOptions{Env: map[string]string{
		"MEETCAST_BROADCAST_ALLOW_DESTINATIONS": fmt.Sprintf("127.0.0.1:%d", nginx.RTMPPort),
	}})
	room := server.CreateRoom(t, "nginx")
	ann, bob := people[0], people[1]
	moderator := ann.bot(t, room, room.Token, packet.VP8)
	bob.bot(t, room, room.Invite(t, false), packet.VP8)
	out := nginx.URL("live", "show")
	goLive(t, moderator, wire.BroadcastStart{Record: true, Destination: out})

	shows(t, room, ann, bob)
	file := recordURL(t, out, 4*time.Second)
	checkForm(t, file, 2*time.Second)
	d := decode(t, file)
	checkGrid(t, d.Frames[len(d.Frames)-1], ann, bob)
	checkTones(t, d.PCM, ann, bob)

	nginx.Stop()
	broadcastIs(t, moderator, wire.BroadcastReconnecting)
	nginx.Start(t)
	broadcastIs(t, moderator, wire.BroadcastLive)
	checkForm(t, recordURL(t, out, 4*time.Second), 2*time.Second)
	endShow(t, moderator)
	checkForm(t, recordingLink(t, server, room), 8*time.Second)
}

// broadcastIs waits until the moderator is told that the broadcast has a state.
func broadcastIs(t *testing.T, bot *botclient.Bot, status string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := bot.Wait(ctx, func(s botclient.State) bool { return s.Broadcast.Status == status }); err != nil {
		t.Fatalf("waiting for %s: %v; it is %+v", status, err, bot.State().Broadcast)
	}
}

// TestRefusedDestinations: every refusal has its reason.
func TestRefusedDestinations(t *testing.T) {
	nginx := testkit.StartNginx(t)
	closed := testkit.FreePort(t)
	server := testkit.StartServer(t, testkit.ServerOptions{Env: map[string]string{
		"MEETCAST_BROADCAST_ALLOW_DESTINATIONS": fmt.Sprintf("127.0.0.1:%d,127.0.0.1:%d", nginx.RTMPPort, closed),
	}})
	room := server.CreateRoom(t, "refused")
	bot := room.StartBot(t, botclient.Config{Name: "Ann", AudioSlots: botclient.AllSlots})
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	for name, url := range map[string]string{
		"not allowed":    "rtmp://127.0.0.2/live/key",
		"metadata":       "rtmp://169.254.169.254/live/key",
		"wrong scheme":   "http://127.0.0.1/live/key",
		"nobody there":   fmt.Sprintf("rtmp://127.0.0.1:%d/live/key", closed),
		"no such app":    nginx.URL("nothing", "key"),
		"not even a URL": "hello",
	} {
		_, err := bot.Broadcast(ctx, wire.BroadcastStart{Destination: url})
		var refusal *botclient.ServerError
		ok := errors.As(err, &refusal)
		if !ok || refusal.Code != wire.CodeDestination && refusal.Code != wire.CodeBadRequest {
			t.Errorf("%s: the answer is %v", name, err)
			continue
		}
		t.Logf("%s: %s", name, refusal.Message)
	}
	if status := bot.State().Broadcast.Status; status == wire.BroadcastLive || status == wire.BroadcastStarting {
		t.Errorf("after all refusals the broadcast is %s", status)
	}
}

// TestKill: kill -9 of the server in the middle of a recording. The next start
// finishes the recording, complete up to the last second; no child is left.
func TestKill(t *testing.T) {
	server := testkit.StartServer(t, testkit.ServerOptions{})
	room := server.CreateRoom(t, "kill")
	ann := people[0]
	moderator := ann.bot(t, room, room.Token, packet.VP8)
	live := goLive(t, moderator, wire.BroadcastStart{Record: true})
	began := time.Now()
	shows(t, room, ann)
	testkit.Until(t, patience, "something worth keeping is recorded", func() error {
		if d := time.Since(began); d < 6*time.Second {
			return fmt.Errorf("the show is %v old", d)
		}
		return nil
	})
	lasted := time.Since(began)
	server.Kill()
	if err := server.NoChildren(5 * time.Second); err != nil {
		t.Error(err)
	}
	server.Start(t)
	vod := recordingLink(t, server, room)
	if want := live.VOD; want != vod {
		t.Errorf("the recording is at %s, promised was %s", vod, want)
	}
	checkForm(t, vod, lasted-time.Second)
	d := decode(t, vod)
	checkGrid(t, d.Frames[len(d.Frames)-1], ann)

	// What was made before is there, and the same token still opens the room.
	var streams []struct {
		Ingest struct {
			RTMP struct{ Streamname string } `json:"rtmp"`
		} `json:"ingest"`
	}
	key := map[string]string{"x-bintu-apikey": server.APIKey}
	if err := server.Call(http.MethodGet, "/stream?quantity=9", key, nil, &streams); err != nil {
		t.Fatal(err)
	}
	if len(streams) != 1 || streams[0].Ingest.RTMP.Streamname != room.Stream {
		t.Errorf("streams after the crash are %+v, want %s", streams, room.Stream)
	}
	room.StartBot(t, botclient.Config{Name: "Back", AudioSlots: botclient.AllSlots})
}
