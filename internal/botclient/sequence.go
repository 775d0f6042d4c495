package botclient

import (
	"slices"
	"time"

	"github.com/pion/rtcp"
)

const (
	maxMissing = 512                    // numbers kept; more is a new stream
	nackEvery  = 100 * time.Millisecond // between two requests for a packet
	nackTries  = 10                     // then the packet is lost
	// passiveTries of nackEvery is how long sound is waited for: what a jitter
	// buffer holds.
	passiveTries = 2
)

// sequence tracks the numbers of one stream (RFC 3550 appendix A.3): what is
// missing, what came late, what never came. It is a plain value without locks.
type sequence struct {
	started  bool
	highest  int64 // extended, from 1<<16 on
	first    int64
	missing  []gap // ascending
	passive  bool  // nobody asks for what is missing: sound is not repeated
	received uint64

	NACKs, Late, Duplicate, Lost, Resets uint64
	Skipped                              uint64 // given up before it was lost
	Concealed                            uint64 // came as a redundant copy

	reportedExpected, reportedReceived uint64 // of the last report
}

type gap struct {
	number int64
	asked  time.Time
	tries  int
}

// packet books a number, and returns it extended and those that it shows to be
// missing. A duplicate comes back as fresh = false.
func (s *sequence) packet(now time.Time, number uint16) (extended int64, fresh bool, missing []uint16) {
	s.received++
	if !s.started {
		s.started, s.highest, s.first = true, 1<<16+int64(number), 1<<16+int64(number)
		return s.highest, true, nil
	}
	step := int64(int16(number - uint16(s.highest)))
	if step <= 0 {
		return s.highest + step, s.old(s.highest + step), nil
	}
	if step > maxMissing {
		s.Resets++
		s.Lost += uint64(len(s.missing))
		s.missing = nil
		s.first += step - 1 // what a jump skips was never sent
		s.highest += step
		return s.highest, true, nil
	}
	for n := s.highest + 1; n < s.highest+step; n++ {
		s.missing = append(s.missing, gap{number: n, asked: now, tries: 1})
		if !s.passive {
			missing = append(missing, uint16(n))
			s.NACKs++
		}
	}
	s.highest += step
	if over := len(s.missing) - maxMissing; over > 0 {
		s.Lost += uint64(over)
		s.missing = slices.Delete(s.missing, 0, over)
	}
	return s.highest, true, missing
}

// forget gives up what is missing below a number: a key frame made it needless.
func (s *sequence) forget(below int64) {
	n := 0
	for n < len(s.missing) && s.missing[n].number < below {
		n++
	}
	s.Skipped += uint64(n)
	s.missing = slices.Delete(s.missing, 0, n)
}

// conceal takes a number off the missing: a redundant copy of it came.
func (s *sequence) conceal(number int64) {
	i, found := slices.BinarySearchFunc(s.missing, number, func(g gap, n int64) int { return int(g.number - n) })
	if found {
		s.Concealed++
		s.missing = slices.Delete(s.missing, i, i+1)
	}
}

// old books a number that is not the newest; false when it was here already.
func (s *sequence) old(number int64) bool {
	i, found := slices.BinarySearchFunc(s.missing, number, func(g gap, n int64) int { return int(g.number - n) })
	if !found {
		s.Duplicate++
		s.received--
		return false
	}
	s.Late++
	s.missing = slices.Delete(s.missing, i, i+1)
	return true
}

// retry returns what is due to be asked for again and the newest number that was
// given up, zero for none.
func (s *sequence) retry(now time.Time) (again []uint16, lost int64) {
	kept := s.missing[:0]
	for _, g := range s.missing {
		if now.Sub(g.asked) < nackEvery {
			kept = append(kept, g)
			continue
		}
		if g.tries >= nackTries || s.passive && g.tries >= passiveTries {
			s.Lost++
			lost = g.number
			continue
		}
		g.tries++
		g.asked = now
		if !s.passive {
			again = append(again, uint16(g.number))
			s.NACKs++
		}
		kept = append(kept, g)
	}
	s.missing = kept
	return again, lost
}

// report is the reception report block since the last one (RFC 3550 §6.4.1).
func (s *sequence) report(ssrc uint32) rtcp.ReceptionReport {
	r := rtcp.ReceptionReport{SSRC: ssrc, LastSequenceNumber: uint32(s.highest - 1<<16)}
	if !s.started {
		return r
	}
	expected := uint64(s.highest - s.first + 1)
	if expected > s.received {
		r.TotalLost = uint32(min(expected-s.received, 1<<23-1))
	}
	newExpected, newReceived := expected-s.reportedExpected, s.received-s.reportedReceived
	if newExpected > newReceived && newExpected < 1<<32 {
		r.FractionLost = uint8(min((newExpected-newReceived)*256/newExpected, 255))
	}
	return r
}

// reported makes the next report begin here.
func (s *sequence) reported() {
	if s.started {
		s.reportedExpected, s.reportedReceived = uint64(s.highest-s.first+1), s.received
	}
}
