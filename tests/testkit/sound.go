package testkit

import (
	"math"
	"slices"
	"time"
)

// Tone returns the amplitude of a frequency in the sound, 0..1, by Goertzel's
// algorithm over blocks of 50 ms: the median, so that a short gap or click does
// not decide.
func Tone(pcm []float32, frequency float64) float64 {
	const block = sampleRate / 20
	var levels []float64
	for at := 0; at+block <= len(pcm); at += block {
		levels = append(levels, goertzel(pcm[at:at+block], frequency))
	}
	return median(levels)
}

// goertzel returns the amplitude of one frequency in one block, with a Hann
// window so that a loud neighbour does not leak.
func goertzel(pcm []float32, frequency float64) float64 {
	n := float64(len(pcm))
	coefficient := 2 * math.Cos(2*math.Pi*frequency/sampleRate)
	var s1, s2 float64
	for i, x := range pcm {
		window := 0.5 - 0.5*math.Cos(2*math.Pi*float64(i)/n)
		s1, s2 = float64(x)*window+coefficient*s1-s2, s1
	}
	power := s1*s1 + s2*s2 - coefficient*s1*s2
	return 4 * math.Sqrt(max(power, 0)) / n // 2/n, and the window halves
}

// Beeps returns when a tone begins, to about 5 ms, counted from the first
// sample. A tone that sounds from the start does not count as beginning.
func Beeps(pcm []float32, frequency float64) []time.Duration {
	const window, step = sampleRate / 100, sampleRate / 400 // 10 ms, 2.5 ms
	var levels []float64
	for at := 0; at+window <= len(pcm); at += step {
		levels = append(levels, goertzel(pcm[at:at+window], frequency))
	}
	// Half of the loudest is the threshold: the window is half over the edge.
	var starts []time.Duration
	for _, i := range risingEdges(levels) {
		starts = append(starts, time.Duration(i*step+window/2)*time.Second/sampleRate)
	}
	return starts
}

// Flashes returns when a tile turns white.
func Flashes(frames []TimedFrame, tile Rect) []time.Duration {
	var levels []float64
	for _, f := range frames {
		r, g, b := f.Mean(tile.Part(0.2, 0.12, 0.6, 0.16))
		levels = append(levels, min(r, g, b)) // a colour is never white in all
	}
	var starts []time.Duration
	for _, i := range risingEdges(levels) {
		starts = append(starts, frames[i].At)
	}
	return starts
}

// risingEdges finds where a level comes over half of its range and stays below
// before: the indexes of the first high values.
func risingEdges(levels []float64) []int {
	if len(levels) == 0 {
		return nil
	}
	high, low := slices.Max(levels), slices.Min(levels)
	var edges []int
	up := levels[0] > (high+low)/2
	for i, l := range levels {
		switch {
		case !up && l > low+(high-low)*0.5:
			up = true
			edges = append(edges, i)
		case up && l < low+(high-low)*0.3:
			up = false
		}
	}
	return edges
}

// Offset returns the median of the times from each flash to the nearest beep:
// positive when sound is late. It returns false without a pair nearer than a
// second.
func Offset(flashes, beeps []time.Duration) (time.Duration, bool) {
	var offsets []float64
	for _, f := range flashes {
		best := time.Hour
		for _, b := range beeps {
			if d := b - f; d.Abs() < best.Abs() {
				best = d
			}
		}
		if best.Abs() < time.Second {
			offsets = append(offsets, float64(best))
		}
	}
	if len(offsets) == 0 {
		return 0, false
	}
	return time.Duration(median(offsets)), true
}

// median returns the middle value, zero of nothing.
func median(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	values = slices.Clone(values)
	slices.Sort(values)
	return values[len(values)/2]
}
