package forward

import (
	"slices"
	"time"

	"github.com/meetcast/meetcast/sfu/track"
)

const (
	// demandHold is for how long a layer that nobody wants any more is still asked
	// for: turning pages back and forth must not stop and start encoders.
	demandHold = 2 * time.Second
	// demandHope is for how long a layer that was just asked for counts as there:
	// a signal to the page, its encoder's first frame, and the way back.
	demandHope = 3 * time.Second
)

// demand is whether anybody wants a lane, under Lane.stat.
type demand struct {
	paused  bool      // the publisher was told that nobody does
	wanted  time.Time // when somebody last did
	resumed time.Time // when the publisher was last told to go on
}

// hoped tells whether the lane was asked for so lately that it may yet come.
func (d *demand) hoped(now time.Time) bool {
	return !d.paused && !d.resumed.IsZero() && now.Sub(d.resumed) < demandHope
}

// update notes whether the lane is wanted now and tells whether the publisher
// must be told something else.
func (d *demand) update(now time.Time, wanted bool) bool {
	if wanted || d.wanted.IsZero() {
		d.wanted = now
	}
	switch {
	case d.paused && wanted:
		d.paused, d.resumed = false, now
		return true
	case !d.paused && now.Sub(d.wanted) >= demandHold:
		d.paused = true
		return true
	}
	return false
}

// look finds out which layers are wanted by anybody and tells when that changed.
func (t *Track) look(now time.Time) {
	if t.cfg.WantedChanged == nil || t.cfg.Info.Kind != track.Video {
		return
	}
	t.telling.Lock()
	defer t.telling.Unlock()
	t.mu.Lock()
	closed := t.closed
	t.mu.Unlock()
	if closed {
		return
	}
	var set uint32
	for _, d := range *t.downs.Load() {
		if w, ok := d.(track.Wanter); ok {
			set |= w.Wants()
		} else {
			set = 1<<MaxLayers - 1 // it does not tell: all
			break
		}
	}
	changed := false
	wanted := make([]string, 0, MaxLayers)
	for _, l := range t.lanes {
		changed = l.want(now, set) || changed
		if !l.paused() {
			wanted = append(wanted, l.rid)
		}
	}
	if changed {
		t.cfg.WantedChanged(slices.Clip(wanted))
	}
}

// want updates the demand for a lane from the set of wanted layers.
func (l *Lane) want(now time.Time, set uint32) bool {
	wanted := set>>l.index.Load()&1 != 0
	if l.alone {
		wanted = set != 0
	}
	l.stat.Lock()
	defer l.stat.Unlock()
	changed := l.demand.update(now, wanted)
	if changed && l.demand.paused {
		for i := range l.layers {
			l.layers[i].kept = max(l.layers[i].rate(now, maxTemporal), l.layers[i].kept/2)
		}
	}
	return changed
}

func (l *Lane) paused() bool {
	l.stat.Lock()
	defer l.stat.Unlock()
	return l.demand.paused
}
