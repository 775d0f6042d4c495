package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/meetcast/meetcast/internal/loadtest"
)

// loadtestCmd puts simulated participants into rooms.
type loadtestCmd struct {
	URL         string        `help:"Server." default:"http://localhost:8080" env:"MEETCAST_URL"`
	APIKey      string        `help:"API key with which the rooms are made." env:"MEETCAST_API_KEY" placeholder:"KEY"`
	Token       []string      `help:"Moderator's token of an existing room, instead of an API key; repeat for more rooms." placeholder:"TOKEN"`
	Rooms       int           `help:"Rooms." default:"1"`
	Publishers  int           `help:"Participants of each room who send." default:"1"`
	Subscribers int           `help:"Participants of each room who only receive." default:"10"`
	Receive     bool          `help:"Publishers receive as well." negatable:"" default:"true"`
	Duration    time.Duration `help:"Measured time, after all have joined." default:"30s"`
	Joins       float64       `help:"Joins per second." default:"25"`
	Video       string        `help:"Video codec: vp8, h264 or none." enum:"vp8,h264,none" default:"vp8"`
	Simulcast   bool          `help:"Send three layers."`
	Width       int           `help:"Width of the picture, pixels." default:"1280"`
	Height      int           `help:"Height of the picture, pixels." default:"720"`
	FPS         int           `help:"Frames per second." default:"30"`
	Kbps        int           `help:"Bit rate of the picture, kbit/s." default:"2000"`
	Audio       bool          `help:"Send sound." negatable:"" default:"true"`
	VideoSlots  int           `help:"Pictures each receiver asks for; 0 is one per publisher, at most 9." default:"0"`
	Speakers    int           `help:"Publishers who speak at a time, in turns; 0 is all of them." default:"0"`
	ServerPID   int           `help:"Process of the server, to measure its CPU; 0 looks for it on this machine." default:"0"`
	FFmpeg      string        `name:"ffmpeg" help:"ffmpeg program, to prepare the media." default:"ffmpeg"`
	JSON        bool          `help:"Print the result as JSON."`

	IOwnThisServer bool `name:"i-own-this-server" help:"Load a server that is not this machine."`
}

// Run prints progress on stderr and the result on stdout. Ctrl-C ends early
// with what was measured so far.
func (c *loadtestCmd) Run() error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	result, err := loadtest.Run(ctx, c.config(), os.Stderr)
	if err != nil {
		return err
	}
	if err := c.print(os.Stdout, result); err != nil {
		return err
	}
	if result.Joins.Done == 0 {
		return errors.New("nobody could join")
	}
	return nil
}

func (c *loadtestCmd) config() loadtest.Config {
	return loadtest.Config{
		URL: c.URL, APIKey: c.APIKey, Tokens: c.Token,
		Rooms: c.Rooms, Publishers: c.Publishers, Subscribers: c.Subscribers, PublishersReceive: c.Receive,
		Duration: c.Duration, JoinsPerSecond: c.Joins,
		Video: c.Video, Simulcast: c.Simulcast, Width: c.Width, Height: c.Height, FPS: c.FPS, Bitrate: c.Kbps * 1000,
		NoAudio: !c.Audio, VideoSlots: c.VideoSlots, Speakers: c.Speakers,
		ServerPID: c.ServerPID, OwnServer: c.IOwnThisServer, FFmpeg: c.FFmpeg,
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
