package loadtest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"sync"
	"time"

	"github.com/meetcast/meetcast/internal/botclient"
	"github.com/meetcast/meetcast/sfu/track"
	"github.com/meetcast/meetcast/signaling/wire"
)

const (
	joinTimeout = 20 * time.Second
	settleTime  = time.Second
	sampleEvery = 500 * time.Millisecond
	// maxReasons of failed joins kept apart; further ones count as "other".
	maxReasons = 20
)

// run is one load test under way.
type run struct {
	cfg    Config
	show   *progress
	tokens []string
	tracks []botclient.Track
	stack  *botclient.Stack
	server process
	notes  []string

	mu     sync.Mutex
	bots   []*member
	errors map[string]int
	failed int
	wanted int
}

// member is one bot and its room.
type member struct {
	*botclient.Bot
	room     int
	sends    bool
	receives bool
}

// Run runs the test until its duration is over or the context ends; then the
// result says that it was interrupted and covers what was done. An error means
// that nothing could be measured. Progress may be nil.
func Run(ctx context.Context, cfg Config, progress io.Writer) (Result, error) {
	cfg.setDefaults()
	if err := cfg.check(); err != nil {
		return Result{}, fmt.Errorf("check load test: %w", err)
	}
	r := &run{cfg: cfg, show: newProgress(progress), errors: map[string]int{}}
	defer r.show.end()
	if err := r.prepare(ctx); err != nil {
		return Result{}, err
	}
	defer r.leave()
	r.enter(ctx)
	if len(r.members()) == 0 {
		if err := ctx.Err(); err != nil {
			return Result{}, err
		}
		return Result{}, fmt.Errorf("nobody could join: %w", r.firstReason())
	}
	return r.measure(ctx), nil
}

// prepare does all that must not be measured.
func (r *run) prepare(ctx context.Context) error {
	var err error
	if r.tokens, err = tokens(ctx, &r.cfg); err != nil {
		return err
	}
	r.show.step("Preparing media (kept for the next time) …")
	if r.tracks, err = prepare(ctx, &r.cfg); err != nil {
		return err
	}
	u, err := url.Parse(r.cfg.URL)
	if err != nil {
		return err
	}
	if r.stack, err = botclient.NewStack(u.Hostname()); err != nil {
		return err
	}
	if r.server, err = findServer(r.cfg.ServerPID, r.cfg.URL); err != nil {
		r.notes = append(r.notes, "no server CPU: "+err.Error())
	}
	return nil
}

// enter brings the publishers in, then the subscribers, at a steady pace. A
// join that fails is counted; the test goes on with the others.
func (r *run) enter(ctx context.Context) {
	c := &r.cfg
	r.wanted = c.Rooms * (c.Publishers + c.Subscribers)
	pace := time.NewTicker(time.Duration(float64(time.Second) / c.JoinsPerSecond))
	defer pace.Stop()
	for _, sends := range []bool{true, false} {
		n := c.Subscribers
		if sends {
			n = c.Publishers
		}
		var joining sync.WaitGroup
		for i := range n * c.Rooms {
			select {
			case <-ctx.Done():
			case now := <-pace.C:
				joining.Go(func() { r.join(ctx, i%c.Rooms, i/c.Rooms, sends) })
				r.show.live(now, "Joining: %d of %d …", len(r.members()), r.wanted)
			}
		}
		joining.Wait()
	}
	r.show.step("Joined: %d of %d", len(r.members()), r.wanted)
}

// join brings one bot in and waits until its media path is up.
func (r *run) join(ctx context.Context, room, number int, sends bool) {
	ctx, cancel := context.WithTimeout(ctx, joinTimeout)
	defer cancel()
	m := &member{room: room, sends: sends, receives: !sends || r.cfg.PublishersReceive}
	cfg := botclient.Config{URL: r.cfg.URL, Token: r.tokens[room], Stack: r.stack, EventQueue: 1, Name: fmt.Sprintf("Viewer %d", number+1)}
	if sends {
		cfg.Name, cfg.Publish = fmt.Sprintf("Publisher %d", number+1), r.tracks
	}
	if m.receives {
		cfg.AudioSlots, cfg.VideoSlots = botclient.AllSlots, r.cfg.VideoSlots
		if r.cfg.NoAudio {
			cfg.AudioSlots = 0
		}
		if r.cfg.Video == VideoNone {
			cfg.VideoSlots = 0
		}
	}
	bot, err := botclient.Dial(ctx, cfg)
	if err != nil {
		r.fail(err)
		return
	}
	m.Bot = bot
	if err = bot.WaitConnected(ctx); err == nil {
		err = r.view(ctx, m)
	}
	if err != nil {
		bot.Close()
		r.fail(err)
		return
	}
	r.mu.Lock()
	r.bots = append(r.bots, m)
	r.mu.Unlock()
}

// view asks for the first publishers of the room at the tile size, when the
// test names one. Publishers are in before subscribers, so they are known.
func (r *run) view(ctx context.Context, m *member) error {
	if r.cfg.TileWidth == 0 || !m.receives {
		return nil
	}
	var want []wire.Want
	for _, p := range r.members() {
		if p.sends && p.room == m.room && len(want) < r.cfg.VideoSlots {
			want = append(want, wire.Want{
				Participant: p.State().Self, Source: string(track.Camera),
				Width: r.cfg.TileWidth, Height: r.cfg.TileHeight,
			})
		}
	}
	return m.View(ctx, want, true)
}

func (r *run) fail(err error) {
	text := err.Error()
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, known := r.errors[text]; !known && len(r.errors) >= maxReasons {
		text = "other"
	}
	r.errors[text]++
	r.failed++
}

func (r *run) firstReason() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	for text := range r.errors {
		return errors.New(text)
	}
	return errors.New("unknown reason")
}

func (r *run) members() []*member {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.bots[:len(r.bots):len(r.bots)]
}

// leave closes all bots, several at a time.
func (r *run) leave() {
	queue := make(chan *member)
	var closing sync.WaitGroup
	for range 16 {
		closing.Go(func() {
			for m := range queue {
				m.Leave()
			}
		})
	}
	for _, m := range r.members() {
		queue <- m
	}
	close(queue)
	closing.Wait()
}
