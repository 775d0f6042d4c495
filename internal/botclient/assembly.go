package botclient

import "slices"

// Bounds of what waits for a missing packet: older ones are dropped, as a jitter
// buffer that is full drops them.
const (
	maxPending = 128
	maxKeys    = 32
)

// assembly finds out when pictures are whole, as a jitter buffer does: in order,
// with all their packets, and after a loss only from a key frame on. Numbers are
// extended sequence numbers. It is a plain value without locks.
type assembly struct {
	pending []frame // whose last packet came, ascending
	keys    []int64 // first packets of key frames, ascending
	end     int64   // last packet of the last delivered picture
	broken  bool    // something was lost: wait for a key frame
	lostAt  int64   // the newest number given up
}

// frame is a picture as its last packet tells.
type frame struct {
	last   int64
	key    bool
	mark   mark
	marked bool
}

// keyStart notes the first packet of a key frame.
func (a *assembly) keyStart(number int64) {
	i, found := slices.BinarySearch(a.keys, number)
	if found || number <= a.end {
		return
	}
	a.keys = slices.Insert(a.keys, i, number)
	if len(a.keys) > maxKeys {
		a.keys = slices.Delete(a.keys, 0, 1)
	}
}

// complete notes the last packet of a picture.
func (a *assembly) complete(f frame) {
	i, found := slices.BinarySearchFunc(a.pending, f.last, func(p frame, n int64) int { return int(p.last - n) })
	if found || f.last <= a.end {
		return
	}
	a.pending = slices.Insert(a.pending, i, f)
	if len(a.pending) > maxPending {
		a.pending = slices.Delete(a.pending, 0, 1)
		a.lose(a.pending[0].last - 1)
	}
}

// lose notes that a number was given up.
func (a *assembly) lose(number int64) {
	if number > a.end {
		a.broken = true
		a.lostAt = max(a.lostAt, number)
	}
}

// reset forgets everything, as after a jump of the numbers.
func (a *assembly) reset(number int64) {
	a.pending, a.keys = a.pending[:0], a.keys[:0]
	a.end, a.broken, a.lostAt = number-1, false, 0
}

// next returns the next picture that can be shown, when everything below a
// number has come. A whole key frame beyond the gap goes first: what is before
// it is not needed any more, and skipped tells up to where.
func (a *assembly) next(missing []gap, highest int64) (f frame, skipped int64, ok bool) {
	low := highest + 1
	if len(missing) > 0 {
		low = missing[0].number
	}
	for len(a.pending) > 0 && a.pending[0].last < low {
		f := a.pending[0]
		a.pending = slices.Delete(a.pending, 0, 1)
		if a.take(&f) {
			return f, 0, true
		}
	}
	for i := range a.pending {
		start, ok := a.keyIn(i)
		if !ok || missingIn(missing, start, a.pending[i].last) {
			continue
		}
		f := a.pending[i]
		a.pending = slices.Delete(a.pending, 0, i+1)
		if a.take(&f) {
			return f, start, true
		}
	}
	return frame{}, 0, false
}

// take decides whether a whole picture decodes.
func (a *assembly) take(f *frame) bool {
	start := int64(0)
	for len(a.keys) > 0 && a.keys[0] <= f.last {
		start, f.key = a.keys[0], true
		a.keys = slices.Delete(a.keys, 0, 1)
	}
	a.end = f.last
	if a.broken && (!f.key || start <= a.lostAt) {
		return false
	}
	a.broken = false
	return true
}

// keyIn returns the first packet of the pending picture if it is a key frame.
func (a *assembly) keyIn(i int) (int64, bool) {
	from := a.end
	if i > 0 {
		from = a.pending[i-1].last
	}
	for _, k := range a.keys {
		if k > from && k <= a.pending[i].last {
			return k, true
		}
	}
	return 0, false
}

func missingIn(missing []gap, from, to int64) bool {
	return slices.ContainsFunc(missing, func(g gap) bool { return g.number >= from && g.number <= to })
}
