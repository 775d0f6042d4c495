// Package layer chooses simulcast layers by the size at which a picture is shown.
package layer

import "github.com/meetcast/meetcast/sfu/track"

// Tolerance is by how much a picture may be stretched before the next larger
// layer is worth its bits.
const Tolerance = 1.2

// Choose returns the position in layers (lowest first) of the smallest layer
// that covers the wanted size, the highest when none does. Only active layers
// count as long as one is active; the size of a layer that is not known yet is
// guessed from its neighbours. It returns -1 when nothing is wanted or there is
// no layer.
func Choose(layers []track.Layer, want track.Size) int {
	if len(layers) == 0 || want.Width <= 0 || want.Height <= 0 {
		return -1
	}
	best := -1
	for i, l := range layers {
		if !l.Active && anyActive(layers) {
			continue
		}
		best = i
		if covers(guess(layers, i), want) {
			break
		}
	}
	return best
}

func anyActive(layers []track.Layer) bool {
	for _, l := range layers {
		if l.Active {
			return true
		}
	}
	return false
}

// covers tells whether a picture of size s fits into want without being
// stretched by more than the tolerance.
func covers(s, want track.Size) bool {
	if s.Width == 0 || s.Height == 0 {
		return false
	}
	scale := min(float64(want.Width)/float64(s.Width), float64(want.Height)/float64(s.Height))
	return scale <= Tolerance
}

// guess returns the size of a layer; an unknown one is taken as half or double
// its nearest known neighbour, as simulcast layers usually are.
func guess(layers []track.Layer, i int) track.Size {
	if s := layers[i].Size; s.Width > 0 {
		return s
	}
	for d := 1; d < len(layers); d++ {
		if j := i - d; j >= 0 && layers[j].Size.Width > 0 {
			s := layers[j].Size
			return track.Size{Width: s.Width << d, Height: s.Height << d}
		}
		if j := i + d; j < len(layers) && layers[j].Size.Width > 0 {
			s := layers[j].Size
			return track.Size{Width: s.Width >> d, Height: s.Height >> d}
		}
	}
	return track.Size{}
}
