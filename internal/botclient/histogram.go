package botclient

import (
	"math/bits"
	"time"
)

// Histogram counts durations in buckets of about 6 % width, from a quarter of a
// millisecond to a quarter of a minute; what lies outside counts at the end. Its
// zero value is empty.
type Histogram struct {
	Count  uint64
	Max    time.Duration
	counts [histogramOctaves * histogramSteps]uint32
}

const (
	histogramFirst   = 8 // log2 of the first bucket's µs
	histogramOctaves = 16
	histogramSteps   = 16
)

// Add counts one duration.
func (h *Histogram) Add(d time.Duration) {
	h.counts[bucket(d)]++
	h.Count++
	h.Max = max(h.Max, d)
}

// Merge adds another's counts.
func (h *Histogram) Merge(other *Histogram) {
	for i, n := range other.counts {
		h.counts[i] += n
	}
	h.Count += other.Count
	h.Max = max(h.Max, other.Max)
}

// Since returns what was added after an earlier copy was taken.
func (h *Histogram) Since(earlier *Histogram) Histogram {
	d := *h
	for i, n := range earlier.counts {
		d.counts[i] -= n
	}
	d.Count -= earlier.Count
	return d
}

// Quantile returns the duration below which a share of all lies; zero of nothing.
func (h *Histogram) Quantile(share float64) time.Duration {
	rank := uint64(share * float64(h.Count))
	for i, n := range h.counts {
		if uint64(n) > rank {
			octave, step := i/histogramSteps, i%histogramSteps
			us := (float64(step)+0.5)/histogramSteps + 1
			return min(time.Duration(us*float64(int64(1)<<(octave+histogramFirst)))*time.Microsecond, h.Max)
		}
		rank -= uint64(n)
	}
	return h.Max
}

func bucket(d time.Duration) int {
	us := uint64(max(d.Microseconds(), 0))
	if us < 1<<histogramFirst {
		return 0
	}
	octave := bits.Len64(us) - 1 - histogramFirst
	if octave >= histogramOctaves {
		return histogramOctaves*histogramSteps - 1
	}
	step := us >> (octave + histogramFirst - 4) & (histogramSteps - 1)
	return octave*histogramSteps + int(step)
}
