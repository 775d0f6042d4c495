package forward

import "time"

const (
	// maxLost is how many missing packets of a lane are asked for at a time;
	// a longer hole is past repair, a key frame mends it.
	maxLost = 128
	// maxTries is how often one packet is asked for.
	maxTries = 8
	// minRetry is the shortest wait before asking again.
	minRetry = 20 * time.Millisecond
	// patientTries is after how many tries the waits become longer.
	patientTries = 6
)

// losses keeps track of the packets that a lane misses. It is a plain value.
type losses struct {
	highest uint16
	started bool
	missing []lost
	due     []uint16
	gaveUp  bool // on packets; only a key frame mends that
}

type lost struct {
	seq   uint16
	tries uint8
	next  time.Time
}

// arrived notes a packet; it is false for one so far from the others that the
// numbering must have begun anew.
func (l *losses) arrived(seq uint16, now time.Time) bool {
	if !l.started {
		l.started, l.highest = true, seq
		return true
	}
	if !newer(seq, l.highest) {
		l.found(seq)
		return l.highest-seq < 1<<12
	}
	gap := seq - l.highest - 1
	if gap >= maxLost {
		l.missing, l.gaveUp = l.missing[:0], true
		l.highest = seq
		return gap < 1<<12
	}
	for s := l.highest + 1; s != seq; s++ {
		if len(l.missing) == maxLost {
			l.missing = append(l.missing[:0], l.missing[1:]...)
		}
		l.missing = append(l.missing, lost{seq: s, next: now})
	}
	l.highest = seq
	return true
}

func (l *losses) found(seq uint16) {
	for i := range l.missing {
		if l.missing[i].seq == seq {
			l.missing = append(l.missing[:i], l.missing[i+1:]...)
			return
		}
	}
}

// ask returns the packets to ask for now. The slice is valid until the next call.
func (l *losses) ask(now time.Time, rtt time.Duration) []uint16 {
	l.due = l.due[:0]
	if len(l.missing) == 0 {
		return nil
	}
	if rtt == 0 {
		rtt = 100 * time.Millisecond
	}
	kept := l.missing[:0]
	for _, m := range l.missing {
		if !now.Before(m.next) {
			if m.tries == maxTries {
				l.gaveUp = true
				continue
			}
			l.due = append(l.due, m.seq)
			m.next = now.Add(retry(m.tries, rtt))
			m.tries++
		}
		kept = append(kept, m)
	}
	l.missing = kept
	return l.due
}

// retry returns how long to wait for an answer. The first request is repeated
// before its answer can be there: it may be lost itself, and a sender does not
// answer twice within a round trip.
func retry(tries uint8, rtt time.Duration) time.Duration {
	wait := rtt + rtt/16
	switch {
	case tries%2 == 0 && tries < patientTries:
		wait = rtt / 2
	case tries >= patientTries:
		wait = 2 * rtt
	}
	return max(minRetry, wait)
}

// reset begins anew.
func (l *losses) reset() { l.started, l.missing = false, l.missing[:0] }
