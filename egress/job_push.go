package egress

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
)

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

// destination is one push of a job.
type destination struct {
	name  string
	push  Push // nil while NewPush runs
	state PushState
}

// addPush starts one push.
func (j *job) addPush(t target) error {
	d := &destination{name: t.name, state: PushState{Phase: PushConnecting}}
	j.mu.Lock()
	j.pushes = append(j.pushes, d)
	j.mu.Unlock()
	push, err := j.cfg.NewPush(PushConfig{
		URL: t.url, Internal: t.internal, Epoch: j.program.clock.epoch, Logger: j.log.With("destination", t.name),
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
