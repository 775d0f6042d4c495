package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/meetcast/meetcast/internal/loadtest"
)

// loadtestCmd puts simulated participants into rooms.
type loadtestCmd struct {
	URL       string   `help:"Server." default:"http://localhost:8080" env:"MEETCAST_URL"`
	APIKey    string   `help:"API key with which the rooms are made." env:"MEETCAST_API_KEY" placeholder:"KEY"`
	Token     []string `help:"Moderator's token of an existing room, instead of an API key; repeat for more rooms." placeholder:"TOKEN"`
	ServerPID int      `help:"Process of the server, to measure its CPU; 0 looks for it on this machine." default:"0"`

	IOwnThisServer bool `name:"i-own-this-server" help:"Load a server that is not this machine."`

	Rooms       int           `group:"Who" help:"Rooms." default:"1"`
	Publishers  int           `group:"Who" help:"Participants of each room who send." default:"1"`
	Subscribers int           `group:"Who" help:"Participants of each room who only receive." default:"10"`
	Receive     bool          `group:"Who" help:"Publishers receive as well." negatable:"" default:"true"`
	Joins       float64       `group:"Who" help:"Joins per second." default:"25"`
	Steps       int           `group:"Who" help:"Let subscribers join in this many groups and measure after each." default:"1"`
	StepHold    time.Duration `group:"Who" help:"How long a step is measured." default:"10s"`
	Settle      time.Duration `group:"Who" help:"Wait between the last join and what is measured." default:"1s"`
	Duration    time.Duration `group:"Who" help:"Measured time, after all have joined." default:"30s"`

	Video     string `group:"Media" help:"Video codec: vp8, h264 or none." enum:"vp8,h264,none" default:"vp8"`
	Simulcast bool   `group:"Media" help:"Send three layers: full, half and quarter size at 1, 1/4 and 1/13 of the bit rate."`
	Width     int    `group:"Media" help:"Width of the picture, pixels." default:"1280"`
	Height    int    `group:"Media" help:"Height of the picture, pixels." default:"720"`
	FPS       int    `group:"Media" help:"Frames per second." default:"30"`
	Kbps      int    `group:"Media" help:"Bit rate of the picture, kbit/s." default:"2000"`
	Audio     bool   `group:"Media" help:"Send sound." negatable:"" default:"true"`
	RED       bool   `name:"red" group:"Media" help:"Offer redundant audio (RFC 2198)."`
	DTX       bool   `name:"dtx" group:"Media" help:"Who is silent sends only comfort packets."`
	Generated bool   `group:"Media" help:"Send frames without a picture: needs no ffmpeg; broadcasts of it show name cards."`
	Dynacast  bool   `group:"Media" help:"Stop layers that the server says nobody watches." negatable:"" default:"true"`
	FFmpeg    string `name:"ffmpeg" group:"Media" help:"ffmpeg program, to prepare the media." default:"ffmpeg"`
	CacheDir  string `group:"Media" help:"Where prepared media is kept; empty is the user's cache directory." placeholder:"DIR"`

	VideoSlots  int           `group:"Behaviour" help:"Pictures each receiver has room for; 0 is one per publisher, at most 9; -1 is none." default:"0"`
	View        string        `group:"Behaviour" help:"What receivers ask for: server (nothing: the server decides), tiles (the first publishers, all of the tile size) or speaker (the dominant speaker in full size, others as tiles). Empty is tiles when a tile size or a change is given, else server." enum:",server,tiles,speaker" default:""`
	Tile        string        `group:"Behaviour" help:"Size of a tile, as in 320x180." placeholder:"WxH"`
	PageEvery   time.Duration `group:"Behaviour" help:"Show the next publishers this often; 0 is never." default:"0s"`
	ResizeEvery time.Duration `group:"Behaviour" help:"Change between tile and full size this often: a switch of layers; 0 is never." default:"0s"`
	Speakers    int           `group:"Behaviour" help:"Publishers of a room who speak at a time, in turns; 0 is all of them, always." default:"0"`
	SpeakerTurn time.Duration `group:"Behaviour" help:"How long a turn is." default:"5s"`
	LossDown    string        `group:"Behaviour" help:"Share of the packets that receivers drop on purpose, as in 2%." default:"0%"`
	LossUp      string        `group:"Behaviour" help:"Share of the packets that senders drop on purpose." default:"0%"`
	LossSeed    uint64        `group:"Behaviour" help:"The same seed drops the same packets." default:"1"`
	Broadcasts  int           `group:"Behaviour" help:"Start a broadcast in this many rooms and watch it over WebSocket and HLS." default:"0"`

	JSON      bool     `group:"Result" help:"Print the result as JSON."`
	PerViewer bool     `group:"Result" help:"Put every receiver's figures into the JSON."`
	Limit     []string `group:"Result" help:"NAME=VALUE: exit with an error when a figure is above it, as in join-p95=500ms, loss=1%, freezes-1s=0; repeat for more. Names: ${limits}." placeholder:"NAME=VALUE" sep:"none"`
}

// Run prints progress on stderr and the result on stdout. Ctrl-C ends early
// with what was measured so far.
func (c *loadtestCmd) Run() error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	cfg, limits, err := c.parse()
	if err != nil {
		return err
	}
	result, err := loadtest.Run(ctx, cfg, os.Stderr)
	if err != nil {
		return err
	}
	result.Broken = loadtest.Check(result, limits)
	if err := c.print(os.Stdout, result); err != nil {
		return err
	}
	switch {
	case result.Joins.Done == 0:
		return errors.New("nobody could join")
	case len(result.Broken) > 0:
		return fmt.Errorf("%d of %d limits broken: %s", len(result.Broken), len(limits), strings.Join(result.Broken, "; "))
	}
	return nil
}

// parse reads what is text in the flags.
func (c *loadtestCmd) parse() (loadtest.Config, []loadtest.Limit, error) {
	cfg := c.config()
	var limits []loadtest.Limit
	for _, text := range c.Limit {
		l, err := loadtest.ParseLimit(text)
		if err != nil {
			return cfg, nil, err
		}
		limits = append(limits, l)
	}
	var err error
	if cfg.LossDown, err = parseShare(c.LossDown); err != nil {
		return cfg, nil, err
	}
	if cfg.LossUp, err = parseShare(c.LossUp); err != nil {
		return cfg, nil, err
	}
	if c.Tile != "" {
		w, h, ok := strings.Cut(c.Tile, "x")
		cfg.TileWidth, _ = strconv.Atoi(w)
		cfg.TileHeight, _ = strconv.Atoi(h)
		if !ok || cfg.TileWidth <= 0 || cfg.TileHeight <= 0 {
			return cfg, nil, fmt.Errorf("tile size %q is not of the form 320x180", c.Tile)
		}
	}
	return cfg, limits, nil
}

// parseShare reads 2% as 0.02.
func parseShare(text string) (float64, error) {
	n, err := strconv.ParseFloat(strings.TrimSuffix(text, "%"), 64)
	if err != nil {
		return 0, fmt.Errorf("share %q is not of the form 2%%", text)
	}
	return n / 100, nil
}

func (c *loadtestCmd) config() loadtest.Config {
	return loadtest.Config{
		URL: c.URL, APIKey: c.APIKey, Tokens: c.Token, ServerPID: c.ServerPID, OwnServer: c.IOwnThisServer,
		Rooms: c.Rooms, Publishers: c.Publishers, Subscribers: c.Subscribers, PublishersReceive: c.Receive,
		JoinsPerSecond: c.Joins, Steps: c.Steps, StepHold: c.StepHold, Settle: c.Settle, Duration: c.Duration,
		Video: c.Video, Simulcast: c.Simulcast, Width: c.Width, Height: c.Height, FPS: c.FPS, Bitrate: c.Kbps * 1000,
		NoAudio: !c.Audio, RED: c.RED, DTX: c.DTX, Generated: c.Generated, IgnoreLayers: !c.Dynacast,
		FFmpeg: c.FFmpeg, CacheDir: c.CacheDir,
		VideoSlots: c.VideoSlots, View: c.View, PageEvery: c.PageEvery, ResizeEvery: c.ResizeEvery,
		Speakers: c.Speakers, SpeakerTurn: c.SpeakerTurn, LossSeed: c.LossSeed, Broadcasts: c.Broadcasts, PerViewer: c.PerViewer,
	}
}

func (c *loadtestCmd) print(w io.Writer, r loadtest.Result) error {
	if !c.JSON {
		_, err := fmt.Fprint(w, r.Table())
		return err
	}
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(r)
}
