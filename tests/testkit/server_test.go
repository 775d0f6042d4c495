package testkit

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/meetcast/meetcast/internal/botclient"
	"github.com/meetcast/meetcast/internal/unittest"
	"github.com/meetcast/meetcast/sfu/packet"
	"github.com/meetcast/meetcast/sfu/track"
	"github.com/meetcast/meetcast/signaling/wire"
)

// TestServerHarness takes a server through what tests do with one: make a room,
// invite, send media through it, kill it, start it again on its data.
func TestServerHarness(t *testing.T) {
	unittest.Program(t, "ffmpeg", "ffmpeg")
	s := StartServer(t, ServerOptions{})
	room := s.CreateRoom(t, "harness")
	camera := Camera{Colour: Green, FirstCode: 100, Duration: 2 * time.Second}
	room.StartBot(t, botclient.Config{Name: "Ann",
		Publish: BotTracks(t, packet.VP8, &camera, &Microphone{Frequency: 440, Duration: 2 * time.Second})})
	guest := room.StartBot(t, botclient.Config{Name: "Ben", Token: room.Invite(t, false), AudioSlots: botclient.AllSlots, VideoSlots: 1})

	Until(t, 15*time.Second, "picture and sound come through", func() error {
		frames, packets := uint64(0), uint64(0)
		for _, slot := range guest.Stats().Slots {
			frames += slot.Frames
			if slot.Kind == track.Audio {
				packets += slot.Packets
			}
		}
		if frames < 10 || packets < 20 {
			return errors.New("too little media")
		}
		return nil
	})
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	var refused *botclient.ServerError
	if _, err := guest.Broadcast(ctx, wire.BroadcastStart{}); !errors.As(err, &refused) || refused.Code != wire.CodeForbidden {
		t.Errorf("a participant's broadcast: %v", err)
	}

	s.Kill()
	if err := s.NoChildren(5 * time.Second); err != nil {
		t.Error(err)
	}
	s.Start(t)
	if _, err := s.RoomToken("harness", room.Stream, true); err != nil {
		t.Errorf("the API key after kill -9: %v", err)
	}
	var wrong *HTTPError
	err := s.Call(http.MethodPost, "/stream", map[string]string{"x-bintu-apikey": "wrong"}, map[string]any{}, nil)
	if !errors.As(err, &wrong) || wrong.Status != http.StatusUnauthorized || wrong.Text == "" {
		t.Errorf("wrong key: %v", err)
	}
}
