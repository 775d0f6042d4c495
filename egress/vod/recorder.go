package vod

import (
	"errors"
	"fmt"
	"os"
	"reflect"
	"sync"
	"time"

	"github.com/meetcast/meetcast/egress/media"
	"github.com/meetcast/meetcast/egress/mp4"
	"github.com/meetcast/meetcast/internal/keyqueue"
)

// fragmentEvery is the media time of a fragment. With the sync behind it, what
// a crash can lose stays below a second.
const fragmentEvery = 500 * time.Millisecond

// The queue holds what a disk that hangs for some seconds keeps waiting.
const (
	queueSpan  = 15 * time.Second
	queueBytes = 64 << 20
)

// Recorder writes one broadcast to disk: a media.Sink.
type Recorder struct {
	store  *Store
	stream string
	queue  *keyqueue.Queue[queued]
	change func(Status)
	done   chan struct{}
	finals sync.WaitGroup // takes being finalised

	mu     sync.Mutex // guards what follows
	params *media.Params
	status Status
	first  time.Duration // decode time of the first sample
	names  []string
	result error
}

type queued struct {
	params *media.Params
	sample media.Sample
}

var _ media.Sink = (*Recorder)(nil)

// NewRecorder starts a recording of a stream. Its file is there when it
// returns. onChange is told changes of State and Err, from the recorder's own
// goroutines; it must not block and may be nil.
func (s *Store) NewRecorder(stream string, onChange func(Status)) (*Recorder, error) {
	r := &Recorder{
		store: s, stream: stream, change: onChange,
		queue: keyqueue.New[queued](keyqueue.Limits{Span: queueSpan, Bytes: queueBytes}),
		done:  make(chan struct{}),
	}
	t, err := r.open()
	if err != nil {
		return nil, err
	}
	r.status = Status{State: Running, Name: t.name}
	go r.run(t)
	return r, nil
}

// open starts a new file.
func (r *Recorder) open() (*take, error) {
	s := r.store
	now := s.cfg.Now()
	name, err := s.reserve(r.stream, now)
	if err != nil {
		return nil, fmt.Errorf("name recording: %w", err)
	}
	f, err := s.cfg.create(s.path(name, partSuffix))
	if err == nil {
		if err = syncDir(s.cfg.Dir); err != nil {
			_ = f.Close()
		}
	}
	if err != nil {
		s.release(name)
		return nil, fmt.Errorf("create recording: %w", err)
	}
	r.mu.Lock()
	r.names = append(r.names, name)
	r.mu.Unlock()
	s.started(Recording{Name: name, Stream: r.stream, Started: now})
	s.log.Info("recording started", "recording", name)
	return newTake(f, name, now, r.syncDone), nil
}

// File returns the name under which the recording will be served, "NAME.mp4".
func (r *Recorder) File() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.names[0] + finalSuffix
}

// Err returns why nothing is recorded at the moment, or nil.
func (r *Recorder) Err() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.status.Err
}

// Status returns what is true now.
func (r *Recorder) Status() Status {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.status
}

// Begin implements media.Sink.
func (r *Recorder) Begin(p media.Params) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.params == nil || !reflect.DeepEqual(*r.params, p) {
		r.params = &p
	}
}

// Write implements media.Sink.
func (r *Recorder) Write(s media.Sample) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.params == nil || r.status.State != Running {
		return
	}
	entry := s.Kind == media.Video && s.Key || r.params.Video == nil
	n := r.queue.Push(queued{r.params, s}, keyqueue.Meta{Entry: entry, Bytes: len(s.Data), At: s.DTS})
	r.status.Dropped += uint64(n)
}

// Close writes out what is queued, finalises, and returns when the recording is
// safe on disk under its name. Nothing recorded is mp4.ErrEmpty.
func (r *Recorder) Close() error {
	r.queue.Close()
	<-r.done
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.result
}

// run writes takes until the queue is closed.
func (r *Recorder) run(t *take) {
	defer close(r.done)
	tick := time.NewTicker(fragmentEvery)
	defer tick.Stop()
	for !r.queue.Closed() {
		item, ok := r.queue.TryPop()
		if ok {
			t = r.write(t, item)
			continue
		}
		select {
		case <-r.queue.Wake():
		case now := <-tick.C:
			// The encoder may pause: what it has sent goes to disk all the same.
			if t != nil && now.Sub(t.cutAt) >= fragmentEvery {
				t = r.check(t, t.cut(now))
			}
		}
	}
	if t != nil {
		if t = r.check(t, t.cut(time.Now())); t != nil {
			r.finish(t, nil)
		}
	}
	r.finals.Wait()
	r.update(func(st *Status) {
		if r.result == nil {
			st.State, st.Err = Finished, nil
		} else {
			st.State = Failed
			if st.Err == nil {
				st.Err = r.result
			}
		}
	})
}

// write adds one sample and returns the take to go on with, nil after a failure.
func (r *Recorder) write(t *take, item queued) *take {
	if t == nil {
		return nil
	}
	if item.params != t.params {
		// What was encoded with the old parameters is written with them.
		if t = r.check(t, t.cut(time.Now())); t == nil {
			return nil
		}
		if !t.accepts(item.params) {
			r.finish(t, nil)
			var err error
			if t, err = r.open(); err != nil {
				r.failed(err)
				return nil
			}
		}
		if t = r.check(t, t.begin(item.params)); t == nil {
			return nil
		}
	}
	t.frag.Add(item.sample)
	r.progress(t, item.sample)
	if span, _ := t.frag.Pending(); span >= fragmentEvery {
		return r.check(t, t.cut(time.Now()))
	}
	return t
}

func (r *Recorder) progress(t *take, s media.Sample) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.status.Bytes == 0 && r.status.Duration == 0 {
		r.first = s.DTS
	}
	r.status.Duration = max(r.status.Duration, s.DTS-r.first)
	r.status.Bytes = t.whole
}

// check ends the recording on an error: what is there is kept.
func (r *Recorder) check(t *take, err error) *take {
	if err == nil {
		return t
	}
	r.failed(err)
	r.finish(t, err)
	return nil
}

func (r *Recorder) failed(err error) {
	r.store.log.Error("recording stopped", "stream", r.stream, "error", err)
	r.update(func(st *Status) { st.State, st.Err = Failed, newError(err) })
	r.queue.Starve()
}

// syncDone takes note of a sync; a failed one means that the disk lies.
func (r *Recorder) syncDone(err error) {
	if err != nil {
		r.store.log.Error("recording not synced", "stream", r.stream, "error", err)
		r.update(func(st *Status) {
			if st.Err == nil {
				st.Err = newError(err)
			}
		})
		return
	}
	r.mu.Lock()
	r.status.Synced = time.Now()
	r.mu.Unlock()
}

// finish closes a take and finalises it beside the recording that goes on.
func (r *Recorder) finish(t *take, cause error) {
	if cause == nil {
		r.update(func(st *Status) {
			if st.State == Running && r.queue.Closed() {
				st.State = Finalising
			}
		})
	}
	r.finals.Add(1)
	go func() {
		defer r.finals.Done()
		defer r.store.release(t.name)
		rec, err := r.finaliseTake(t)
		rec.Started = t.started
		rec.Err = errors.Join(cause, err)
		r.store.finished(rec)
		r.mu.Lock()
		defer r.mu.Unlock()
		r.result = errors.Join(r.result, rec.Err)
	}()
}

func (r *Recorder) finaliseTake(t *take) (Recording, error) {
	s := r.store
	if err := t.close(); err != nil {
		s.log.Error("recording not closed", "recording", t.name, "error", err)
	}
	rec, err := s.finalise(t.name)
	switch {
	case errors.Is(err, mp4.ErrEmpty):
		s.log.Warn("nothing was recorded", "recording", t.name)
		if rerr := os.Remove(s.path(t.name, partSuffix)); rerr != nil {
			err = errors.Join(err, rerr)
		}
	case err != nil:
		s.log.Error("recording not finalised", "recording", t.name, "error", err)
	default:
		s.log.Info("recording finished", "recording", t.name, "duration", rec.Duration, "bytes", rec.Size)
	}
	return rec, err
}

// update edits the status and tells onChange.
func (r *Recorder) update(edit func(*Status)) {
	r.mu.Lock()
	before := r.status
	edit(&r.status)
	now := r.status
	r.mu.Unlock()
	if r.change != nil && (before.State != now.State || before.Err != now.Err) {
		r.change(now)
	}
}
