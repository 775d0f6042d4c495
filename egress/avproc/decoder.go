package avproc

import (
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/meetcast/meetcast/egress/media"
)

// DecoderHandler takes what a Decoder makes. Its methods are called from the
// decoder's goroutines and must not block.
type DecoderHandler interface {
	// Picture brings a decoded picture and the timestamp its frame was written
	// with. The handler gives it back with Decoder.Release.
	Picture(p *media.Picture, pts time.Duration)
	// NeedKey tells that the decoder can go on with a key frame only: it has
	// just been (re)started or has dropped frames.
	NeedKey()
}

// DecoderStats counts what a decoder did.
type DecoderStats struct {
	Starts   uint64 // children started
	Crashes  uint64 // children that ended without being asked
	Frames   uint64 // frames written to a child
	Pictures uint64 // pictures that came back
	Overflow uint64 // frames dropped because the child was too slow
	NoKey    uint64 // frames dropped while waiting for a key frame
}

// The bounds of a decoder.
const (
	maxQueuedFrames = 90
	maxQueuedBytes  = 4 << 20
)

// Decoder decodes one stream of video frames in a child process, scaled to one
// size. A child that dies is replaced; until the next key frame there are no
// pictures then.
type Decoder struct {
	cfg  DecodeConfig
	h    DecoderHandler
	log  *slog.Logger
	pool *PicturePool

	// Under mu: the queue towards the child.
	mu      sync.Mutex
	queue   []queuedFrame
	bytes   int
	free    [][]byte
	waitKey bool
	lastPTS time.Duration
	child   *Child
	closed  bool
	wake    chan struct{} // capacity 1

	stop chan struct{}
	done chan struct{}

	starts, crashes, frames, pictures, overflow, noKey atomic.Uint64
	lastPicture                                        atomic.Int64 // Unix nanoseconds
}

type queuedFrame struct {
	data []byte
	pts  time.Duration
}

// NewDecoder starts a decoder; the child starts with the first key frame.
func NewDecoder(cfg DecodeConfig, h DecoderHandler, log *slog.Logger) *Decoder {
	d := &Decoder{
		cfg: cfg, h: h, log: log, pool: NewPicturePool(cfg.Width, cfg.Height),
		waitKey: true, wake: make(chan struct{}, 1),
		stop: make(chan struct{}), done: make(chan struct{}),
	}
	go d.run()
	return d
}

// Config returns what the decoder was made with.
func (d *Decoder) Config() DecodeConfig { return d.cfg }

// Write queues one encoded frame (H.264 in Annex B form) with its timestamp,
// which must grow; data is copied. It never blocks: when the child is too slow
// everything queued is dropped and the decoder waits for a key frame.
func (d *Decoder) Write(data []byte, pts time.Duration, key bool) {
	d.mu.Lock()
	needKey := false
	switch {
	case d.closed:
	case d.waitKey && !key:
		d.noKey.Add(1)
	case len(d.queue) >= maxQueuedFrames || d.bytes+len(data) > maxQueuedBytes:
		d.overflow.Add(uint64(len(d.queue) + 1))
		d.dropLocked()
		needKey = true
	default:
		d.waitKey = false
		d.lastPTS = max(pts, d.lastPTS+time.Microsecond)
		buf := append(d.bufferLocked(), data...)
		d.queue = append(d.queue, queuedFrame{buf, d.lastPTS})
		d.bytes += len(buf)
	}
	d.mu.Unlock()
	if needKey {
		d.h.NeedKey()
	}
	select {
	case d.wake <- struct{}{}:
	default:
	}
}

// Release gives a picture back.
func (d *Decoder) Release(p *media.Picture) { d.pool.Put(p) }

// Stats returns the counters.
func (d *Decoder) Stats() DecoderStats {
	return DecoderStats{
		Starts: d.starts.Load(), Crashes: d.crashes.Load(), Frames: d.frames.Load(),
		Pictures: d.pictures.Load(), Overflow: d.overflow.Load(), NoKey: d.noKey.Load(),
	}
}

// PID of the child, 0 when none runs.
func (d *Decoder) PID() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.child == nil {
		return 0
	}
	return d.child.PID()
}

// Close ends the child and waits for the goroutines; no handler method is
// called afterwards. It is idempotent.
func (d *Decoder) Close() {
	d.mu.Lock()
	if !d.closed {
		d.closed = true
		close(d.stop)
		if d.child != nil {
			d.child.Kill()
		}
	}
	d.mu.Unlock()
	<-d.done
}

func (d *Decoder) bufferLocked() []byte {
	if n := len(d.free); n > 0 {
		b := d.free[n-1]
		d.free = d.free[:n-1]
		return b[:0]
	}
	return nil
}

// dropLocked empties the queue and waits for a key frame.
func (d *Decoder) dropLocked() {
	for _, f := range d.queue {
		d.recycleLocked(f.data)
	}
	d.queue, d.bytes, d.waitKey = d.queue[:0], 0, true
}

func (d *Decoder) recycleLocked(b []byte) {
	if len(d.free) < maxQueuedFrames {
		d.free = append(d.free, b)
	}
}

// take waits for the next queued frame; false when the decoder or the child
// has ended.
func (d *Decoder) take(ended <-chan struct{}) (queuedFrame, bool) {
	for {
		d.mu.Lock()
		if len(d.queue) > 0 && !d.closed {
			f := d.queue[0]
			copy(d.queue, d.queue[1:])
			d.queue = d.queue[:len(d.queue)-1]
			d.bytes -= len(f.data)
			d.mu.Unlock()
			return f, true
		}
		d.mu.Unlock()
		select {
		case <-d.wake:
		case <-ended:
			return queuedFrame{}, false
		case <-d.stop:
			return queuedFrame{}, false
		}
	}
}
