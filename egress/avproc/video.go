package avproc

import (
	"log/slog"

	"github.com/meetcast/meetcast/egress/media"
)

// VideoOutput takes what a VideoEncoder makes, from one goroutine.
type VideoOutput interface {
	// VideoBegin comes before the first sample and after each restart of the
	// child; a key frame follows.
	VideoBegin(media.VideoParams)
	Video(media.Sample)
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
	encoder
	cfg VideoConfig
	out VideoOutput

	// Under mu.
	pool     *PicturePool
	pending  []numbered // ascending
	current  numbered   // the newest picture fed
	due      int64      // newest number asked for, -1 before the first
	nextFeed int64
	fed      []int64 // numbers in the child, by its own count from fedBase
	fedBase  int64
}

type numbered struct {
	pic *media.Picture
	n   int64
}

// NewVideoEncoder starts an encoder and its child.
func NewVideoEncoder(cfg VideoConfig, out VideoOutput, log *slog.Logger) *VideoEncoder {
	e := &VideoEncoder{cfg: cfg, out: out, pool: NewPicturePool(cfg.Width, cfg.Height), due: -1}
	e.start("video", Command{Path: cfg.FFmpeg, Args: videoArgs(cfg), Nice: cfg.Nice, Logger: log}, e)
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

func (e *VideoEncoder) beginLocked() {
	e.nextFeed = e.nextOut // what died in the child before is encoded again
	e.fed, e.fedBase = e.fed[:0], 0
}

func (e *VideoEncoder) overLocked(error) bool { return e.drain && e.nextOut > e.due }

func (e *VideoEncoder) waitingLocked() bool { return e.due >= e.nextOut }

func (e *VideoEncoder) lagLocked() int64 { return e.due + 1 - e.nextOut }

// feed implements medium: it writes one picture for each number that is due.
func (e *VideoEncoder) feed(child *Child) bool {
	for {
		pic, ok := e.nextPicture(child)
		if !ok {
			child.In.Close()
			return e.allFed(child)
		}
		for _, plane := range [][]byte{pic.Y, pic.U, pic.V} {
			if _, err := child.In.Write(plane); err != nil {
				return false
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
