package egress

import (
	"cmp"
	"context"
	"log/slog"
	"time"

	"github.com/meetcast/meetcast/sfu/track"
)

// The defaults of a Config.
const (
	DefaultWidth        = 1280
	DefaultHeight       = 720
	DefaultFPS          = 30
	DefaultVideoBitrate = 2_500_000 // bit/s
	DefaultAudioBitrate = 128_000   // bit/s
	DefaultEncoder      = "libx264"
	DefaultMaxJobs      = 8
	DefaultEmptyTimeout = 10 * time.Minute
	DefaultStartTimeout = 15 * time.Second
)

// Config is what a Manager needs. Zero values mean the defaults.
type Config struct {
	// FFmpeg is the program, looked up in PATH without a slash; "" is "ffmpeg".
	FFmpeg        string
	Width, Height int // of the canvas, even, pixels
	FPS           int
	VideoBitrate  int // bit/s, constant
	AudioBitrate  int // bit/s
	Encoder       string
	// MaxJobs bounds the broadcasts at one time.
	MaxJobs int
	// EmptyTimeout stops a broadcast whose room has been empty for so long;
	// negative means never.
	EmptyTimeout time.Duration
	// StartTimeout bounds how long Start waits for the destinations.
	StartTimeout time.Duration

	// IngestURL returns the URL of the own ingest for a stream name. It may be
	// nil when there is none; a request then needs a destination.
	IngestURL func(stream string) string
	// NewPush connects to a destination.
	NewPush func(PushConfig) (Push, error)
	// NewRecorder opens a recording of a stream; nil means that this server
	// cannot record.
	NewRecorder func(stream string) (Recorder, error)
	// Policy judges the destinations that clients name; nil refuses them all.
	Policy Policy

	Logger *slog.Logger
}

// Request asks for a broadcast.
type Request struct {
	Room   track.Room
	Stream string // NAME: the name under which it is played
	Record bool
	Layout string // "" is grid
	// Destination is an extra RTMP URL, "" for the own ingest alone.
	Destination string
}

// withDefaults fills in what is zero.
func (c Config) withDefaults() Config {
	c.FFmpeg = cmp.Or(c.FFmpeg, "ffmpeg")
	c.Encoder = cmp.Or(c.Encoder, DefaultEncoder)
	c.Width = cmp.Or(c.Width, DefaultWidth)
	c.Height = cmp.Or(c.Height, DefaultHeight)
	c.FPS = cmp.Or(c.FPS, DefaultFPS)
	c.VideoBitrate = cmp.Or(c.VideoBitrate, DefaultVideoBitrate)
	c.AudioBitrate = cmp.Or(c.AudioBitrate, DefaultAudioBitrate)
	c.MaxJobs = cmp.Or(c.MaxJobs, DefaultMaxJobs)
	c.EmptyTimeout = cmp.Or(c.EmptyTimeout, DefaultEmptyTimeout)
	c.StartTimeout = cmp.Or(c.StartTimeout, DefaultStartTimeout)
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return c
}

// startContext bounds the wait for the destinations.
func (c Config) startContext(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, c.StartTimeout)
}
