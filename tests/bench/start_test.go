//go:build bench

package bench

import (
	"context"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/meetcast/meetcast/internal/botclient"
	"github.com/meetcast/meetcast/sfu/packet"
	"github.com/meetcast/meetcast/signaling/wire"
	"github.com/meetcast/meetcast/tests/testkit"
)

const starts = 9

// benchStart: from startBroadcast to the first picture that decodes at the
// ingest, as its first viewer receives it. The floor is ffmpeg alone: from its
// start to the first encoded picture of the same size.
func benchStart(t *testing.T) {
	server := testkit.StartServer(t, full)
	room := server.CreateRoom(t, "start")
	bot := room.StartBot(t, botclient.Config{Name: "Ann", Publish: testkit.BotTracks(t, packet.VP8,
		&testkit.Camera{Width: 640, Height: 360, FPS: 30, Colour: testkit.Red}, &testkit.Microphone{Frequency: 440})})
	var took, floor []time.Duration
	for range starts {
		took = append(took, startOnce(t, room, bot))
		floor = append(floor, encodeOnce(t))
	}
	figure("start_ms", ms(median(took)), "ms")
	figure("start_floor_ms", ms(median(floor)), "ms")
	figure("start_floor_ratio", ms(median(took))/ms(median(floor)), "ratio")
}

// startOnce starts and stops one broadcast with a viewer waiting for it.
func startOnce(t *testing.T, room *testkit.Room, bot *botclient.Bot) time.Duration {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	address := strings.Replace(room.Server.URL, "http", "ws", 1) + "/playout/" + room.Stream + "/ws"
	viewer, _, err := websocket.DefaultDialer.DialContext(ctx, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer viewer.Close()
	if err := viewer.SetReadDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	started := make(chan error, 1)
	go func() {
		_, err := bot.Broadcast(ctx, wire.BroadcastStart{})
		started <- err
	}()
	for binary := 0; binary < 2; { // the init segment, then the first picture
		kind, _, err := viewer.ReadMessage()
		if err != nil {
			t.Fatal(err)
		}
		if kind == websocket.BinaryMessage {
			binary++
		}
	}
	took := time.Since(began)
	if err := <-started; err != nil {
		t.Fatal(err)
	}
	if _, err := bot.StopBroadcast(ctx); err != nil {
		t.Fatal(err)
	}
	return took
}

// encodeOnce is the start of an encoder and its first picture.
func encodeOnce(t *testing.T) time.Duration {
	t.Helper()
	began := time.Now()
	cmd := exec.Command("ffmpeg", "-v", "error", "-f", "lavfi", "-i", "color=size=1280x720:rate=30", "-frames:v", "1",
		"-c:v", "libx264", "-preset", "veryfast", "-tune", "zerolatency", "-f", "flv", "-")
	if out, err := cmd.Output(); err != nil || len(out) == 0 {
		t.Fatalf("ffmpeg: %v", err)
	}
	return time.Since(began)
}
