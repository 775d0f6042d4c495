package avproc

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/meetcast/meetcast/egress/media"
)

// VideoOutput takes what a VideoEncoder makes, from one goroutine.
type VideoOutput interface {
	// VideoBegin comes before the first sample and after each restart of the
	// child; a key frame follows.
	VideoBegin(media.VideoParams)
	Video(media.Sample)
}

// EncoderStats counts what an encoder did.
type EncoderStats struct {
	Starts     uint64 // children started
	Crashes    uint64 // children that ended without being asked
	Out        uint64 // samples
	Duplicated uint64 // pictures encoded again because their own was not there
	Skipped    uint64 // pictures left out because the child was too far behind
	Lag        int64  // pictures (or AAC frames) between the clock and the newest sample
	LastErr    string // how the last child ended
}

// pendingPictures bounds the pictures that wait for the child. When more come,
// the newest replaces the last one.
const pendingPictures = 4

// maxLag is how far the child may be behind the clock, seconds, before numbers
// are left out. A repeated picture costs the encoder next to nothing, so a child
// that is too slow for moving pictures catches up by what it repeats: in effect
// the picture rate falls, and the timestamps stay whole.
const maxLag = 10

// VideoEncoder encodes pictures that are numbered by the output clock. Every
// number up to the newest comes out exactly once, in order, with PTS n/FPS:
// after a crash of the child the lost numbers are encoded again from the newest
// picture. Only when the child is more than maxLag behind are numbers left out,
// and counted.
type VideoEncoder struct {
	cfg VideoConfig
	out VideoOutput
	log *slog.Logger

	// Under mu.
	mu       sync.Mutex
	cond     *sync.Cond
	pool     *PicturePool
	pending  []numbered // ascending
	current  numbered   // the newest picture fed
	due      int64      // newest number asked for, -1 before the first
	nextFeed int64
	fed      []int64 // numbers in the child, by its own count from fedBase
	fedBase  int64
	nextOut  int64 // number of the next sample
	child    *Child
	drain    bool // no more pictures: finish
	closed   bool
	stats    EncoderStats

	stop chan struct{}
	done chan struct{}
}

type numbered struct {
	pic *media.Picture
	n   int64
}

// NewVideoEncoder starts an encoder and its child.
func NewVideoEncoder(cfg VideoConfig, out VideoOutput, log *slog.Logger) *VideoEncoder {
	e := &VideoEncoder{
		cfg: cfg, out: out, log: log, pool: NewPicturePool(cfg.Width, cfg.Height),
		due: -1, stop: make(chan struct{}), done: make(chan struct{}),
	}
	e.cond = sync.NewCond(&e.mu)
	go e.run()
	return e
}

// Write hands over picture number n, larger than the number before; the picture
// is copied. It never blocks.
func (e *VideoEncoder) Write(pic *media.Picture, n int64) {
	e.mu.Lock()
	var to *media.Picture
	if len(e.pending) < pendingPictures {
		to = e.pool.Get()
	} else {
		to = e.pending[len(e.pending)-1].pic
		e.pending = e.pending[:len(e.pending)-1]
	}
	e.mu.Unlock()
	copyPicture(to, pic) // the writer is the only one who adds
	e.mu.Lock()
	e.pending = append(e.pending, numbered{to, n})
	e.due = n
	e.cond.Broadcast()
	e.mu.Unlock()
}

// Stats returns the counters.
func (e *VideoEncoder) Stats() EncoderStats {
	e.mu.Lock()
	defer e.mu.Unlock()
	s := e.stats
	s.Lag = e.due + 1 - e.nextOut
	return s
}

// PID of the child, 0 when none runs.
func (e *VideoEncoder) PID() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.child == nil {
		return 0
	}
	return e.child.PID()
}

// Close encodes what was written and ends the child; at the end of ctx it kills
// it. It waits, and is idempotent.
func (e *VideoEncoder) Close(ctx context.Context) {
	e.mu.Lock()
	e.drain = true
	e.cond.Broadcast()
	e.mu.Unlock()
	select {
	case <-e.done:
		return
	case <-ctx.Done():
	}
	e.mu.Lock()
	if !e.closed {
		e.closed = true
		close(e.stop)
		if e.child != nil {
			e.child.Kill()
		}
		e.cond.Broadcast()
	}
	e.mu.Unlock()
	<-e.done
}

// finishedLocked tells that nothing is left to encode.
func (e *VideoEncoder) finishedLocked() bool {
	return e.closed || e.drain && e.nextOut > e.due
}

func (e *VideoEncoder) run() {
	defer close(e.done)
	var again restart
	for {
		before := e.Stats().Out
		err := e.encode()
		e.mu.Lock()
		over := e.finishedLocked()
		if !over {
			e.stats.Crashes++
			e.stats.LastErr = fmt.Sprint(err)
		}
		e.mu.Unlock()
		if over {
			return
		}
		e.log.Warn("video encoder child ended", "err", err)
		select {
		case <-time.After(again.after(e.Stats().Out > before)):
		case <-e.stop:
			return
		}
	}
}

// encode runs one child to its end.
func (e *VideoEncoder) encode() error {
	child, err := Start(Command{Path: e.cfg.FFmpeg, Args: videoArgs(e.cfg), Nice: e.cfg.Nice, Logger: e.log})
	if err != nil {
		return err
	}
	e.mu.Lock()
	e.stats.Starts++
	e.child = child
	e.nextFeed = e.nextOut // what died in the child before is encoded again
	e.fed, e.fedBase = e.fed[:0], 0
	if e.closed {
		child.Kill()
	}
	e.mu.Unlock()

	fed := make(chan struct{})
	go e.feed(child, fed)
	watched := make(chan struct{})
	go e.watch(child, watched)
	readErr := e.read(child)
	e.mu.Lock()
	e.child = nil
	e.cond.Broadcast()
	e.mu.Unlock()
	child.finish(readErr)
	<-fed
	<-watched
	if err := child.Err(); err != nil {
		return err
	}
	return readErr
}

// feed writes pictures to the child, one for each number that is due.
func (e *VideoEncoder) feed(child *Child, fed chan<- struct{}) {
	defer close(fed)
	for {
		pic, ok := e.nextPicture(child)
		if !ok {
			child.In.Close()
			return
		}
		for _, plane := range [][]byte{pic.Y, pic.U, pic.V} {
			if _, err := child.In.Write(plane); err != nil {
				return
			}
		}
	}
}

// nextPicture waits until a number is due and returns what to encode for it;
// false when the child has ended or there is no more to come. The picture stays
// valid until the next call.
func (e *VideoEncoder) nextPicture(child *Child) (*media.Picture, bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for e.nextFeed > e.due && !e.drain && !e.closed && e.child == child {
		e.cond.Wait()
	}
	if e.nextFeed > e.due || e.closed || e.child != child {
		return nil, false
	}
	if e.due-e.nextFeed > int64(maxLag*e.cfg.FPS) {
		e.stats.Skipped += uint64(e.due - e.nextFeed)
		e.nextFeed = e.due
	}
	n := e.nextFeed
	e.nextFeed++
	for len(e.pending) > 0 && (e.pending[0].n <= n || e.current.pic == nil) {
		e.pool.Put(e.current.pic)
		e.current = e.pending[0]
		copy(e.pending, e.pending[1:])
		e.pending = e.pending[:len(e.pending)-1]
	}
	if e.current.n != n {
		e.stats.Duplicated++
	}
	e.fed = append(e.fed, n)
	return e.current.pic, true
}

// watch kills a child that takes pictures and gives nothing.
func (e *VideoEncoder) watch(child *Child, watched chan<- struct{}) {
	defer close(watched)
	tick := time.NewTicker(stallAfter / 3)
	defer tick.Stop()
	last, since := int64(-1), time.Now()
	for {
		select {
		case <-child.Done():
			return
		case <-tick.C:
		}
		e.mu.Lock()
		out, waiting := e.nextOut, e.due >= e.nextOut
		e.mu.Unlock()
		if out != last || !waiting {
			last, since = out, time.Now()
		} else if time.Since(since) > stallAfter {
			e.log.Warn("video encoder child stalls")
			child.Kill()
		}
	}
}
