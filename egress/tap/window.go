package tap

import "time"

// windowMin is the smallest of the values of the last windowBuckets-1 to
// windowBuckets seconds. The zero value is empty.
type windowMin struct {
	buckets [windowBuckets]time.Duration
	filled  [windowBuckets]bool
	second  int64
}

const windowBuckets = 8

// add takes a value at a time that does not go back.
func (w *windowMin) add(now, v time.Duration) {
	w.turn(now)
	i := w.second % windowBuckets
	if !w.filled[i] || v < w.buckets[i] {
		w.buckets[i], w.filled[i] = v, true
	}
}

// turn empties the buckets that have become too old.
func (w *windowMin) turn(now time.Duration) {
	s := max(int64(now/time.Second), 0)
	for n := 0; w.second < s && n < windowBuckets; n++ {
		w.second++
		w.filled[w.second%windowBuckets] = false
	}
	w.second = max(s, w.second)
}

// min returns the smallest value, false when there is none.
func (w *windowMin) min() (time.Duration, bool) {
	var least time.Duration
	found := false
	for i, ok := range w.filled {
		if ok && (!found || w.buckets[i] < least) {
			least, found = w.buckets[i], true
		}
	}
	return least, found
}

// lateness is a fading histogram of how late media was ready after its capture,
// in steps of 10 ms.
type lateness struct {
	bins  [64]float64
	total float64
}

const latenessStep = 10 * time.Millisecond

func (l *lateness) add(v time.Duration) {
	i := min(max(int(v/latenessStep), 0), len(l.bins)-1)
	l.bins[i]++
	l.total++
}

// fade makes what is known count less; called a few times a second.
func (l *lateness) fade() {
	for i := range l.bins {
		l.bins[i] *= 0.94
	}
	l.total *= 0.94
}

// quantile returns the upper end of the step below which the share q lies,
// false while too little is known.
func (l *lateness) quantile(q float64) (time.Duration, bool) {
	if l.total < 5 {
		return 0, false
	}
	sum := 0.0
	for i, n := range l.bins {
		if sum += n; sum >= q*l.total {
			return time.Duration(i+1) * latenessStep, true
		}
	}
	return time.Duration(len(l.bins)) * latenessStep, true
}
