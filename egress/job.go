package egress

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"sync"
	"time"

	"github.com/meetcast/meetcast/egress/layout"
)

// drainTime bounds how long encoders may take to finish when a broadcast stops.
const drainTime = 3 * time.Second

// job is one broadcast: a program, its sinks, and the state they are in.
//
//	starting --every push live--> live <--> reconnecting
//	    |                          |             |
//	    +--refused, no time--------+---failed----+--> failed
//	    +-------------stop---------+-------------+--> stopping --> stopped
type job struct {
	cfg    Config
	req    Request
	log    *slog.Logger
	notify func(*job) // after each change, without locks held

	program  *program
	recorder Recorder

	mu      sync.Mutex
	status  Status
	pushes  []*destination
	changed chan struct{} // closed and replaced with each change of a push
	closing bool          // end was called: nothing new is started
	over    bool          // everything is closed

	ending  sync.Once
	ended   chan struct{} // closed when everything is closed
	endedAs error         // of closing the recording
}

// newJob returns a job in state starting that runs nothing yet.
func newJob(cfg Config, req Request, mode layout.Mode, notify func(*job)) *job {
	now := time.Now()
	return &job{
		cfg: cfg, req: req, notify: notify, changed: make(chan struct{}), ended: make(chan struct{}),
		log: cfg.Logger.With("room", req.Room.ID(), "stream", req.Stream),
		status: Status{Room: req.Room.ID(), State: Starting, Stream: req.Stream, Layout: string(mode),
			Record: req.Record, Since: now, Began: now},
	}
}

// Status returns the state with fresh counters.
func (j *job) Status() Status {
	j.mu.Lock()
	s, program, recorder := j.status, j.program, j.recorder
	s.Destinations = make([]DestinationStatus, 0, len(j.pushes))
	for _, d := range j.pushes {
		ds := DestinationStatus{Name: d.name, Phase: d.state.Phase}
		if d.state.Err != nil {
			ds.Reason = d.state.Err.Error()
		}
		s.Destinations = append(s.Destinations, ds)
	}
	j.mu.Unlock()
	if program != nil {
		s.Stats = program.stats()
		s.Stats.Drops = maps.Clone(s.Stats.Drops)
	}
	if recorder != nil {
		if err := recorder.Err(); err != nil {
			s.RecordError = err.Error()
		}
	}
	return s
}

// start builds everything and waits until every destination is live. On failure
// everything is closed again and the state is failed.
func (j *job) start(ctx context.Context, targets []target) error {
	err := j.build(targets)
	if err == nil {
		err = j.awaitLive(ctx)
	}
	if err != nil {
		j.end(Failed, err)
		<-j.ended
		return err
	}
	return nil
}

// build starts the programme, then the sinks, all without waiting for another.
func (j *job) build(targets []target) error {
	mode, _ := layout.ParseMode(j.req.Layout)
	p, err := newProgram(j.cfg, j.req.Stream, mode, j.log)
	if err != nil {
		return err
	}
	if !j.keep(func() { j.program = p }) {
		p.close(context.Background())
		return errStopped()
	}
	if j.req.Record {
		if err := j.addRecorder(); err != nil {
			return err
		}
	}
	for _, t := range targets {
		if err := j.addPush(t); err != nil {
			return err
		}
	}
	p.observe(j.req.Room)
	return nil
}

// keep runs f under the lock unless the job is ending.
func (j *job) keep(f func()) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.closing {
		return false
	}
	f()
	return true
}

func errStopped() error {
	return newError(Conflict, nil, "The broadcast was stopped before it was live.")
}

// addRecorder opens the recording.
func (j *job) addRecorder() error {
	if j.cfg.NewRecorder == nil {
		return newError(Unavailable, nil, "Recording is switched off on this server.")
	}
	r, err := j.cfg.NewRecorder(j.req.Stream)
	if err != nil {
		return fmt.Errorf("open the recording: %w", err)
	}
	if !j.keep(func() { j.recorder, j.status.VOD = r, r.File() }) {
		return errors.Join(errStopped(), r.Close())
	}
	j.program.fan.add(r)
	return nil
}

func (j *job) setLocked(s State, reason string) {
	if j.status.State != s {
		j.status.Since = time.Now()
	}
	if s == Live && j.status.LiveAt.IsZero() {
		j.status.LiveAt = time.Now()
	}
	j.status.State, j.status.Reason = s, reason
}

// awaitLive waits until every push is live and both encoders give samples; the
// first push that fails, or an encoder that will not start, ends the wait.
func (j *job) awaitLive(ctx context.Context) error {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		j.mu.Lock()
		changed, live := j.changed, j.status.State == Starting
		var failed error
		for _, d := range j.pushes {
			live = live && d.state.Phase == PushLive
			if d.state.Phase == PushFailed && failed == nil {
				failed = d.state.Err
				if failed == nil {
					failed = DestinationError(fmt.Sprintf("%s refused the stream.", d.name), nil)
				}
			}
		}
		stopped := j.status.State != Starting
		j.mu.Unlock()
		if stopped {
			return errStopped()
		}
		if failed != nil {
			return failed
		}
		works, err := j.program.encoding()
		if err != nil {
			return err
		}
		if live && works {
			return j.goLive()
		}
		select {
		case <-changed:
		case <-tick.C:
		case <-ctx.Done():
			return j.notInTime(ctx)
		}
	}
}

// goLive leaves the state starting.
func (j *job) goLive() error {
	j.mu.Lock()
	if j.status.State != Starting {
		j.mu.Unlock()
		return errStopped()
	}
	j.setLocked(Live, "")
	j.deriveLocked()
	j.mu.Unlock()
	j.notify(j)
	return nil
}

// notInTime says which destination did not answer.
func (j *job) notInTime(ctx context.Context) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, d := range j.pushes {
		if d.state.Phase == PushLive {
			continue
		}
		if d.state.Err != nil {
			return DestinationError(d.state.Err.Error(), errors.Join(ctx.Err(), d.state.Err))
		}
		return DestinationError(fmt.Sprintf("%s did not accept the stream in time.", d.name), ctx.Err())
	}
	return fmt.Errorf("start the encoders: %w", ctx.Err())
}
