package egress

import (
	"context"
	"sync"

	"github.com/meetcast/meetcast/egress/media"
)

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
