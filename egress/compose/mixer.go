package compose

import "math"

// The limiter of a Mixer.
const (
	ceiling = 0.891 // -1 dBFS: what the loudest moment may reach
	// release is how much of the way back to full gain a block of 10 ms goes.
	release = 0.02
)

// Mixer adds voices and keeps the sum below full scale without audible steps:
// the gain falls within the block that needs it and comes back over half a
// second. It is used by one goroutine.
type Mixer struct {
	gain float32 // of the limiter, 0 before the first block
}

// Limit brings the interleaved stereo sum of some voices below the ceiling.
func (m *Mixer) Limit(sum []float32) {
	if m.gain == 0 {
		m.gain = 1
	}
	const block = 480 * 2
	for len(sum) > 0 {
		n := min(block, len(sum))
		m.limitBlock(sum[:n])
		sum = sum[n:]
	}
}

func (m *Mixer) limitBlock(b []float32) {
	var peak float32
	for i, v := range b {
		if v != v || v > 64 || v < -64 { // a broken voice must not poison the sum
			b[i], v = 0, 0
		}
		peak = max(peak, v, -v)
	}
	target := m.gain + (1-m.gain)*release
	if peak*target > ceiling {
		target = ceiling / peak
	}
	if m.gain == 1 && target == 1 {
		return
	}
	// The gain moves over the first 2.5 ms; peaks that come sooner are rounded.
	const ramp = 120 * 2
	step := (target - m.gain) / ramp
	g := m.gain
	for i := range b {
		if i < ramp {
			g += step
		} else {
			g = target
		}
		b[i] = soft(b[i] * g)
	}
	m.gain = target
	if m.gain > 0.9999 {
		m.gain = 1
	}
}

// soft bends what is above the ceiling towards full scale instead of cutting it.
func soft(v float32) float32 {
	a := v
	if a < 0 {
		a = -a
	}
	if a <= ceiling {
		return v
	}
	over := float64(a-ceiling) / (1 - ceiling)
	a = ceiling + (1-ceiling)*float32(math.Tanh(over))
	if v < 0 {
		return -a
	}
	return a
}
