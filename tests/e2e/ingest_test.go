package e2e

import (
	"fmt"
	"os/exec"
	"testing"

	"github.com/meetcast/meetcast/internal/botclient"
	"github.com/meetcast/meetcast/sfu/packet"
	"github.com/meetcast/meetcast/signaling/wire"
	"github.com/meetcast/meetcast/tests/testkit"
)

// encoder is ffmpeg publishing a grey picture to the public ingest, as OBS would.
func encoder(t *testing.T, url string) (ended chan error) {
	t.Helper()
	cmd := exec.Command("ffmpeg", "-v", "error", "-re", "-f", "lavfi", "-i", "color=c=gray:size=320x180:rate=15",
		"-f", "lavfi", "-i", "sine=frequency=300", "-c:v", "libx264", "-preset", "ultrafast", "-g", "15", "-pix_fmt", "yuv420p",
		"-c:a", "aac", "-t", "60", "-f", "flv", url)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended = make(chan error, 1)
	go func() { ended <- cmd.Wait(); close(ended) }()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-ended
	})
	return ended
}

// playoutIs waits until a stream is live or offline.
func playoutIs(t *testing.T, server *testkit.Server, stream, state string) {
	t.Helper()
	testkit.Until(t, patience, stream+" is "+state, func() error {
		var info struct{ State string }
		if err := server.Call("GET", "/playout/"+stream, nil, nil, &info); err != nil {
			return err
		}
		if info.State != state {
			return fmt.Errorf("it is %s", info.State)
		}
		return nil
	})
}

// TestEncoder: an encoder plays out; a room's broadcast to the same stream takes
// its place, and a stranger does not get in between.
func TestEncoder(t *testing.T) {
	server := testkit.StartServer(t, testkit.ServerOptions{})
	room := server.CreateRoom(t, "encoder")
	out := encoder(t, room.IngestURL())
	playoutIs(t, server, room.Stream, "live")
	ann := people[0]
	bot := ann.bot(t, room, room.Token, packet.VP8)
	goLive(t, bot, wire.BroadcastStart{})
	if err := <-out; err == nil {
		t.Error("the encoder was not sent away")
	}
	if err := <-encoder(t, room.IngestURL()); err == nil {
		t.Error("a stranger could publish during the broadcast")
	}
	shows(t, room, ann)
	endShow(t, bot)
	playoutIs(t, server, room.Stream, "offline")

	own, err := server.RoomToken("own", "", true)
	if err != nil {
		t.Fatal(err)
	}
	claims, err := testkit.Claims(own)
	if err != nil {
		t.Fatal(err)
	}
	stream := fmt.Sprint(claims["streamname"])
	if err := <-encoder(t, fmt.Sprintf("rtmp://127.0.0.1:%d/live/%s", server.RTMPPort, stream)); err == nil {
		t.Error("a stranger could publish to a room's own stream")
	}
	room.StartBot(t, botclient.Config{Token: own, Name: "Own", AudioSlots: botclient.AllSlots})
}
