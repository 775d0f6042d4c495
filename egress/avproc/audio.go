package avproc

import (
	"encoding/binary"
	"log/slog"
	"math"

	"github.com/meetcast/meetcast/egress/media"
)

// AudioOutput takes what an AudioEncoder makes, from one goroutine.
type AudioOutput interface {
	AudioBegin(media.AudioParams) // before the first sample and after each restart
	Audio(media.Sample)
}

const (
	audioRing = 10 * media.SampleRate // samples kept for a restarted child
	feedChunk = 960                   // samples written to the child at once: 20 ms
)

// AudioEncoder encodes sound that is counted by the output clock. AAC frame n
// has PTS n*1024/48000 and holds exactly these samples; an Opus packet n has PTS
// n*960/48000. What a dying child had not given back yet is encoded again by the
// next one, so a crash is inaudible.
type AudioEncoder struct {
	encoder
	out    AudioOutput
	format AudioFormat
	frame  int64 // samples of one channel in a packet

	// Under mu; positions count samples of one channel from the beginning.
	ring    []float32
	end     int64 // samples written so far
	feedPos int64
	origin  int64 // position of the first sample fed to this child
}

// NewAudioEncoder starts an encoder and its child.
func NewAudioEncoder(cfg AudioConfig, out AudioOutput, log *slog.Logger) *AudioEncoder {
	e := &AudioEncoder{out: out, format: cfg.Format, frame: cfg.Format.frame(),
		ring: make([]float32, audioRing*media.Channels), end: cfg.Start}
	e.nextOut = cfg.Start / e.frame
	e.start("audio", Command{Path: cfg.FFmpeg, Args: audioArgs(cfg), Nice: cfg.Nice, Logger: log}, e)
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

func (e *AudioEncoder) beginLocked() {
	// One frame of run-up, so that the next frame overlaps with its real
	// predecessor.
	e.origin = max(0, (e.nextOut-1)*e.frame)
	e.feedPos = e.origin
}

func (e *AudioEncoder) overLocked(err error) bool { return e.drain && err == nil }

func (e *AudioEncoder) waitingLocked() bool { return e.end-e.nextOut*e.frame > 8*e.frame }

func (e *AudioEncoder) lagLocked() int64 { return e.end/e.frame - e.nextOut }

// feed implements medium.
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
			return e.allFed(child)
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
		next := (e.end/e.frame - 1) * e.frame
		e.stats.Skipped += uint64((next - e.feedPos) / e.frame)
		e.origin += next - e.feedPos
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
