package loadtest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/meetcast/meetcast/internal/botclient"
	"github.com/meetcast/meetcast/internal/botclient/light"
)

const (
	joinTimeout = 20 * time.Second
	sampleEvery = time.Second
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
	views  atomic.Uint64
	acting sync.WaitGroup // those who look and conduct

	mu     sync.Mutex
	bots   []*member
	stages map[int][]string // the cameras of each room; replaced, never changed
	errors map[string]int
	failed int
	wanted int
}

// member is one bot and its room.
type member struct {
	*botclient.Bot
	name     string
	self     string // participant id
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
	r := &run{cfg: cfg, show: newProgress(progress), errors: map[string]int{}, stages: map[int][]string{}}
	defer r.show.end()
	if err := r.prepare(ctx); err != nil {
		return Result{}, err
	}
	defer r.leave()
	acting, stop := context.WithCancel(ctx)
	defer r.acting.Wait()
	defer stop()
	joining, steps := r.enter(ctx, acting)
	if len(r.members()) == 0 {
		if err := ctx.Err(); err != nil {
			return Result{}, err
		}
		return Result{}, fmt.Errorf("nobody could join: %w", r.firstReason())
	}
	result := r.measure(ctx)
	result.Joining, result.Steps = joining, append(steps, result.asStep(len(r.members())))
	return result, nil
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

// enter brings the publishers in, then the subscribers, in steps at a steady
// pace. It returns what those who were in already felt of the joins, and the
// figures of all steps but the last.
func (r *run) enter(ctx, acting context.Context) (Disturbance, []Step) {
	c := &r.cfg
	r.wanted = c.Rooms * (c.Publishers + c.Subscribers)
	r.admit(ctx, acting, c.Publishers*c.Rooms, 0, true)
	r.acting.Go(func() { r.conduct(acting) })
	before := r.sample()
	var steps []Step
	all := c.Subscribers * c.Rooms
	for i := range c.Steps {
		from, to := all*i/c.Steps, all*(i+1)/c.Steps
		r.admit(ctx, acting, to-from, from, false)
		if i < c.Steps-1 && ctx.Err() == nil {
			steps = append(steps, r.hold(ctx))
		}
	}
	r.show.step("Joined: %d of %d", len(r.members()), r.wanted)
	return disturbance(before, r.sample()), steps
}

// admit joins n bots at the pace. A join that fails is counted; the test goes on
// with the others.
func (r *run) admit(ctx, acting context.Context, n, from int, sends bool) {
	pace := time.NewTicker(time.Duration(float64(time.Second) / r.cfg.JoinsPerSecond))
	defer pace.Stop()
	var joining sync.WaitGroup
	defer joining.Wait()
	for i := from; i < from+n; i++ {
		select {
		case <-ctx.Done():
			return
		case now := <-pace.C:
			joining.Go(func() { r.join(ctx, acting, i%r.cfg.Rooms, i/r.cfg.Rooms, sends) })
			in := len(r.members())
			r.show.bar(now, float64(in)/float64(r.wanted), "joining: %d of %d", in, r.wanted)
		}
	}
}

// hold watches a step before the next.
func (r *run) hold(ctx context.Context) Step {
	wait(ctx, r.cfg.Settle)
	begin := r.sample()
	until := begin.at.Add(r.cfg.StepHold)
	for ctx.Err() == nil && time.Now().Before(until) {
		wait(ctx, min(sampleEvery, time.Until(until)))
		now := time.Now()
		r.show.bar(now, 1-float64(until.Sub(now))/float64(r.cfg.StepHold), "step with %d members", len(r.members()))
	}
	result := r.result(begin, r.sample(), false)
	step := result.asStep(len(r.members()))
	r.show.step("%s", step)
	return step
}

// join brings one bot in and waits until its media path is up.
func (r *run) join(ctx, acting context.Context, room, number int, sends bool) {
	ctx, cancel := context.WithTimeout(ctx, joinTimeout)
	defer cancel()
	m := &member{room: room, sends: sends, receives: !sends || r.cfg.PublishersReceive, name: fmt.Sprintf("Viewer %d", number+1)}
	if sends {
		m.name = fmt.Sprintf("Publisher %d", number+1)
	}
	bot, err := botclient.Dial(ctx, r.botConfig(m))
	if err != nil {
		r.fail(err)
		return
	}
	m.Bot, m.self = bot, bot.State().Self
	if err := bot.WaitConnected(ctx); err != nil && (m.receives || sends) {
		bot.Close()
		r.fail(err)
		return
	}
	r.mu.Lock()
	r.bots = append(r.bots, m)
	if sends && r.cfg.Video != VideoNone {
		r.stages[room] = append(slices.Clone(r.stages[room]), m.self)
	}
	r.mu.Unlock()
	if m.receives && r.cfg.View != ViewServer && r.cfg.VideoSlots > 0 {
		r.acting.Go(func() { r.look(acting, m) })
	}
}

func (r *run) botConfig(m *member) botclient.Config {
	c := &r.cfg
	cfg := botclient.Config{URL: c.URL, Token: r.tokens[m.room], Stack: r.stack, EventQueue: 64, Name: m.name, RED: c.RED,
		IgnoreLayers: c.IgnoreLayers, Loss: light.Loss{Down: c.LossDown, Up: c.LossUp, Seed: c.LossSeed}}
	if m.sends {
		cfg.Publish = r.tracks
	}
	if !m.receives {
		return cfg
	}
	if !c.NoAudio {
		cfg.AudioSlots = botclient.AllSlots
	}
	if c.Video != VideoNone {
		cfg.VideoSlots = max(c.VideoSlots, 0)
	}
	return cfg
}

// cameras of a room, in the order of joining.
func (r *run) cameras(room int) []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.stages[room]
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
