package traces

import (
	"fmt"
	"testing"
	"time"

	"github.com/meetcast/meetcast/tests/traces/netsim"
)

// The script of the traces of capacity.
const (
	fell, rose, over = 20 * time.Second, 40 * time.Second, 60 * time.Second

	wide, narrow = 3_000_000, 400_000 // bit/s
	// settled is after how long the rate is looked at.
	settled = 5 * time.Second
)

func steps() []netsim.Step {
	return []netsim.Step{{At: 0, Rate: wide}, {At: fell, Rate: narrow}, {At: rose, Rate: wide}}
}

// log prints the figures of a trace for docs/performance.md.
func (m *meeting) log(t *testing.T) {
	t.Helper()
	for i, s := range m.viewer.screens {
		gap, at := s.longest(time.Second, m.now)
		t.Logf("screen %d: %d frames, longest gap %v at %v", i, len(s.shown), gap.Round(time.Millisecond), at.Round(time.Millisecond))
	}
	lost, run, delay := m.viewer.speaker.missing(time.Second, m.now-time.Second)
	t.Logf("sound: %d missing, %d in a row, %v late at most, %d by RED", lost, run, delay.Round(time.Millisecond), m.viewer.speaker.carried)
	t.Logf("link: %+v; estimate %+v", m.down.Stats(), m.viewer.estimator.Stats())
	if testing.Verbose() {
		last := sample{}
		for _, x := range m.viewer.samples {
			if x.at%time.Second == 0 {
				t.Logf("%v: target %d, layer %d, rate %d", x.at, x.target, x.layer, (x.received-last.received)*8)
				last = x
			}
		}
	}
}

// 3 Mbit/s, 400 kbit/s, 3 Mbit/s in front of one viewer of one camera.
func TestCapacityFallsAndRises(t *testing.T) {
	for _, queue := range []int{32_000, 100_000, 300_000} {
		t.Run(fmt.Sprintf("queue of %d kB", queue/1000), func(t *testing.T) {
			t.Parallel()
			m := setup{cameras: 1, width: 1280, height: 720, redDown: true,
				down: netsim.Path{Capacity: steps(), Queue: queue, Delay: 25 * time.Millisecond, Jitter: 5 * time.Millisecond, Seed: 1},
				up:   netsim.Path{Delay: 25 * time.Millisecond, Jitter: 5 * time.Millisecond, Seed: 2},
			}.begin()
			m.run(over)
			m.log(t)
			s := m.viewer.screens[0]
			if gap, at := s.longest(time.Second, over); gap > time.Second {
				t.Errorf("the picture stood still for %v until %v", gap, at)
			}
			if lost, _, _ := m.viewer.speaker.missing(time.Second, over-time.Second); lost > 0 {
				t.Errorf("%d packets of sound are missing", lost)
			}
			at, ok := s.firstOf(1280, rose)
			t.Logf("the best layer is back after %v", at-rose)
			if !ok || at > rose+10*time.Second {
				t.Errorf("the best layer is back at %v", at)
			}
			for _, part := range [][2]time.Duration{{settled, fell}, {rose + 10*time.Second, over}} {
				if got := s.share(1280, part[0], part[1]); got < 0.95 {
					t.Errorf("%.0f%% of the frames from %v on are the best", 100*got, part[0])
				}
			}
		})
	}
}

// With four cameras the layers add up to nearly everything, and 80 % is used.
func TestCapacityIsUsed(t *testing.T) {
	t.Parallel()
	m := setup{layers: []int{80_000, 300_000, 900_000}, cameras: 4, width: 1280, height: 720, redDown: true,
		down: netsim.Path{Capacity: steps(), Queue: 100_000, Delay: 25 * time.Millisecond, Jitter: 5 * time.Millisecond, Seed: 1},
		up:   netsim.Path{Delay: 25 * time.Millisecond, Seed: 2},
	}.begin()
	m.run(over)
	m.log(t)
	for _, part := range []struct {
		from, to time.Duration
		capacity float64
	}{{settled, fell, wide}, {fell + settled, rose, narrow}, {rose + 10*time.Second, over, wide}} {
		got := m.viewer.rate(part.from, part.to) / part.capacity
		t.Logf("%.0f%% of %v bit/s is used from %v on", 100*got, part.capacity, part.from)
		if got < 0.8 || got > 1 {
			t.Errorf("%.0f%% of %v bit/s is used", 100*got, part.capacity)
		}
	}
}
