package botclient

import (
	"context"
	"errors"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/meetcast/meetcast/internal/botclient/bottest"
	"github.com/meetcast/meetcast/internal/clip"
	"github.com/meetcast/meetcast/internal/unittest"
	"github.com/meetcast/meetcast/sfu/packet"
	"github.com/meetcast/meetcast/sfu/track"
	"github.com/meetcast/meetcast/signaling/wire"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func testContext(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), 15*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func dial(t *testing.T, s *bottest.Server, cfg Config) *Bot {
	t.Helper()
	cfg.URL = s.URL
	if cfg.Token == "" {
		cfg.Token = bottest.Token
	}
	b, err := Dial(testContext(t), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
	return b
}

func slotOf(b *Bot, kind track.Kind) SlotStats {
	for _, s := range b.Stats().Slots {
		if s.Kind == kind && s.Participant != "" {
			return s
		}
	}
	return SlotStats{}
}

func publisher() Config {
	return Config{Name: "Pub", Publish: []Track{
		{Source: track.Microphone, Layers: []*clip.Clip{clip.Placeholder(packet.Opus, 0, 0, 0, 0)}, Level: 20},
		{Source: track.Camera, Layers: []*clip.Clip{
			clip.Placeholder(packet.VP8, 160, 90, 20, 50_000),
			clip.Placeholder(packet.VP8, 320, 180, 20, 100_000),
			clip.Placeholder(packet.VP8, 640, 360, 20, 400_000),
		}},
	}}
}

func TestPublishAndReceive(t *testing.T) {
	s := bottest.New(t, 0)
	pub := dial(t, s, publisher())
	sub := dial(t, s, Config{Name: "Sub", AudioSlots: AllSlots, VideoSlots: 5})
	for _, b := range []*Bot{pub, sub} {
		if err := b.WaitConnected(testContext(t)); err != nil {
			t.Fatal(err)
		}
	}
	unittest.Until(t, "video", func() bool { v := slotOf(sub, track.Video); return v.Frames > 20 && v.KeyFrames > 0 })
	unittest.Until(t, "audio", func() bool { return slotOf(sub, track.Audio).Packets > 20 })

	stats := sub.Stats()
	if stats.JoinTime <= 0 || stats.MediaTime < stats.JoinTime {
		t.Errorf("join %v, media %v", stats.JoinTime, stats.MediaTime)
	}
	if v := slotOf(sub, track.Video); v.Lost != 0 || v.Codec != packet.VP8 || len(v.BindTime) != 1 {
		t.Errorf("video slot: %+v", v)
	}
	seen := s.Seen()
	if len(seen.Layers) < 4 { // audio has the empty rid
		t.Errorf("layers that arrived: %v", seen.Layers)
	}
	if !seen.Levels[20] {
		t.Errorf("audio levels that arrived: %v", seen.Levels)
	}
	if l := seen.Tracks; len(l) != 2 || l[0].Source != "microphone" || l[0].Mid == "" || l[1].Source != "camera" {
		t.Errorf("track lines: %+v", l)
	}
	for _, sent := range pub.Stats().Sent {
		if sent.Source == track.Camera && sent.KeyFrameRequests == 0 {
			t.Errorf("key-frame request for %q not seen", sent.RID)
		}
	}
}

func TestAudioLevelChanges(t *testing.T) {
	s := bottest.New(t, 0)
	pub := dial(t, s, publisher())
	pub.SetLevel(track.Microphone, 77)
	unittest.Until(t, "new level", func() bool { return s.Seen().Levels[77] })
}

func TestLossIsRecovered(t *testing.T) {
	s := bottest.New(t, 0.1)
	pub := dial(t, s, publisher())
	sub := dial(t, s, Config{VideoSlots: 1})
	unittest.Until(t, "retransmissions", func() bool { return slotOf(sub, track.Video).Recovered > 10 })
	if v := slotOf(sub, track.Video); v.NACKs < v.Recovered || v.Lost > 0 || v.Duplicate > v.Recovered {
		t.Errorf("video slot: %+v", v)
	}
	pub.Close()
}

func TestMoreSlotsAndICERestart(t *testing.T) {
	s := bottest.New(t, 0)
	dial(t, s, publisher())
	sub := dial(t, s, Config{VideoSlots: 1})
	if err := sub.WaitConnected(testContext(t)); err != nil {
		t.Fatal(err)
	}
	if err := sub.AddVideoSlots(testContext(t), 1); err != nil {
		t.Fatal(err)
	}
	if n := len(sub.Stats().Slots); n != 2 {
		t.Errorf("%d lines, want 2", n)
	}
	if err := sub.RestartICE(testContext(t)); err != nil {
		t.Fatal(err)
	}
	before := slotOf(sub, track.Video).Packets
	unittest.Until(t, "media after the restart", func() bool { return slotOf(sub, track.Video).Packets > before+20 })
}

func TestResume(t *testing.T) {
	s := bottest.New(t, 0)
	b := dial(t, s, Config{Name: "Ann"})
	b.DropSocket()
	if err := b.Wait(testContext(t), func(s State) bool { return s.Closed }); err != nil {
		t.Fatal(err)
	}
	self := b.State().Self
	resumed, err := b.Resume(testContext(t))
	if err != nil || !resumed || b.State().Self != self {
		t.Fatalf("resumed %v as %q, was %q: %v", resumed, b.State().Self, self, err)
	}
	if err := b.Chat(testContext(t), "back"); err != nil {
		t.Error(err)
	}
}

func TestRequestsAndEvents(t *testing.T) {
	s := bottest.New(t, 0)
	b := dial(t, s, Config{Name: "Ann", PingInterval: 5 * time.Millisecond})
	var refused *ServerError
	if err := b.Kick(testContext(t), "m9"); !errors.As(err, &refused) || refused.Code != wire.CodeForbidden {
		t.Errorf("kick: %v", err)
	}
	if err := b.Chat(testContext(t), "hello"); err != nil {
		t.Fatal(err)
	}
	err := b.Wait(testContext(t), func(s State) bool { return len(s.Chat) == 1 && s.Chat[0].Text == "hello" })
	if err != nil {
		t.Error(err)
	}
	if p, ok := b.State().Named("Ann"); !ok || p.ID != b.State().Self {
		t.Errorf("participants: %+v", b.State().Participants)
	}
	unittest.Until(t, "pings", func() bool { return s.Seen().Pings > 2 })
	for e := range b.Events() {
		if c, ok := e.Message.(*wire.Chat); ok {
			if c.Text != "hello" {
				t.Errorf("chat event: %+v", c)
			}
			break
		}
	}
}

func TestEventQueueDropsOldest(t *testing.T) {
	s := bottest.New(t, 0)
	b := dial(t, s, Config{EventQueue: 2})
	for range 10 {
		if err := b.Chat(testContext(t), "x"); err != nil {
			t.Fatal(err)
		}
	}
	unittest.Until(t, "drops", func() bool { return b.Stats().DroppedEvents >= 8 })
}

func TestRefusedToken(t *testing.T) {
	s := bottest.New(t, 0)
	_, err := Dial(testContext(t), Config{URL: s.URL, Token: bottest.BadToken})
	var closed *CloseError
	if !errors.As(err, &closed) || closed.Code != wire.CloseUnauthorized {
		t.Errorf("err = %v", err)
	}
}

func TestConfigRefused(t *testing.T) {
	audio, video := clip.Placeholder(packet.Opus, 0, 0, 0, 0), clip.Placeholder(packet.VP8, 16, 16, 5, 10_000)
	for name, cfg := range map[string]Config{
		"no token":       {},
		"unknown source": {Token: "t", Publish: []Track{{Source: "sofa", Layers: []*clip.Clip{video}}}},
		"twice":          {Token: "t", Publish: []Track{{Source: track.Camera, Layers: []*clip.Clip{video}}, {Source: track.Camera, Layers: []*clip.Clip{video}}}},
		"no layers":      {Token: "t", Publish: []Track{{Source: track.Camera}}},
		"wrong kind":     {Token: "t", Publish: []Track{{Source: track.Camera, Layers: []*clip.Clip{audio}}}},
		"no server":      {Token: "t", URL: "ftp://host"},
	} {
		if _, err := Dial(testContext(t), cfg); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestSignalURL(t *testing.T) {
	for in, want := range map[string]string{
		"http://host:1":      "ws://host:1/api/v1/signal",
		"https://host/base/": "wss://host/base/api/v1/signal",
		"ws://host":          "ws://host/api/v1/signal",
		"wss://host/other":   "wss://host/other",
	} {
		if got, err := signalURL(in); err != nil || got != want {
			t.Errorf("signalURL(%q) = %q, %v", in, got, err)
		}
	}
}
