// Package loadtest puts simulated participants (package botclient) into rooms
// of a Meetcast server and measures what they get: join times, packets, loss,
// late slots, and the server's CPU for each packet when it runs on this machine.
//
//	prepare media → create rooms → publishers join → subscribers join at a
//	steady pace → settle → measure → leave → Result
//
// It is the engine of `meetcast loadtest`.
package loadtest

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"net/url"
	"time"
)

// The codecs of Config.Video.
const (
	VideoVP8  = "vp8"
	VideoH264 = "h264"
	VideoNone = "none"
)

// Defaults of Config.
const (
	DefaultDuration       = 30 * time.Second
	DefaultJoinsPerSecond = 25
	DefaultWidth          = 1280
	DefaultHeight         = 720
	DefaultFPS            = 30
	DefaultBitrate        = 2_000_000
)

// maxBots keeps a slip of the finger from taking the machine down.
const maxBots = 5000

// Config describes a load test. Zero values mean the defaults above.
type Config struct {
	// URL of the server, as in http://localhost:8080.
	URL string
	// APIKey creates the rooms. Tokens, when given, are used instead: one for
	// each room.
	APIKey string
	Tokens []string

	Rooms       int // zero means 1, or one for each of Tokens
	Publishers  int // in each room
	Subscribers int // in each room, who publish nothing
	// PublishersReceive gives publishers slots as well, as in a real meeting.
	PublishersReceive bool
	Duration          time.Duration // measured, after everybody has joined
	JoinsPerSecond    float64

	Video         string // VideoVP8, VideoH264 or VideoNone; empty means VP8
	Simulcast     bool   // three layers: full, half, quarter size
	Width, Height int    // pixels, of the full layer
	FPS           int
	Bitrate       int // bit/s, of the full layer
	NoAudio       bool

	// VideoSlots of each receiver; zero means one for each publisher, at most 9.
	VideoSlots int
	// TileWidth and TileHeight are the picture size that receivers ask for, in
	// pixels; zero leaves the choice to the server.
	TileWidth, TileHeight int
	// Speakers is how many publishers of a room speak at a time, taking turns
	// of SpeakerTurn; zero lets all of them speak always.
	Speakers    int
	SpeakerTurn time.Duration // zero means 5 s

	// ServerPID is the server's process on this machine; zero looks for the
	// owner of the listening port.
	ServerPID int
	// OwnServer confirms that a server which is not on this machine may be
	// loaded.
	OwnServer bool

	FFmpeg   string // program; empty means ffmpeg in PATH
	CacheDir string // of prepared media; empty means the user's cache directory
}

// ErrNotOwn is returned for a target that is not this machine and not confirmed.
var ErrNotOwn = errors.New("the target is not this machine: a load test against a server of others is an attack; confirm with --i-own-this-server that it is yours")

func (c *Config) setDefaults() {
	c.Rooms = cmp.Or(c.Rooms, max(len(c.Tokens), 1))
	c.Width = cmp.Or(c.Width, DefaultWidth)
	c.Height = cmp.Or(c.Height, DefaultHeight)
	c.FPS = cmp.Or(c.FPS, DefaultFPS)
	c.Bitrate = cmp.Or(c.Bitrate, DefaultBitrate)
	c.VideoSlots = cmp.Or(c.VideoSlots, min(max(c.Publishers, 1), 9))
	c.Duration = cmp.Or(c.Duration, DefaultDuration)
	c.JoinsPerSecond = cmp.Or(c.JoinsPerSecond, DefaultJoinsPerSecond)
	c.Video = cmp.Or(c.Video, VideoVP8)
	c.SpeakerTurn = cmp.Or(c.SpeakerTurn, 5*time.Second)
}

// check refuses what cannot be run, with sentences for the person who typed it.
func (c *Config) check() error {
	u, err := url.Parse(c.URL)
	switch {
	case err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https"):
		return fmt.Errorf("server address %q is not of the form http://host:port", c.URL)
	case c.APIKey == "" && len(c.Tokens) == 0:
		return errors.New("neither an API key nor tokens are given: rooms cannot be entered")
	case len(c.Tokens) > 0 && len(c.Tokens) != c.Rooms:
		return fmt.Errorf("%d tokens for %d rooms", len(c.Tokens), c.Rooms)
	case c.Publishers < 0 || c.Subscribers < 0 || c.Rooms < 0 || c.Publishers+c.Subscribers == 0:
		return errors.New("nobody to send in: give publishers or subscribers")
	case c.Rooms*(c.Publishers+c.Subscribers) > maxBots:
		return fmt.Errorf("%d participants are more than one process can play (%d)", c.Rooms*(c.Publishers+c.Subscribers), maxBots)
	case c.Video != VideoVP8 && c.Video != VideoH264 && c.Video != VideoNone:
		return fmt.Errorf("video codec %q is not one of vp8, h264, none", c.Video)
	case c.Video == VideoNone && c.NoAudio && c.Publishers > 0:
		return errors.New("neither sound nor picture: publishers have nothing to send")
	case c.Width < 64 || c.Height < 64 || c.Width%8 != 0 || c.Height%8 != 0:
		return fmt.Errorf("picture size %dx%d: both must be multiples of 8 and at least 64", c.Width, c.Height)
	case c.FPS < 1 || c.FPS > 60 || c.Bitrate < 20_000:
		return fmt.Errorf("%d frames per second at %d bit/s is no video", c.FPS, c.Bitrate)
	case c.Duration < 0 || c.JoinsPerSecond < 0:
		return errors.New("duration and joins per second cannot be negative")
	}
	if !c.OwnServer && !isLoopback(u.Hostname()) {
		return ErrNotOwn
	}
	return nil
}

// isLoopback resolves a host; all of its addresses must be this machine's own.
func isLoopback(host string) bool {
	ips, err := net.LookupIP(host)
	if err != nil || len(ips) == 0 {
		return false
	}
	for _, ip := range ips {
		if !ip.IsLoopback() {
			return false
		}
	}
	return true
}
