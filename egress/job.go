package egress

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/url"
	"slices"
	"sync"
	"time"

	"github.com/meetcast/meetcast/egress/layout"
	"github.com/meetcast/meetcast/egress/media"
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

// destination is one push of a job.
type destination struct {
	name  string
	push  Push // nil while NewPush runs
	state PushState
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

// target is where a push of a job goes.
type target struct {
	name, url string
	internal  bool
}

// targetName is what may be shown of a destination: never its key.
func targetName(raw string) string {
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" {
		return "destination"
	}
	return u.Scheme + "://" + u.Host
}

// build starts the programme, then the sinks, all without waiting for another.
func (j *job) build(targets []target) error {
	mode, _ := layout.ParseMode(j.req.Layout)
	p, err := newProgram(j.cfg, mode, j.log)
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

// addPush starts one push.
func (j *job) addPush(t target) error {
	d := &destination{name: t.name, state: PushState{Phase: PushConnecting}}
	j.mu.Lock()
	j.pushes = append(j.pushes, d)
	j.mu.Unlock()
	push, err := j.cfg.NewPush(PushConfig{
		URL: t.url, Internal: t.internal, Logger: j.log.With("destination", t.name),
		OnState: func(s PushState) { j.pushChanged(d, s) },
	})
	if err != nil {
		return fmt.Errorf("start the push to %s: %w", t.name, err)
	}
	if !j.keep(func() { d.push = push }) {
		return errors.Join(errStopped(), push.Close())
	}
	j.program.fan.add(push)
	return nil
}

// pushChanged takes a push's new state and derives the job's.
func (j *job) pushChanged(d *destination, s PushState) {
	j.mu.Lock()
	d.state = s
	close(j.changed)
	j.changed = make(chan struct{})
	before, reason := j.status.State, j.status.Reason
	if before == Live || before == Reconnecting {
		j.deriveLocked()
	}
	after := j.status.State
	changed := after != before || j.status.Reason != reason || before == Starting
	j.mu.Unlock()
	if changed {
		j.notify(j)
	}
}

// deriveLocked sets the state of a broadcast that has been live from its pushes.
// One that has failed for good leaves the others alone; the reason names it.
func (j *job) deriveLocked() {
	state, reason := Live, ""
	for _, d := range j.pushes {
		switch d.state.Phase {
		case PushLive:
		case PushFailed:
			if reason == "" {
				reason = because(d)
			}
		default:
			state, reason = Reconnecting, because(d)
		}
	}
	if allFailed(j.pushes) {
		state = Failed
	}
	j.setLocked(state, reason)
}

func allFailed(ds []*destination) bool {
	return len(ds) > 0 && !slices.ContainsFunc(ds, func(d *destination) bool { return d.state.Phase != PushFailed })
}

// because says why a destination is not live.
func because(d *destination) string {
	if d.state.Err == nil {
		return fmt.Sprintf("The connection to %s was lost; trying again.", d.name)
	}
	return d.state.Err.Error()
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

// end brings the job to its end in the background: stopped, or failed with a
// reason. Only the first call counts; ended is closed when everything is.
func (j *job) end(as State, why error) {
	j.ending.Do(func() {
		j.mu.Lock()
		j.closing = true
		if as == Stopped {
			j.setLocked(Stopping, "")
		}
		j.mu.Unlock()
		j.notify(j)
		go j.finish(as, why)
	})
}

// isEnded tells that nothing of the job runs any more.
func (j *job) isEnded() bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.over
}

// finish closes the programme and then the sinks, which get all of it.
func (j *job) finish(as State, why error) {
	defer close(j.ended)
	j.mu.Lock()
	program, recorder := j.program, j.recorder
	var sinks []media.Sink
	for _, d := range j.pushes {
		if d.push != nil {
			sinks = append(sinks, d.push)
		}
	}
	j.mu.Unlock()
	if program != nil {
		wait := drainTime
		if as == Failed {
			wait = drainTime / 10 // nobody is waiting for the rest
		}
		ctx, cancel := context.WithTimeout(context.Background(), wait)
		program.close(ctx)
		cancel()
	}
	var wg sync.WaitGroup
	for _, s := range sinks {
		wg.Go(func() {
			if err := s.Close(); err != nil {
				j.log.Warn("close a push", "err", err)
			}
		})
	}
	if recorder != nil {
		wg.Go(func() { j.endedAs = recorder.Close() })
	}
	wg.Wait()
	reason := ""
	if why != nil {
		reason = why.Error()
	} else if j.endedAs != nil {
		as, reason = Failed, "The recording could not be finished: "+j.endedAs.Error()
	}
	j.mu.Lock()
	j.setLocked(as, reason)
	j.over = true
	j.mu.Unlock()
	j.notify(j)
}
