package testkit

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"github.com/meetcast/meetcast/internal/botclient"
	"github.com/meetcast/meetcast/internal/clip"
	"github.com/meetcast/meetcast/sfu/packet"
	"github.com/meetcast/meetcast/sfu/track"
)

// BotTracks encodes a camera and a microphone as what a bot publishes. Unlike
// those of a browser, a bot's picture and sound start at the same instant, so a
// bot is what a test of lip sync needs. Nil leaves a track out.
func BotTracks(t testing.TB, codec packet.Codec, camera *Camera, microphone *Microphone) []botclient.Track {
	t.Helper()
	dir := t.TempDir()
	maker := &clip.Maker{Dir: dir}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	var tracks []botclient.Track
	if microphone != nil {
		path := filepath.Join(dir, "bot.wav")
		if err := microphone.WriteFile(path); err != nil {
			t.Fatal(err)
		}
		sound, err := maker.Audio(ctx, clip.AudioSpec{Input: path, Bitrate: 48_000, Duration: microphone.length()})
		if err != nil {
			t.Fatal(err)
		}
		tracks = append(tracks, botclient.Track{Source: track.Microphone, Layers: []*clip.Clip{sound}, Level: 20})
	}
	if camera != nil {
		c := *camera
		c.setDefaults()
		path := filepath.Join(dir, "bot.y4m")
		if err := c.WriteFile(path); err != nil {
			t.Fatal(err)
		}
		picture, err := maker.Video(ctx, clip.VideoSpec{
			Codec: codec, Width: c.Width, Height: c.Height, FPS: c.FPS, Bitrate: 300_000,
			KeyInterval: c.FPS / 3, Duration: c.Duration, Input: path,
		})
		if err != nil {
			t.Fatal(err)
		}
		tracks = append(tracks, botclient.Track{Source: track.Camera, Layers: []*clip.Clip{picture}, Steady: true})
	}
	return tracks
}

// StartBot brings a bot into a room and ends it with the test.
func (r *Room) StartBot(t testing.TB, cfg botclient.Config) *botclient.Bot {
	t.Helper()
	cfg.URL = r.Server.URL
	if cfg.Token == "" {
		cfg.Token = r.Token
	}
	ctx, cancel := context.WithTimeout(context.Background(), pageTimeout)
	defer cancel()
	bot, err := botclient.Dial(ctx, cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := bot.Leave(); err != nil {
			t.Error(err)
		}
	})
	if err := bot.WaitConnected(ctx); err != nil {
		t.Fatal(err)
	}
	return bot
}
