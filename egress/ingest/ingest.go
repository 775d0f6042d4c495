// Package ingest is the embedded RTMP server: it takes H.264 and AAC from our
// own broadcasts and from encoders like OBS and ffmpeg, under live/NAME and
// rec/NAME, and hands each programme to live playout and, for rec, to a
// recorder.
//
// One publisher has a name at a time. A second one is refused with
// NetStream.Publish.BadName, unless the first has sent nothing for
// Config.TakeoverAfter: then the first is taken for dead and closed, and the
// second goes on in its place, so that an encoder whose network broke need not
// wait for a time-out.
package ingest

import (
	"cmp"
	"context"
	"log/slog"
	"net/url"
	"time"

	"github.com/meetcast/meetcast/egress/media"
	"github.com/meetcast/meetcast/egress/rtmp/proto"
)

// The applications: Live is played out only, Record is recorded too.
const (
	Live   = "live"
	Record = "rec"
)

// Request is what a publisher asks for.
type Request struct {
	App    string // Live or Record
	Name   string
	Params url.Values // query parameters on the name
	Addr   string     // host:port of the publisher
	Client string     // unique id of the connection
}

// Traffic counts what a publisher sent.
type Traffic struct {
	Bytes    uint64
	Duration time.Duration
}

// Authorizer decides who may publish. The text of its error is told to the
// publisher. It is asked once per stream and may block until ctx is done.
type Authorizer interface {
	Publish(ctx context.Context, r Request) error
}

// Config of a Server. Auth and Live are required.
type Config struct {
	Auth Authorizer
	// Live opens live playout of a name.
	Live func(name string) (media.Sink, error)
	// Record opens a recording of a name; nil refuses rec/NAME.
	Record func(name string) (media.Sink, error)
	// Ended is told when an accepted publisher has gone; may be nil.
	Ended func(Request, Traffic)
	// Logger is scoped by the caller; nil discards.
	Logger *slog.Logger

	MaxConns      int           // default 200
	MaxPerHost    int           // connections from one address that is not loopback; default 20
	SetupTimeout  time.Duration // from the connection to publish; default 10 s
	IdleTimeout   time.Duration // without a message while publishing; default 15 s
	TakeoverAfter time.Duration // default 3 s
	Limits        proto.Limits
}

func (c Config) withDefaults() Config {
	c.SetupTimeout = cmp.Or(c.SetupTimeout, 10*time.Second)
	c.IdleTimeout = cmp.Or(c.IdleTimeout, 15*time.Second)
	c.TakeoverAfter = cmp.Or(c.TakeoverAfter, 3*time.Second)
	c.MaxConns = cmp.Or(c.MaxConns, 200)
	c.MaxPerHost = cmp.Or(c.MaxPerHost, 20)
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return c
}

// Stats of a Server.
type Stats struct {
	Conns      int // open now
	Publishers int // accepted now
	Accepted   uint64
	// Refused publishers and connections, by reason: "busy", "limit", "name",
	// "application", "authorization", "codec", "protocol", "timeout", "sink".
	Refused map[string]uint64
}
