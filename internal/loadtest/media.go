package loadtest

import (
	"context"
	"fmt"
	"time"

	"github.com/meetcast/meetcast/internal/botclient"
	"github.com/meetcast/meetcast/internal/clip"
	"github.com/meetcast/meetcast/sfu/packet"
	"github.com/meetcast/meetcast/sfu/track"
)

const (
	// clipLength is short: encoding it costs about its own length of a core.
	clipLength   = 5 * time.Second
	toneHz       = 440
	audioBitrate = 32_000
	// Levels of RFC 6464 in -dBov.
	levelSpeaking = 25
	levelSilent   = 127
)

// prepare makes what every publisher sends.
func prepare(ctx context.Context, c *Config) ([]botclient.Track, error) {
	if c.Publishers == 0 {
		return nil, nil
	}
	if c.Generated {
		return generated(c), nil
	}
	maker := &clip.Maker{FFmpeg: c.FFmpeg, Dir: c.CacheDir}
	var tracks []botclient.Track
	if !c.NoAudio {
		sound, err := maker.Audio(ctx, clip.AudioSpec{Frequency: toneHz, Bitrate: audioBitrate, Duration: clipLength})
		if err != nil {
			return nil, fmt.Errorf("prepare media: %w", err)
		}
		tracks = append(tracks, botclient.Track{Source: track.Microphone, Layers: []*clip.Clip{sound}, Level: firstLevel(c), DTX: c.DTX})
	}
	if c.Video == VideoNone {
		return tracks, nil
	}
	camera := botclient.Track{Source: track.Camera, Marked: true}
	for _, spec := range layers(c) {
		picture, err := maker.Video(ctx, spec)
		if err != nil {
			return nil, fmt.Errorf("prepare media: %w", err)
		}
		camera.Layers = append(camera.Layers, picture)
	}
	return append(tracks, camera), nil
}

// generated makes the same without ffmpeg, and without anything to see or hear.
func generated(c *Config) []botclient.Track {
	var tracks []botclient.Track
	if !c.NoAudio {
		sound := clip.Placeholder(packet.Opus, 0, 0, 0, 0)
		tracks = append(tracks, botclient.Track{Source: track.Microphone, Layers: []*clip.Clip{sound}, Level: firstLevel(c), DTX: c.DTX})
	}
	if c.Video == VideoNone {
		return tracks
	}
	camera := botclient.Track{Source: track.Camera, Marked: true}
	for _, s := range layers(c) {
		camera.Layers = append(camera.Layers, clip.Placeholder(s.Codec, s.Width, s.Height, s.FPS, s.Bitrate))
	}
	return append(tracks, camera)
}

// layers are the encodings of the camera, smallest first, with the bit rates
// that Chromium gives to layers of a quarter and a half of the size.
func layers(c *Config) []clip.VideoSpec {
	codec := packet.VP8
	if c.Video == VideoH264 {
		codec = packet.H264
	}
	// Two key frames in the clip: a request for one jumps to the next, so more
	// would only take bits from the other frames.
	full := clip.VideoSpec{
		Codec: codec, Width: c.Width, Height: c.Height, FPS: c.FPS, Bitrate: c.Bitrate,
		KeyInterval: max(c.FPS*int(clipLength/time.Second)/2, 1), Duration: clipLength,
	}
	if !c.Simulcast {
		return []clip.VideoSpec{full}
	}
	half, quarter := full, full
	half.Width, half.Height, half.Bitrate = even(full.Width/2), even(full.Height/2), full.Bitrate/4
	quarter.Width, quarter.Height, quarter.Bitrate = even(full.Width/4), even(full.Height/4), max(full.Bitrate/13, 20_000)
	return []clip.VideoSpec{quarter, half, full}
}

func even(n int) int { return n &^ 1 }

// firstLevel is how loud publishers are until they get the word.
func firstLevel(c *Config) uint8 {
	if c.Speakers > 0 {
		return levelSilent
	}
	return levelSpeaking
}
