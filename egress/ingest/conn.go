package ingest

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"os"
	"regexp"
	"runtime/debug"
	"strings"
	"sync/atomic"
	"time"

	"github.com/yutopp/go-rtmp/message"

	"github.com/meetcast/meetcast/egress/rtmp/flv"
	"github.com/meetcast/meetcast/egress/rtmp/proto"
)

const (
	// ourChunkSize for what we send: answers only.
	ourChunkSize = 4096
	// ackWindow is how often publishers hear how much has arrived, bytes.
	ackWindow = 2_500_000
	// mediaStream is the one message stream of a connection.
	mediaStream = 1
	// writeTimeout for answers.
	writeTimeout = 5 * time.Second
	// maxParams bounds the query on a stream name, bytes.
	maxParams = 1024
)

var nameRule = regexp.MustCompile(`^[A-Za-z0-9_-]{1,120}$`)

// refusal is a refusal with the words for the publisher and the counter.
type refusal struct {
	reason string // counter
	code   string // RTMP status
	text   string
}

func (r *refusal) Error() string { return r.reason + ": " + r.text }

// conn is one connection. Its goroutine owns all fields but the named ones.
type conn struct {
	srv  *Server
	nc   net.Conn
	host netip.Addr
	log  *slog.Logger
	rc   *proto.Conn
	req  Request
	prog *programme // while publishing

	began     time.Time
	lastMedia atomic.Int64  // Unix ns, read by others
	freed     chan struct{} // closed when the name is free again
}

// hangUp makes the goroutine of the connection end; any goroutine may call it.
func (c *conn) hangUp() { _ = c.nc.Close() }

func (c *conn) run() {
	if err := c.nc.SetDeadline(time.Now().Add(c.srv.cfg.SetupTimeout)); err != nil {
		return
	}
	c.end(c.serve())
}

// errPanic is returned for a fault in our parsing; it ends one connection only.
var errPanic = errors.New("panic")

func (c *conn) serve() (err error) {
	defer func() {
		if p := recover(); p != nil {
			c.srv.count("panic")
			c.log.Error("rtmp connection panicked", "panic", p, "stack", string(debug.Stack()))
			err = errPanic
		}
	}()
	c.rc, err = proto.Server(c.nc, c.srv.cfg.Limits, writeTimeout)
	if err != nil {
		return err
	}
	return c.loop()
}

// end stops the programme and tells the publisher why.
func (c *conn) end(err error) {
	var r *refusal
	switch {
	case errors.As(err, &r):
	case errors.Is(err, flv.ErrCodec):
		r = &refusal{"codec", "NetStream.Publish.Rejected", err.Error()}
	case errors.Is(err, flv.ErrMalformed), errors.Is(err, proto.ErrProtocol):
		r = &refusal{"protocol", "NetStream.Publish.Failed", err.Error()}
	case errors.Is(err, os.ErrDeadlineExceeded):
		r = &refusal{"timeout", "NetStream.Publish.Failed", "nothing was sent for too long"}
	}
	if r != nil {
		c.srv.count(r.reason)
		c.log.Warn("publisher refused", "name", c.req.Name, "reason", r.text)
		c.tell(r)
	}
	if c.prog != nil {
		// The name is free as soon as playout has let go of it; a recording may
		// take its time to be finalised.
		c.prog.close(func() { c.srv.unclaim(c, c.req.Name) })
		traffic := Traffic{Bytes: c.rc.BytesRead(), Duration: time.Since(c.began)}
		c.log.Info("publisher gone", "name", c.req.Name, "bytes", traffic.Bytes, "error", err)
		if c.srv.cfg.Ended != nil {
			c.srv.cfg.Ended(c.req, traffic)
		}
	}
}

// tellTimeout bounds how long a refused publisher may take to read why.
const tellTimeout = time.Second

// tell sends the reason and lets the publisher hang up first: closing over
// unread media would reset the connection before it has read the answer.
func (c *conn) tell(r *refusal) {
	if c.rc == nil || c.req.App == "" {
		return
	}
	if err := c.status(r.code, r.text, "error"); err != nil {
		return
	}
	tcp, ok := c.nc.(*net.TCPConn)
	if !ok || tcp.CloseWrite() != nil || c.nc.SetDeadline(time.Now().Add(tellTimeout)) != nil {
		return
	}
	_, _ = io.CopyN(io.Discard, c.nc, 64<<20)
}

// loop reads until the publisher ends the stream (nil or io.EOF) or an error.
func (c *conn) loop() error {
	for {
		m, err := c.rc.Next()
		if err != nil {
			return err
		}
		switch m.Type {
		case proto.TypeCommandAMF0, proto.TypeCommandAMF3:
			cmd, err := proto.ParseCommand(m.Type, m.Body)
			if err != nil {
				return err
			}
			done, err := c.command(cmd)
			if done || err != nil {
				return err
			}
		case proto.TypeDataAMF0, proto.TypeDataAMF3:
			if c.prog != nil {
				c.prog.data(m)
			}
		case proto.TypeVideo, proto.TypeAudio:
			if c.prog == nil {
				return &refusal{"protocol", "NetStream.Publish.Failed", "media before publish"}
			}
			if err := c.media(m); err != nil {
				return err
			}
		}
	}
}

// media passes a message on and pushes the time-out further.
func (c *conn) media(m proto.Message) error {
	now := time.Now()
	if now.UnixNano()-c.lastMedia.Load() > int64(time.Second/2) {
		c.lastMedia.Store(now.UnixNano())
		if err := c.nc.SetReadDeadline(now.Add(c.srv.cfg.IdleTimeout)); err != nil {
			return err
		}
	}
	if m.Type == proto.TypeVideo {
		return c.prog.video(m)
	}
	return c.prog.audio(m)
}

// command handles one command; done ends the connection.
func (c *conn) command(cmd proto.Command) (done bool, err error) {
	switch cmd.Name {
	case "connect":
		return false, c.connect(cmd)
	case "releaseStream", "FCPublish", "_checkbw":
		return false, c.result(cmd, nil)
	case "createStream":
		return false, c.result(cmd, float64(mediaStream))
	case "publish":
		return false, c.publish(cmd)
	case "play":
		return false, &refusal{"protocol", "NetStream.Play.Failed", "streams are not played over rtmp here; use the player page or its HLS address"}
	case "FCUnpublish", "deleteStream", "closeStream":
		return c.prog != nil, nil
	}
	return false, nil
}

func (c *conn) result(cmd proto.Command, v any) error {
	return c.rc.WriteCommand(0, proto.Command{Name: "_result", Transaction: cmd.Transaction, Args: []any{nil, v}})
}

func (c *conn) status(code, text, level string) error {
	return c.rc.WriteCommand(mediaStream, proto.Command{Name: "onStatus", Args: []any{nil, map[string]any{
		"level": level, "code": code, "description": text,
	}}})
}

// connect answers §7.2.1.1. The application may carry an instance or a query.
func (c *conn) connect(cmd proto.Command) error {
	app, _ := cmd.Obj(0)["app"].(string)
	app, _, _ = strings.Cut(app, "?")
	app, _, _ = strings.Cut(strings.Trim(app, "/"), "/")
	if app != Live && (app != Record || c.srv.cfg.Record == nil) {
		c.srv.count("application")
		err := c.rc.WriteCommand(0, proto.Command{Name: "_error", Transaction: cmd.Transaction, Args: []any{nil, map[string]any{
			"level": "error", "code": "NetConnection.Connect.Rejected", "description": "no such application; use live or rec",
		}}})
		return errors.Join(err, io.EOF)
	}
	c.req.App = app
	for _, send := range []func() error{
		func() error { return c.rc.WriteControl(proto.TypeWindowAckSize, ackWindow) },
		func() error { return c.rc.WriteControl(proto.TypeSetPeerBandwidth, ackWindow) },
		func() error { return c.rc.SetChunkSize(ourChunkSize) },
		func() error { return c.rc.WriteStreamBegin(0) },
	} {
		if err := send(); err != nil {
			return err
		}
	}
	return c.rc.WriteCommand(0, proto.Command{Name: "_result", Transaction: cmd.Transaction, Args: []any{
		map[string]any{"fmsVer": "FMS/3,5,7,7009", "capabilities": 31, "mode": 1},
		map[string]any{
			"level": "status", "code": string(message.NetConnectionConnectCodeSuccess),
			"description": "Connection succeeded.", "objectEncoding": 0,
		},
	}})
}

// publish checks name and right and starts the programme.
func (c *conn) publish(cmd proto.Command) error {
	if c.req.App == "" || c.prog != nil {
		return &refusal{"protocol", "NetStream.Publish.Failed", "publish out of order"}
	}
	if err := c.parseName(cmd.Str(1)); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), c.srv.cfg.SetupTimeout)
	defer cancel()
	if err := c.srv.cfg.Auth.Publish(ctx, c.req); err != nil {
		return &refusal{"authorization", "NetStream.Publish.BadName", err.Error()}
	}
	c.lastMedia.Store(time.Now().UnixNano())
	if err := c.srv.claim(c, c.req.Name); err != nil {
		return &refusal{"busy", "NetStream.Publish.BadName", err.Error()}
	}
	prog, err := c.open()
	if err != nil {
		c.srv.unclaim(c, c.req.Name)
		c.log.Error("programme not opened", "name", c.req.Name, "error", err)
		return &refusal{"sink", "NetStream.Publish.Failed", "the server cannot take this stream now"}
	}
	c.prog, c.began = prog, time.Now()
	if err := c.nc.SetReadDeadline(time.Now().Add(c.srv.cfg.IdleTimeout)); err != nil {
		return err
	}
	c.log.Info("publisher accepted", "app", c.req.App, "name", c.req.Name)
	return c.status(string(message.NetStreamOnStatusCodePublishStart), "Publishing.", "status")
}

func (c *conn) parseName(raw string) error {
	name, query, _ := strings.Cut(raw, "?")
	params, err := url.ParseQuery(query)
	if err != nil || len(query) > maxParams || !nameRule.MatchString(name) {
		return &refusal{"name", "NetStream.Publish.BadName", "a stream name has letters, digits, - and _ only"}
	}
	c.req.Name, c.req.Params = name, params
	return nil
}

// open makes the sinks of the programme.
func (c *conn) open() (*programme, error) {
	live, err := c.srv.cfg.Live(c.req.Name)
	if err != nil {
		return nil, err
	}
	p := newProgramme(c.log, live)
	if c.req.App == Record {
		rec, err := c.srv.cfg.Record(c.req.Name)
		if err != nil {
			p.close(func() {})
			return nil, err
		}
		p.sinks = append(p.sinks, rec)
	}
	return p, nil
}
