package rewrite

import "time"

// Timestamp keeps RTP timestamps going on across sources.
type Timestamp struct {
	started bool
	last    uint32    // highest timestamp given out
	at      time.Time // when it was
}

// laterTS tells whether timestamp a comes after b.
func laterTS(a, b uint32) bool { return a != b && a-b < 1<<31 }

// Next returns the timestamp for a new source's first packet: the last one
// advanced by the time that passed, at least by one tick. Before the first
// packet it returns start.
func (t *Timestamp) Next(now time.Time, clockRate, start uint32) uint32 {
	if !t.started {
		return start
	}
	elapsed := min(max(now.Sub(t.at), 0), time.Hour)
	return t.last + max(1, uint32(elapsed.Seconds()*float64(clockRate)))
}

// Align returns want when it lies shortly after the last timestamp, so that
// layers whose clocks are known join exactly, and Next otherwise.
func (t *Timestamp) Align(want uint32, now time.Time, clockRate, start uint32) uint32 {
	next := t.Next(now, clockRate, start)
	if t.started && laterTS(want, t.last) && want-t.last < next-t.last+clockRate/2 {
		return want
	}
	return next
}

// Sent notes a timestamp given out.
func (t *Timestamp) Sent(ts uint32, now time.Time) {
	if !t.started || laterTS(ts, t.last) {
		t.started, t.last, t.at = true, ts, now
	}
}

// Last returns the highest timestamp given out.
func (t *Timestamp) Last() uint32 { return t.last }
