package downlink

import (
	"github.com/meetcast/meetcast/sfu/allocate"
	"github.com/meetcast/meetcast/sfu/forward"
	"github.com/meetcast/meetcast/sfu/packet"
	"github.com/meetcast/meetcast/sfu/track"
)

// halfMost is the part of a layer's rate that its base temporal layer may take to
// be a step of its own.
const halfMost = 0.85

// step is what a slot may be sent: a spatial layer, or of the lowest the base
// temporal layer alone, which is about half of it: pictures that are slower, where
// there would be none. That needs no key frame, neither way.
type step struct {
	layer    int
	temporal int // highest temporal layer
}

// ladder is the steps of one slot, the smallest first. It is a plain value that is
// used again.
type ladder struct {
	steps []step
	rates []int // bit/s
}

// build takes the layers that can be had.
func (l *ladder) build(layers []track.Layer) {
	l.steps, l.rates = l.steps[:0], l.rates[:0]
	idle := true
	for _, x := range layers {
		idle = idle && !x.Active
	}
	for i, x := range layers {
		if !x.Active && !idle {
			continue
		}
		rate := max(x.Bitrate, 1)
		if x.Bitrate == 0 {
			rate = guessedRates[min(i, len(guessedRates)-1)]
		}
		// Above the lowest layer the whole of the one below is better than half.
		if half := x.Temporal; len(l.steps) == 0 && len(half) > 1 && half[0] > 0 && float64(half[0]) < halfMost*float64(rate) {
			l.add(step{i, 0}, x.Temporal[0])
		}
		l.add(step{i, packet.AllTemporal}, rate)
	}
}

func (l *ladder) add(s step, rate int) {
	l.steps, l.rates = append(l.steps, s), append(l.rates, rate)
}

// highest returns the last step that is not above another one, allocate.Paused when
// there is none.
func (l *ladder) highest(than step) int {
	for i := len(l.steps) - 1; i >= 0 && than.layer >= 0; i-- {
		if s := l.steps[i]; s.layer < than.layer || s.layer == than.layer && s.temporal <= than.temporal {
			return i
		}
	}
	return allocate.Paused
}

// current returns the step that a slot is at.
func (l *ladder) current(d *forward.Down) int {
	now := step{d.Layer(), d.Temporal()}
	if now.temporal > 0 {
		now.temporal = packet.AllTemporal
	}
	if i := l.highest(now); i >= 0 || now.layer < 0 || len(l.steps) == 0 {
		return i
	}
	return 0 // a layer that has just ended, or half of one that has no halves now
}

// layer returns the spatial layer of a step, -1 for allocate.Paused.
func (l *ladder) layer(i int) int {
	if i < 0 {
		return -1
	}
	return l.steps[i].layer
}

// compare adds to whether layers rise and fall. To resume is no rise, to pause a fall.
func (l *ladder) compare(current, chosen int, up, down bool) (bool, bool) {
	from, to := l.layer(current), l.layer(chosen)
	return up || from >= 0 && to > from, down || to < from
}

// hold takes from what is wanted all layers above the present one. What is paused
// may resume all the same.
func (l *ladder) hold(s *allocate.Stream) {
	if s.Current >= 0 {
		s.Wanted = min(s.Wanted, l.highest(step{l.layer(s.Current), packet.AllTemporal}))
	}
}

// set lets a slot go to a step. On the way to a lower layer it is sent but half of
// the present one, and nothing when that floods the path: the key frame that it
// waits for would come late. A lower spatial layer of the same stream waits for none.
func (l *ladder) set(d *forward.Down, to int, flooded bool) {
	if to < 0 {
		d.SetLayer(allocate.Paused)
		return
	}
	s, now := l.steps[to], d.Layer()
	lower := now >= 0 && s.layer < now && !d.Within(s.layer)
	if lower && flooded {
		d.SetLayer(allocate.Paused)
	}
	if lower {
		d.SetTemporal(0)
	} else {
		d.SetTemporal(s.temporal)
	}
	d.SetLayer(s.layer)
}
