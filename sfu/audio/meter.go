// Package audio turns the audio levels that clients send in RTP header
// extensions (RFC 6464) into loudness per track and into a ranking of those
// who speak.
package audio

import (
	"math"
	"sync/atomic"
	"time"
)

const (
	// Range is how far below 0 dBov sound still counts, dB: the hum of a quiet
	// room lies below.
	Range = 70
	// attack and release are the time constants of the smoothing: a word is
	// noticed at once, the gap between two words is not.
	attack  = 60 * time.Millisecond
	release = 300 * time.Millisecond
	// silence is how long a track may send nothing before it counts as silent;
	// Opus with DTX sends one packet in 400 ms.
	silence = 500 * time.Millisecond
)

// Meter smooths the audio levels of one track. One goroutine observes, any may
// read. The zero Meter is silent.
type Meter struct {
	value atomic.Uint64 // math.Float64bits
	last  atomic.Int64  // Unix ns of the newest level, 0 before the first
}

// FromLevel maps a level in -dBov, as of RFC 6464 §3, onto loudness: 1 is
// 0 dBov, 0 is 70 dB below and everything softer, linear in dB between.
func FromLevel(level uint8) float64 {
	return max(0, 1-float64(level&0x7f)/Range)
}

// Observe takes the level of one packet, in -dBov.
func (m *Meter) Observe(now time.Time, level uint8) {
	v, target := m.Loudness(now), FromLevel(level)
	last := m.last.Swap(now.UnixNano())
	tau := release
	if target > v {
		tau = attack
	}
	dt := 20 * time.Millisecond // one Opus frame, for the first packet
	if last != 0 {
		dt = time.Duration(min(max(now.UnixNano()-last, 0), int64(time.Second)))
	}
	v += (target - v) * (1 - math.Exp(-float64(dt)/float64(tau)))
	m.value.Store(math.Float64bits(v))
}

// Loudness returns the smoothed loudness at a moment. It fades when no packet
// comes.
func (m *Meter) Loudness(now time.Time) float64 {
	v := math.Float64frombits(m.value.Load())
	last := m.last.Load()
	if last == 0 {
		return 0
	}
	idle := time.Duration(now.UnixNano()-last) - silence
	if idle <= 0 {
		return v
	}
	v *= math.Exp(-float64(idle) / float64(release))
	if v < 0.01 {
		return 0
	}
	return v
}
