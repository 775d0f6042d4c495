package avproc

import (
	"context"
	"encoding/binary"
	"fmt"
	"log/slog"
	"math"
	"sync"
	"time"

	"github.com/meetcast/meetcast/egress/media"
)

// AudioOutput takes what an AudioEncoder makes, from one goroutine.
type AudioOutput interface {
	AudioBegin(media.AudioParams) // before the first sample and after each restart
	Audio(media.Sample)
}

const (
	aacFrame  = 1024                  // samples of an AAC-LC frame, and of its encoder delay
	audioRing = 10 * media.SampleRate // samples kept for a restarted child
	feedChunk = 960                   // samples written to the child at once: 20 ms
)

// AudioEncoder encodes sound that is counted by the output clock. AAC frame n
// has PTS n*1024/48000 and holds exactly these samples. What a dying child had
// not given back yet is encoded again by the next one, so a crash is inaudible.
type AudioEncoder struct {
	cfg AudioConfig
	out AudioOutput
	log *slog.Logger

	// Under mu; positions count samples of one channel from the beginning.
	mu      sync.Mutex
	cond    *sync.Cond
	ring    []float32
	end     int64 // samples written so far
	feedPos int64
	start   int64 // position of the first sample fed to this child
	nextOut int64 // number of the next AAC frame
	child   *Child
	drain   bool
	closed  bool
	stats   EncoderStats

	stop chan struct{}
	done chan struct{}
}

// NewAudioEncoder starts an encoder and its child.
func NewAudioEncoder(cfg AudioConfig, out AudioOutput, log *slog.Logger) *AudioEncoder {
	e := &AudioEncoder{
		cfg: cfg, out: out, log: log, ring: make([]float32, audioRing*media.Channels),
		stop: make(chan struct{}), done: make(chan struct{}),
	}
	e.cond = sync.NewCond(&e.mu)
	go e.run()
	return e
}

// Write appends interleaved stereo samples. It never blocks: the ring holds ten
// seconds, and what a child could not take by then is lost and counted.
func (e *AudioEncoder) Write(pcm []float32) {
	e.mu.Lock()
	defer e.mu.Unlock()
	at := int(e.end % audioRing * media.Channels)
	for len(pcm) > 0 {
		n := copy(e.ring[at:], pcm)
		pcm = pcm[n:]
		at = (at + n) % len(e.ring)
		e.end += int64(n / media.Channels)
	}
	e.cond.Broadcast()
}

// Stats returns the counters.
func (e *AudioEncoder) Stats() EncoderStats {
	e.mu.Lock()
	defer e.mu.Unlock()
	s := e.stats
	s.Lag = e.end/aacFrame - e.nextOut
	return s
}

// PID of the child, 0 when none runs.
func (e *AudioEncoder) PID() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.child == nil {
		return 0
	}
	return e.child.PID()
}

// Close encodes what was written and ends the child; at the end of ctx it kills
// it. It waits, and is idempotent.
func (e *AudioEncoder) Close(ctx context.Context) {
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

func (e *AudioEncoder) run() {
	defer close(e.done)
	var again restart
	for {
		before := e.Stats().Out
		err := e.encode()
		e.mu.Lock()
		over := e.closed || e.drain && err == nil
		if !over {
			e.stats.Crashes++
			e.stats.LastErr = fmt.Sprint(err)
		}
		e.mu.Unlock()
		if over {
			return
		}
		e.log.Warn("audio encoder child ended", "err", err)
		select {
		case <-time.After(again.after(e.Stats().Out > before)):
		case <-e.stop:
			return
		}
	}
}

// encode runs one child to its end; nil when it ended because it was drained.
func (e *AudioEncoder) encode() error {
	child, err := Start(Command{Path: e.cfg.FFmpeg, Args: audioArgs(e.cfg), Nice: e.cfg.Nice, Logger: e.log})
	if err != nil {
		return err
	}
	e.mu.Lock()
	e.stats.Starts++
	e.child = child
	// One frame of run-up, so that the next frame overlaps with its real
	// predecessor.
	e.start = max(0, (e.nextOut-1)*aacFrame)
	e.feedPos = e.start
	if e.closed {
		child.Kill()
	}
	e.mu.Unlock()

	fed := make(chan bool, 1)
	go func() { fed <- e.feed(child) }()
	watched := make(chan struct{})
	go e.watch(child, watched)
	readErr := e.read(child)
	e.mu.Lock()
	e.child = nil
	e.cond.Broadcast()
	e.mu.Unlock()
	child.finish(readErr)
	drained := <-fed
	<-watched
	if drained && child.ok() {
		return nil
	}
	if err := child.Err(); err != nil {
		return err
	}
	return readErr
}

// feed writes samples to the child until it ends; true when everything was
// written and no more will come.
func (e *AudioEncoder) feed(child *Child) bool {
	buf := make([]byte, 0, feedChunk*media.Channels*4)
	for {
		var more bool
		buf, more = e.nextSamples(child, buf[:0])
		if len(buf) > 0 {
			if _, err := child.In.Write(buf); err != nil {
				return false
			}
		}
		if !more {
			child.In.Close()
			e.mu.Lock()
			defer e.mu.Unlock()
			return e.drain && e.child == child
		}
	}
}

// nextSamples waits for samples and appends at most a chunk of them to buf;
// false when none will follow.
func (e *AudioEncoder) nextSamples(child *Child, buf []byte) ([]byte, bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for e.feedPos >= e.end && !e.drain && !e.closed && e.child == child {
		e.cond.Wait()
	}
	if e.feedPos >= e.end || e.closed || e.child != child {
		return buf, false
	}
	if oldest := e.end - audioRing; e.feedPos < oldest {
		// Overrun: go on at a whole frame, as if the child began there.
		next := (e.end/aacFrame - 1) * aacFrame
		e.stats.Skipped += uint64((next - e.feedPos) / aacFrame)
		e.start += next - e.feedPos
		e.feedPos = next
	}
	n := min(e.end-e.feedPos, feedChunk)
	for i := range n {
		at := int((e.feedPos + i) % audioRing * media.Channels)
		buf = binary.LittleEndian.AppendUint32(buf, math.Float32bits(e.ring[at]))
		buf = binary.LittleEndian.AppendUint32(buf, math.Float32bits(e.ring[at+1]))
	}
	e.feedPos += n
	return buf, true
}

// watch kills a child that takes sound and gives nothing.
func (e *AudioEncoder) watch(child *Child, watched chan<- struct{}) {
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
		out, waiting := e.nextOut, e.end-e.nextOut*aacFrame > 8*aacFrame
		e.mu.Unlock()
		if out != last || !waiting {
			last, since = out, time.Now()
		} else if time.Since(since) > stallAfter {
			e.log.Warn("audio encoder child stalls")
			child.Kill()
		}
	}
}
