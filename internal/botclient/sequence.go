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
)

// sequence tracks the numbers of one stream (RFC 3550 appendix A.3): what is
// missing, what came late, what never came. It is a plain value without locks.
type sequence struct {
	started  bool
	highest  int64 // extended
	first    int64
	missing  []gap // ascending
	received uint64

	NACKs, Late, Duplicate, Lost, Resets uint64

	reportedExpected, reportedReceived uint64 // of the last report
}

type gap struct {
	number int64
	asked  time.Time
	tries  int
}

// packet books a number and returns those that it shows to be missing.
func (s *sequence) packet(now time.Time, number uint16) []uint16 {
	s.received++
	if !s.started {
		s.started, s.highest, s.first = true, int64(number), int64(number)
		return nil
	}
	step := int64(int16(number - uint16(s.highest)))
	if step <= 0 {
		s.old(s.highest + step)
		return nil
	}
	if step > maxMissing {
		s.Resets++
		s.Lost += uint64(len(s.missing))
		s.missing = nil
		s.first += step - 1 // what a jump skips was never sent
		s.highest += step
		return nil
	}
	var fresh []uint16
	for n := s.highest + 1; n < s.highest+step; n++ {
		s.missing = append(s.missing, gap{number: n, asked: now, tries: 1})
		fresh = append(fresh, uint16(n))
		s.NACKs++
	}
	s.highest += step
	if over := len(s.missing) - maxMissing; over > 0 {
		s.Lost += uint64(over)
		s.missing = slices.Delete(s.missing, 0, over)
	}
	return fresh
}

func (s *sequence) old(number int64) {
	i, found := slices.BinarySearchFunc(s.missing, number, func(g gap, n int64) int { return int(g.number - n) })
	if !found {
		s.Duplicate++
		s.received--
		return
	}
	s.Late++
	s.missing = slices.Delete(s.missing, i, i+1)
}

// retry returns what is due to be asked for again and whether something was
// given up.
func (s *sequence) retry(now time.Time) (again []uint16, lost bool) {
	kept := s.missing[:0]
	for _, g := range s.missing {
		if now.Sub(g.asked) < nackEvery {
			kept = append(kept, g)
			continue
		}
		if g.tries >= nackTries {
			s.Lost++
			lost = true
			continue
		}
		g.tries++
		g.asked = now
		again = append(again, uint16(g.number))
		s.NACKs++
		kept = append(kept, g)
	}
	s.missing = kept
	return again, lost
}

// report is the reception report block since the last one (RFC 3550 §6.4.1).
func (s *sequence) report(ssrc uint32) rtcp.ReceptionReport {
	r := rtcp.ReceptionReport{SSRC: ssrc, LastSequenceNumber: uint32(s.highest)}
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
