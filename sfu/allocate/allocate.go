// Package allocate shares one subscriber's bandwidth among its video slots.
//
//	inputs ──> prioritise ──> everyone the lowest layer ──> improve loop
//
// It is a pure function of its inputs; what runs now is one of them, so that
// the result does not flap when the budget lies near a boundary.
package allocate

import (
	"cmp"
	"math"
	"slices"
)

// Paused is the layer of a stream that gets nothing.
const Paused = -1

// Margins by which the budget must exceed the price of something better than
// what runs now; and how far it may fall below the lowest layer of the most
// important stream before that is paused: nothing smaller can take its place.
const (
	climbMargin  = 1.10
	resumeMargin = 1.25
	holdMargin   = 0.60
)

// Stream is one video slot that wants something.
type Stream struct {
	// Screen goes before cameras: text that cannot be read is worth nothing.
	Screen bool
	// Area is the size at which the picture is shown, square pixels; larger
	// pictures go before smaller ones.
	Area int
	// Rates are the bitrates of the layers, lowest first, bit/s; 0 marks a layer
	// that is not sent now.
	Rates []int
	// Wanted is the layer that covers the size, Paused for none.
	Wanted int
	// Current is the layer that runs now, or Paused.
	Current int
}

// Allocate returns a layer, or Paused, for each stream, in their order.
func Allocate(budget int, streams []Stream) []int {
	a := allocation{left: float64(budget), streams: streams, level: make([]int, len(streams))}
	for i := range a.level {
		a.level[i] = Paused
	}
	order := prioritise(streams)
	for n, i := range order {
		if n > 0 || !a.hold(i) {
			a.raise(i)
		}
	}
	for _, i := range order {
		for streams[i].Screen && a.raise(i) {
		}
	}
	for raised := true; raised; {
		raised = false
		for _, i := range order {
			raised = a.raise(i) || raised
		}
	}
	return a.level
}

// Demand returns what all wanted layers together would take, bit/s.
func Demand(streams []Stream) int {
	sum := 0.0
	for i := range streams {
		if s := &streams[i]; s.Wanted >= 0 && s.Wanted < len(s.Rates) {
			sum += s.price(s.Wanted)
		}
	}
	return int(sum)
}

// Floor returns the budget that gives the most important streams their lowest
// layer, as many as trust (bit/s) pays for and one at least: what to begin with
// while nothing is known of the path.
func Floor(trust int, streams []Stream) int {
	sum := 0.0
	for _, i := range prioritise(streams) {
		s := &streams[i]
		l := s.next(Paused)
		if l < 0 {
			continue
		}
		price := s.price(l)
		if sum > 0 && sum+price > float64(trust) {
			break
		}
		sum += price
	}
	return int(math.Ceil(sum))
}

// prioritise orders the streams: screens, then large pictures, then as given.
func prioritise(streams []Stream) []int {
	order := make([]int, len(streams))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int {
		x, y := &streams[a], &streams[b]
		if x.Screen != y.Screen {
			if x.Screen {
				return -1
			}
			return 1
		}
		return cmp.Compare(y.Area, x.Area)
	})
	return order
}

// allocation is a division of the budget under way.
type allocation struct {
	left    float64
	streams []Stream
	level   []int
}

// hold keeps the lowest layer of a running stream although the budget is
// somewhat short, and tells whether it did; nothing is left for others then.
func (a *allocation) hold(i int) bool {
	s := &a.streams[i]
	l := s.next(Paused)
	if s.Current < 0 || l < 0 || s.price(l)*holdMargin > a.left {
		return false
	}
	a.left -= s.price(l)
	a.level[i] = l
	return true
}

// raise gives stream i its next layer when that is wanted and affordable.
func (a *allocation) raise(i int) bool {
	s := &a.streams[i]
	next := s.next(a.level[i])
	if next < 0 {
		return false
	}
	cost := s.price(next)
	if a.level[i] >= 0 {
		cost -= s.price(a.level[i])
	}
	if cost > a.left {
		return false
	}
	a.left -= cost
	a.level[i] = next
	return true
}

// next returns the layer above level that is sent, up to the wanted one, or -1.
func (s *Stream) next(level int) int {
	for l := level + 1; l <= s.Wanted && l < len(s.Rates); l++ {
		if s.Rates[l] > 0 {
			return l
		}
	}
	return -1
}

// price is what a layer takes from the budget: its rate, and a margin on what
// is better than now.
func (s *Stream) price(l int) float64 {
	rate := float64(s.Rates[l])
	switch {
	case s.Current < 0:
		return rate * resumeMargin
	case l > s.Current:
		return rate * climbMargin
	}
	return rate
}
