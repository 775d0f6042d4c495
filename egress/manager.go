package egress

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"sync"
	"time"

	"github.com/meetcast/meetcast/egress/avproc"
	"github.com/meetcast/meetcast/egress/layout"
	"github.com/meetcast/meetcast/sfu/track"
)

// maxPast bounds the rooms whose last broadcast is remembered.
const maxPast = 1000

// Manager holds the broadcasts of a server, at most one a room. It is safe for
// concurrent use.
type Manager struct {
	cfg Config

	mu       sync.Mutex
	jobs     map[track.RoomID]*job   // starting to stopping
	past     map[track.RoomID]Status // the last one of each room
	order    []track.RoomID          // of past, oldest first
	watchers map[track.RoomID]map[int]func(Status)
	nextID   int
	closed   bool

	// telling keeps the calls of watchers in order.
	telling sync.Mutex
	wg      sync.WaitGroup
	stop    chan struct{}
}

// New returns a manager without broadcasts. Config.NewPush must be set.
func New(cfg Config) (*Manager, error) {
	cfg = cfg.withDefaults()
	switch {
	case cfg.NewPush == nil:
		return nil, errors.New("egress needs a way to push")
	case !avproc.KnownEncoder(cfg.Encoder):
		return nil, fmt.Errorf("unknown video encoder %q; known are %v", cfg.Encoder, avproc.Encoders())
	case cfg.Width%2 != 0 || cfg.Height%2 != 0 || cfg.Width < 64 || cfg.Height < 64 || cfg.Width > 7680 || cfg.Height > 7680:
		return nil, fmt.Errorf("bad picture size %d×%d: even numbers from 64 to 7680", cfg.Width, cfg.Height)
	case cfg.FPS < 1 || cfg.FPS > 120:
		return nil, fmt.Errorf("bad frame rate %d: 1 to 120", cfg.FPS)
	}
	m := &Manager{
		cfg: cfg, jobs: make(map[track.RoomID]*job), past: make(map[track.RoomID]Status),
		watchers: make(map[track.RoomID]map[int]func(Status)), stop: make(chan struct{}),
	}
	m.wg.Go(m.guard)
	return m, nil
}

// Start begins a broadcast and returns when every destination has accepted it
// and takes bytes, or with an *Error for whoever can help (see AudienceOf). When
// ctx ends first, the broadcast is given up.
func (m *Manager) Start(ctx context.Context, req Request) (Status, error) {
	ctx, cancel := m.cfg.startContext(ctx)
	defer cancel()
	mode, targets, err := m.check(ctx, req)
	if err != nil {
		return m.Status(req.room()), err
	}
	j := newJob(m.cfg, req, mode, m.changed)
	if err := m.admit(j); err != nil {
		return m.Status(req.room()), err
	}
	m.changed(j)
	if err := j.start(ctx, targets); err != nil {
		var ours *Error
		if !errors.As(err, &ours) {
			m.cfg.Logger.Error("start a broadcast", "room", req.room(), "err", err)
		}
		return m.Status(req.room()), fmt.Errorf("start broadcast: %w", err)
	}
	return j.Status(), nil
}

// room is the room's id, "" without a room.
func (r Request) room() track.RoomID {
	if r.Room == nil {
		return ""
	}
	return r.Room.ID()
}

// check judges a request before anything is started.
func (m *Manager) check(ctx context.Context, req Request) (layout.Mode, []target, error) {
	mode, ok := layout.ParseMode(req.Layout)
	switch {
	case req.Room == nil || req.Stream == "":
		return "", nil, newError(Invalid, nil, "A broadcast needs a room and a stream name.")
	case !ok:
		return "", nil, newError(Invalid, nil, "There is no layout %q; choose grid or speaker.", req.Layout)
	}
	if _, err := exec.LookPath(m.cfg.FFmpeg); err != nil {
		return "", nil, newError(Unavailable, fmt.Errorf("%w: %w", avproc.ErrNoFFmpeg, err),
			"This server cannot broadcast because ffmpeg is missing. Install it on the server (Debian and Ubuntu: apt-get install ffmpeg) and try again.")
	}
	var targets []target
	if m.cfg.IngestURL != nil {
		targets = append(targets, target{name: "live", url: m.cfg.IngestURL(req.Stream), internal: true})
	}
	if req.Destination != "" {
		if m.cfg.Policy == nil {
			return "", nil, newError(Destination, nil, "This server sends to no other destinations.")
		}
		resolved, err := m.cfg.Policy.Check(ctx, req.Destination)
		if err != nil {
			return "", nil, DestinationError(err.Error(), err)
		}
		targets = append(targets, target{name: targetName(resolved), url: resolved})
	}
	if len(targets) == 0 {
		return "", nil, newError(Invalid, nil, "This broadcast needs a destination.")
	}
	return mode, targets, nil
}

// admit gives a job its place.
func (m *Manager) admit(j *job) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	id := j.req.Room.ID()
	switch {
	case m.closed:
		return newError(Unavailable, nil, "The server is shutting down.")
	case m.jobs[id] != nil:
		return newError(Conflict, nil, "This room is already being broadcast.")
	case len(m.jobs) >= m.cfg.MaxJobs:
		return newError(Unavailable, nil, "This server already carries %d broadcasts, as many as it may.", len(m.jobs))
	}
	for _, other := range m.jobs {
		if other.req.Stream == j.req.Stream {
			return newError(Conflict, nil, "The stream %s is already on air from another room.", j.req.Stream)
		}
	}
	m.jobs[id] = j
	return nil
}

// Stop ends the broadcast of a room and returns when its recording is safe on
// disk. Stopping twice waits for the same end.
func (m *Manager) Stop(ctx context.Context, id track.RoomID) (Status, error) {
	m.mu.Lock()
	j := m.jobs[id]
	m.mu.Unlock()
	if j == nil {
		return m.Status(id), newError(NotFound, nil, "This room is not being broadcast.")
	}
	j.end(Stopped, nil)
	select {
	case <-j.ended:
	case <-ctx.Done():
		return j.Status(), fmt.Errorf("wait for the end of the broadcast: %w", ctx.Err())
	}
	if j.endedAs != nil {
		return j.Status(), fmt.Errorf("finish the recording: %w", j.endedAs)
	}
	return j.Status(), nil
}

// SetLayout changes the layout of a running broadcast.
func (m *Manager) SetLayout(id track.RoomID, name string) error {
	mode, ok := layout.ParseMode(name)
	if !ok {
		return newError(Invalid, nil, "There is no layout %q; choose grid or speaker.", name)
	}
	m.mu.Lock()
	j := m.jobs[id]
	m.mu.Unlock()
	if j == nil {
		return newError(NotFound, nil, "This room is not being broadcast.")
	}
	j.mu.Lock()
	j.status.Layout = string(mode)
	p := j.program
	j.mu.Unlock()
	if p != nil {
		p.setMode(mode)
	}
	m.changed(j)
	return nil
}

// guard stops broadcasts whose room has been empty for too long, and those all
// of whose destinations have failed.
func (m *Manager) guard() {
	tick := time.NewTicker(min(max(m.cfg.EmptyTimeout/4, 50*time.Millisecond), time.Second))
	defer tick.Stop()
	for {
		select {
		case <-m.stop:
			return
		case <-tick.C:
		}
		m.mu.Lock()
		jobs := make([]*job, 0, len(m.jobs))
		for _, j := range m.jobs {
			jobs = append(jobs, j)
		}
		m.mu.Unlock()
		for _, j := range jobs {
			m.look(j)
		}
	}
}

func (m *Manager) look(j *job) {
	j.mu.Lock()
	state, reason, p := j.status.State, j.status.Reason, j.program
	j.mu.Unlock()
	switch {
	case p == nil:
	case state == Failed:
		j.end(Failed, newError(Destination, nil, "%s", reason))
	case m.cfg.EmptyTimeout > 0 && (state == Live || state == Reconnecting) && p.emptyFor() > m.cfg.EmptyTimeout:
		j.log.Info("stop a broadcast of an empty room")
		j.end(Stopped, nil)
	}
}

// Close stops every broadcast and waits until all recordings are safe, at most
// until the end of ctx. It is idempotent.
func (m *Manager) Close(ctx context.Context) error {
	m.mu.Lock()
	if !m.closed {
		m.closed = true
		close(m.stop)
	}
	jobs := make([]*job, 0, len(m.jobs))
	for _, j := range m.jobs {
		jobs = append(jobs, j)
	}
	m.mu.Unlock()
	for _, j := range jobs {
		j.end(Stopped, nil)
	}
	for _, j := range jobs {
		select {
		case <-j.ended:
		case <-ctx.Done():
			return fmt.Errorf("wait for the end of the broadcasts: %w", ctx.Err())
		}
	}
	m.wg.Wait()
	return nil
}
