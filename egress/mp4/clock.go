package mp4

import (
	"time"

	"github.com/meetcast/meetcast/egress/media"
)

// ticks converts media time to a timescale, rounding to the nearest tick. It
// does not overflow within any broadcast's life.
func ticks(d time.Duration, scale int64) int64 {
	sec, rest := int64(d/time.Second), int64(d%time.Second)
	half := int64(time.Second) / 2
	if rest < 0 {
		half = -half
	}
	return sec*scale + (rest*scale+half)/int64(time.Second)
}

// duration is the inverse of ticks.
func duration(t, scale int64) time.Duration {
	return time.Duration(t/scale)*time.Second + time.Duration(t%scale)*time.Second/time.Duration(scale)
}

// aacFrame is the number of sound samples in an AAC-LC frame.
const aacFrame = 1024

// aacClock counts sound by samples. Timestamps that went through RTMP are
// rounded to milliseconds; the count has no such error, and is set right only
// when a timestamp is half a frame ahead of it, that is, when frames are missing.
type aacClock struct {
	rate    int64
	next    int64
	started bool
}

// maxAhead is how far the count may run ahead of the timestamps, in samples,
// before a frame is left out: a source that sends more sound than time passes.
const maxAhead = 4 * aacFrame

// at returns the decode time of the next frame in samples, and false when the
// frame must be left out.
func (c *aacClock) at(dts time.Duration) (int64, bool) {
	want := ticks(dts, c.rate)
	if !c.started || want-c.next > aacFrame/2 {
		c.started = true
		c.next = want
	}
	if c.next-want > maxAhead {
		return 0, false
	}
	now := c.next
	c.next += aacFrame
	return now, true
}

// Stamp is a sample's time on its track's timescale.
type Stamp struct{ DTS, PTS int64 }

// Timeline puts the samples of a programme on the timescales of their tracks:
// pictures on VideoScale, sound counted by samples. Pictures get times that
// strictly increase.
type Timeline struct {
	audio   aacClock
	started bool
	lastDTS int64
}

// NewTimeline returns the timeline of a programme from its first sample on.
func NewTimeline(p media.Params) *Timeline {
	t := &Timeline{}
	if p.Audio != nil {
		t.audio.rate = int64(p.Audio.SampleRate)
	}
	return t
}

// At returns the time of the next sample of its track, and false for a sample
// that must be left out.
func (t *Timeline) At(s media.Sample) (Stamp, bool) {
	if s.Kind == media.Audio {
		dts, ok := t.audio.at(s.DTS)
		return Stamp{DTS: dts, PTS: dts}, ok
	}
	dts := ticks(s.DTS, VideoScale)
	if t.started && dts <= t.lastDTS {
		dts = t.lastDTS + 1
	}
	t.started, t.lastDTS = true, dts
	return Stamp{DTS: dts, PTS: max(dts, ticks(s.PTS, VideoScale))}, true
}
