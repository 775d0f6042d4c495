// Package loadtest puts simulated participants (package botclient) into rooms
// of a Meetcast server and measures what they get: join times, packets, loss,
// freezes, latency, late slots, broadcasts, and the server's CPU for each packet
// when it runs on this machine.
//
//	prepare media → create rooms → publishers join → subscribers join, in steps,
//	at a steady pace → settle → broadcasts start → measure → leave → Result
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

// What receivers ask for, Config.View.
const (
	// ViewServer says nothing: the server fills the slots as it likes.
	ViewServer = "server"
	// ViewTiles is the first publishers, all of the tile size.
	ViewTiles = "tiles"
	// ViewSpeaker is the dominant speaker on a stage, others as tiles.
	ViewSpeaker = "speaker"
)

// NoSlots as Config.VideoSlots means that receivers have no pictures.
const NoSlots = -1

// Defaults of Config.
const (
	DefaultDuration       = 30 * time.Second
	DefaultJoinsPerSecond = 25
	DefaultWidth          = 1280
	DefaultHeight         = 720
	DefaultFPS            = 30
	DefaultBitrate        = 2_000_000
	DefaultTileWidth      = 320
	DefaultTileHeight     = 180
	DefaultSpeakerTurn    = 5 * time.Second
	DefaultStepHold       = 10 * time.Second
	DefaultSettle         = time.Second
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
	Settle            time.Duration // between the last join and what is measured
	// Steps lets subscribers join in so many groups, each watched for StepHold
	// before the next; zero means one.
	Steps    int
	StepHold time.Duration

	Video         string // VideoVP8, VideoH264 or VideoNone; empty means VP8
	Simulcast     bool   // three layers: full, half, quarter size
	Width, Height int    // pixels, of the full layer
	FPS           int
	Bitrate       int // bit/s, of the full layer
	NoAudio       bool
	RED           bool // redundant audio
	DTX           bool // who is silent sends next to nothing
	// Generated sends frames without a picture, for which no ffmpeg is needed:
	// the server cannot tell, a decoder can. VP8 only.
	Generated bool
	// IgnoreLayers goes on sending what the server says nobody watches.
	IgnoreLayers bool

	// VideoSlots of each receiver; zero means one for each publisher, at most 9;
	// NoSlots none.
	VideoSlots int
	View       string // empty means ViewTiles when a tile size is given, else ViewServer
	// TileWidth and TileHeight are the picture size that receivers ask for, in
	// pixels; ViewSpeaker asks for one picture of Width × Height.
	TileWidth, TileHeight int
	// PageEvery shows the next publishers of the room, ResizeEvery asks for all
	// pictures in another size; zero means never.
	PageEvery, ResizeEvery time.Duration
	// Speakers is how many publishers of a room speak at a time, taking turns
	// of SpeakerTurn; zero lets all of them speak always.
	Speakers    int
	SpeakerTurn time.Duration

	// LossDown and LossUp are shares of media packets, 0 to 1, that the bots drop
	// on purpose, the same ones for the same LossSeed.
	LossDown, LossUp float64
	LossSeed         uint64

	// Broadcasts starts a broadcast in so many of the rooms and watches it.
	Broadcasts int

	// PerViewer puts every receiver's figures into the result.
	PerViewer bool

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
	c.Settle = cmp.Or(c.Settle, DefaultSettle)
	c.Steps = cmp.Or(c.Steps, 1)
	c.StepHold = cmp.Or(c.StepHold, DefaultStepHold)
	c.Video = cmp.Or(c.Video, VideoVP8)
	c.SpeakerTurn = cmp.Or(c.SpeakerTurn, DefaultSpeakerTurn)
	if c.View == "" {
		c.View = ViewServer
		if c.TileWidth > 0 || c.PageEvery > 0 || c.ResizeEvery > 0 {
			c.View = ViewTiles
		}
	}
	if c.TileWidth == 0 {
		c.TileWidth, c.TileHeight = DefaultTileWidth, DefaultTileHeight
	}
	c.TileHeight = cmp.Or(c.TileHeight, c.TileWidth*9/16)
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
	case c.Broadcasts < 0 || c.Broadcasts > c.Rooms:
		return fmt.Errorf("%d broadcasts in %d rooms", c.Broadcasts, c.Rooms)
	}
	if err := errors.Join(c.checkMedia(), c.checkShape()); err != nil {
		return err
	}
	if !c.OwnServer && !isLoopback(u.Hostname()) {
		return ErrNotOwn
	}
	return nil
}

// checkMedia is about what is sent.
func (c *Config) checkMedia() error {
	switch {
	case c.Video != VideoVP8 && c.Video != VideoH264 && c.Video != VideoNone:
		return fmt.Errorf("video codec %q is not one of vp8, h264, none", c.Video)
	case c.Video == VideoNone && c.NoAudio && c.Publishers > 0:
		return errors.New("neither sound nor picture: publishers have nothing to send")
	case c.Video == VideoH264 && c.Generated:
		return errors.New("generated pictures are VP8")
	case c.Width < 64 || c.Height < 64 || c.Width%8 != 0 || c.Height%8 != 0:
		return fmt.Errorf("picture size %dx%d: both must be multiples of 8 and at least 64", c.Width, c.Height)
	case c.FPS < 1 || c.FPS > 60 || c.Bitrate < 20_000:
		return fmt.Errorf("%d frames per second at %d bit/s is no video", c.FPS, c.Bitrate)
	}
	return nil
}

// checkShape is about how the test goes.
func (c *Config) checkShape() error {
	switch {
	case c.Duration < 0 || c.Settle < 0 || c.JoinsPerSecond < 0 || c.StepHold < 0 || c.PageEvery < 0 || c.ResizeEvery < 0 || c.SpeakerTurn < 0:
		return errors.New("times and joins per second cannot be negative")
	case c.Steps < 0 || c.VideoSlots < NoSlots || c.TileWidth < 0 || c.TileHeight < 0:
		return errors.New("steps, slots and sizes cannot be negative")
	case c.View != ViewServer && c.View != ViewTiles && c.View != ViewSpeaker:
		return fmt.Errorf("view %q is not one of server, tiles, speaker", c.View)
	case c.LossDown < 0 || c.LossDown >= 1 || c.LossUp < 0 || c.LossUp >= 1:
		return errors.New("loss is a share of packets: 0 % to below 100 %")
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
