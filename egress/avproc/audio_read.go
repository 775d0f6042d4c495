package avproc

import (
	"fmt"
	"math"
	"time"

	"github.com/meetcast/meetcast/egress/media"
)

// read implements medium.
func (e *AudioEncoder) read(child *Child) error {
	r := NewNUTReader(child.Out)
	begun := false
	var first int64
	for {
		f, err := r.Next()
		if err != nil {
			return err
		}
		s := r.Streams[f.Stream]
		data := make([]byte, f.Size)
		if err := r.ReadData(data); err != nil {
			return err
		}
		ticks := int64(math.Round(float64(f.PTS) * float64(s.Num) / float64(s.Den) * media.SampleRate))
		if !begun {
			params := media.AudioParams{SampleRate: media.SampleRate, Channels: media.Channels}
			if e.format == AAC {
				if len(s.Extradata) < 2 {
					return fmt.Errorf("%w: no audio config", ErrBadNUT)
				}
				// Two bytes say AAC-LC; what may follow only denies SBR.
				params.Config = s.Extradata[:2:2]
			}
			e.out.AudioBegin(params)
			begun, first = true, ticks
		}
		n, ok := e.numberOf(ticks - first)
		if !ok {
			continue
		}
		pts := samplesTime(n * e.frame)
		e.out.Audio(media.Sample{Kind: media.Audio, PTS: pts, DTS: pts, Key: true, Data: data})
	}
}

// samplesTime is how long so many samples of one channel last; unlike a plain
// product it does not overflow after two days.
func samplesTime(n int64) time.Duration {
	const rate = media.SampleRate
	return time.Duration(n/rate)*time.Second + time.Duration(n%rate)*time.Second/rate
}

// numberOf turns the child's time into the number of a packet. The first AAC
// frame of a child is the encoder's delay and holds nothing.
func (e *AudioEncoder) numberOf(ticks int64) (int64, bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	pos := e.origin + ticks - e.format.lead()
	n := pos / e.frame
	if pos < 0 || n < e.nextOut || (n+1)*e.frame > e.end+e.frame {
		return 0, false
	}
	e.nextOut = n + 1
	e.stats.Out++
	return n, true
}
