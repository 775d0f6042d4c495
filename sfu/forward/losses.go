package forward

import "time"

const (
	// maxLost is how many missing packets of a lane are asked for at a time;
	// a longer hole is past repair, a key frame mends it.
	maxLost = 128
	// minRetry is the shortest wait before asking again, and minUrgent that for what
	// has been missing for more than a round trip.
	minRetry, minUrgent = 20 * time.Millisecond, 10 * time.Millisecond
	// retries is how often a packet is asked for within a round trip. Browsers
	// answer once in it, whatever they are asked (libwebrtc), so that this costs
	// requests alone: one that is lost costs little time, and what was lost again
	// is sent as soon as it may be. After a round trip, twice as often.
	retries = 5
	// hopeFor and askFor are after how many round trips a key frame is asked for
	// because of one packet, and after how many it is no longer asked for itself.
	hopeFor, askFor = 4, 9
	// minAsk is the least time for which a packet is asked for.
	minAsk = 400 * time.Millisecond
	// unknownRTT is what counts as round trip as long as it is not known.
	unknownRTT = 100 * time.Millisecond
	// judged is after how many packets a sender is judged anew.
	judged = 64
)

// losses keeps track of the packets that a lane misses. It is a plain value.
type losses struct {
	highest uint16
	started bool
	missing []lost
	due     []uint16
	gaveUp  bool // on packets; only a key frame mends that

	// mended counts lost packets that came, and copies those that came again: a
	// sender that answers every request is asked less often.
	mended, copies uint8
}

type lost struct {
	seq         uint16
	tries       uint8
	hopeless    bool // a key frame was asked for because of it
	since, next time.Time
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
		l.missing = append(l.missing, lost{seq: s, since: now, next: now})
	}
	l.highest = seq
	return true
}

func (l *losses) found(seq uint16) {
	for i := range l.missing {
		if l.missing[i].seq == seq {
			l.count(&l.mended, l.missing[i].tries > 0)
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
		rtt = unknownRTT
	}
	kept := l.missing[:0]
	for _, m := range l.missing {
		age := now.Sub(m.since)
		if !m.hopeless && age > max(hopeFor*rtt, minAsk) {
			m.hopeless, l.gaveUp = true, true
		}
		if age > max(askFor*rtt, minAsk) {
			continue
		}
		if !now.Before(m.next) {
			l.due = append(l.due, m.seq)
			m.next = now.Add(l.retry(m.tries, age, rtt))
			m.tries = min(m.tries+1, 0xfe)
		}
		kept = append(kept, m)
	}
	l.missing = kept
	return l.due
}

// retry returns how long to wait until a packet of an age is asked for again. A
// sender that answers every request is asked twice a round trip at most: the
// request may be lost itself.
func (l *losses) retry(tries uint8, age, rtt time.Duration) time.Duration {
	switch {
	case l.copies > l.mended/2 && l.copies >= judged/8:
		if tries%2 == 0 {
			return max(minRetry, rtt/2)
		}
		return max(minRetry, rtt+rtt/16)
	case age > rtt:
		return max(minUrgent, rtt/(2*retries))
	}
	return max(minRetry, rtt/retries)
}

// copied notes a packet that came again.
func (l *losses) copied() { l.count(&l.copies, true) }

func (l *losses) count(n *uint8, one bool) {
	if !one {
		return
	}
	if *n++; *n >= judged {
		l.mended, l.copies = l.mended/2, l.copies/2
	}
}

// reset begins anew.
func (l *losses) reset() { l.started, l.missing = false, l.missing[:0] }
