// Package rtmp pushes an encoded programme to an RTMP(S) server and keeps it
// there: it reports "live" only when that is so, reconnects in place with the
// timestamps going on, and tells what is wrong in words a moderator understands.
package rtmp

import (
	"cmp"
	"context"
	"crypto/tls"
	"log/slog"
	"reflect"
	"sync"
	"time"

	"github.com/meetcast/meetcast/egress/media"
	"github.com/meetcast/meetcast/internal/backoff"
	"github.com/meetcast/meetcast/internal/keyqueue"
)

// Config of a push. Only URL is required.
type Config struct {
	// URL is rtmp://host[:port]/app/key or rtmps://….
	URL string
	// Policy limits URL; nil allows everything and is for URLs that come from
	// the server's own configuration.
	Policy *Policy
	// Logger is scoped by the caller; nil discards.
	Logger *slog.Logger
	// OnChange is told every change of State and of Accepted, in order, from the
	// goroutines of the push; it must not block and must not call Close.
	OnChange func(Status)
	// Epoch returns the wall time of media time 0, and false while it is not
	// known; nil means never. It goes into onMetaData, so that our own ingest
	// can tell players the true latency.
	Epoch func() (time.Time, bool)

	DialTimeout  time.Duration // name look-up, TCP and TLS; default 5 s
	SetupTimeout time.Duration // RTMP handshake to the answer to publish; default 8 s
	StallTimeout time.Duration // a peer that takes nothing for so long is dead; default 5 s
	// FirstTimeout: a push that was never accepted fails after so long, even
	// though trying on might help; default 20 s.
	FirstTimeout time.Duration
	DrainTimeout time.Duration // for Close to send what is queued; default 2 s

	QueueSpan  time.Duration // media time that may wait; default 4 s
	QueueBytes int           // default 8 MiB

	Backoff backoff.Policy
	// TLS settings for rtmps; nil verifies against the system's roots.
	TLS *tls.Config
}

func (c Config) withDefaults() Config {
	c.DialTimeout = cmp.Or(c.DialTimeout, 5*time.Second)
	c.SetupTimeout = cmp.Or(c.SetupTimeout, 8*time.Second)
	c.StallTimeout = cmp.Or(c.StallTimeout, 5*time.Second)
	c.FirstTimeout = cmp.Or(c.FirstTimeout, 20*time.Second)
	c.DrainTimeout = cmp.Or(c.DrainTimeout, 2*time.Second)
	c.QueueSpan = cmp.Or(c.QueueSpan, 4*time.Second)
	c.QueueBytes = cmp.Or(c.QueueBytes, 8<<20)
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return c
}

// Push is one destination of a broadcast: a media.Sink.
type Push struct {
	cfg    Config
	target Target
	log    *slog.Logger

	queue  *keyqueue.Queue[queued]
	cancel context.CancelFunc // ends dialling and back-off
	abort  context.CancelFunc // ends everything
	ctx    context.Context
	hard   context.Context
	done   chan struct{}

	notify sync.Mutex // serialises OnChange; taken before mu

	mu     sync.Mutex // guards what follows
	params *media.Params
	status Status
}

// queued is a sample with the parameters that hold for it.
type queued struct {
	params *media.Params
	sample media.Sample
}

var _ media.Sink = (*Push)(nil)

// NewPush checks the destination and starts to connect at once, before Begin. A
// destination that is malformed or not allowed is an *Error.
func NewPush(cfg Config) (*Push, error) {
	cfg = cfg.withDefaults()
	target, err := cfg.Policy.Resolve(cfg.URL)
	if err != nil {
		return nil, err
	}
	p := &Push{
		cfg: cfg, target: target,
		log:    cfg.Logger.With("destination", target.String()),
		queue:  keyqueue.New[queued](keyqueue.Limits{Bytes: cfg.QueueBytes, Span: cfg.QueueSpan}),
		done:   make(chan struct{}),
		status: Status{State: Connecting, Since: time.Now()},
	}
	p.hard, p.abort = context.WithCancel(context.Background())
	p.ctx, p.cancel = context.WithCancel(p.hard)
	go p.run()
	return p, nil
}

// Begin implements media.Sink.
func (p *Push) Begin(params media.Params) {
	p.mu.Lock()
	defer p.mu.Unlock()
	// Headers go out again only when something changed.
	if p.params == nil || !reflect.DeepEqual(*p.params, params) {
		p.params = &params
	}
}

// Write implements media.Sink.
func (p *Push) Write(s media.Sample) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.params == nil || p.status.State == Failed || p.status.State == Closed {
		p.status.Stats.Unready++
		return
	}
	entry := s.Kind == media.Video && s.Key || p.params.Video == nil
	before := uint64(p.queue.Push(queued{p.params, s}, keyqueue.Meta{Entry: entry, Bytes: len(s.Data), At: s.DTS}))
	switch {
	case !p.status.Accepted && entry:
		// Without a connection only the newest picture group is of use.
		p.status.Stats.Offline += before + uint64(p.queue.Rewind())
	case !p.status.Accepted:
		p.status.Stats.Offline += before
	default:
		p.status.Stats.QueueFull += before
	}
}

// Status returns what is true now.
func (p *Push) Status() Status {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.statusLocked()
}

func (p *Push) statusLocked() Status {
	st := p.status
	_, _, st.Stats.QueueAge, _ = p.queue.Stats()
	return st
}

// Close sends what is queued if there is a connection, ends the stream and
// waits, at most DrainTimeout longer than one write takes.
func (p *Push) Close() error {
	p.queue.Close()
	p.cancel()
	timer := time.AfterFunc(p.cfg.DrainTimeout, p.abort)
	defer timer.Stop()
	<-p.done
	p.abort()
	return nil
}

// run connects again and again until Close or a definite failure.
func (p *Push) run() {
	defer close(p.done)
	pause := backoff.New(p.cfg.Backoff)
	started := time.Now()
	for {
		p.change(func(st *Status) { st.Stats.Attempts++ })
		err := p.session()
		if p.ctx.Err() != nil {
			p.change(func(st *Status) { st.State, st.Accepted, st.Reason = Closed, false, nil })
			return
		}
		if p.lost(err, time.Since(started)) {
			p.fail()
			return
		}
		if err.longLived {
			pause.Reset()
		}
		wait := time.NewTimer(pause.Next())
		select {
		case <-wait.C:
		case <-p.ctx.Done():
			wait.Stop()
			p.change(func(st *Status) { st.State, st.Reason = Closed, nil })
			return
		}
	}
}

// lost takes note of a broken session and reports whether to give up.
func (p *Push) lost(err *sessionError, elapsed time.Duration) (giveUp bool) {
	p.change(func(st *Status) {
		everLive := st.State == Live || st.State == Reconnecting
		if st.State == Live {
			st.Stats.Reconnects++
		}
		st.Accepted, st.Reason = false, err.cause
		st.Stats.Unacked = 0
		switch {
		case everLive:
			st.State = Reconnecting
		case err.cause.Definite() || elapsed >= p.cfg.FirstTimeout:
			st.State = Failed
			giveUp = true
		}
	})
	p.log.Warn("push interrupted", "error", err.cause, "giving_up", giveUp)
	return giveUp
}

// fail empties the queue and waits for Close, so that a failed push costs
// nothing.
func (p *Push) fail() {
	p.queue.Close()
	p.queue.Starve()
}

// change edits the status and tells OnChange when the state has changed.
func (p *Push) change(edit func(*Status)) {
	p.notify.Lock()
	defer p.notify.Unlock()
	p.mu.Lock()
	before := p.status
	edit(&p.status)
	if p.status.State != before.State {
		p.status.Since = time.Now()
	}
	now := p.statusLocked()
	p.mu.Unlock()
	if p.cfg.OnChange != nil && (now.State != before.State || now.Accepted != before.Accepted || now.Reason != before.Reason) {
		p.cfg.OnChange(now)
	}
}
