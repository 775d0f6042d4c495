package traces

import (
	"fmt"
	"testing"
	"time"

	"github.com/meetcast/meetcast/tests/traces/netsim"
)

// bad is a path of 100 ms there and back that loses one packet in ten.
func bad(seed uint64) netsim.Path {
	return netsim.Path{Delay: 50 * time.Millisecond, Jitter: 5 * time.Millisecond, Loss: 0.1, Seed: seed}
}

const seeds = 16

// The path of a viewer loses 10 % each way, by chance.
func TestRandomLoss(t *testing.T) {
	for seed := range uint64(seeds) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			m := setup{cameras: 1, width: 1280, height: 720, redDown: true, down: bad(2*seed + 1), up: bad(2*seed + 2)}.begin()
			m.run(over)
			m.log(t)
			s := m.viewer.screens[0]
			if gap, at := s.longest(2*time.Second, over); gap > 500*time.Millisecond {
				t.Errorf("the picture stood still for %v until %v", gap, at)
			}
			if at, ok := s.firstOf(1280, 0); !ok || at > 10*time.Second {
				t.Errorf("the best layer comes at %v", at)
			}
			if got := s.share(1280, 15*time.Second, over); got < 0.9 {
				t.Errorf("%.0f%% of the frames are the best", 100*got)
			}
			// Each packet of sound goes three times: one in a thousand is lost each time.
			if lost, run, _ := m.viewer.speaker.missing(time.Second, over-time.Second); lost > 15 || run > 3 {
				t.Errorf("%d packets of sound are missing, %d in a row", lost, run)
			}
		})
	}
}

// The path of a publisher loses 10 % each way.
func TestRandomLossOfPublisher(t *testing.T) {
	for seed := range uint64(seeds) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			near := netsim.Path{Delay: 25 * time.Millisecond}
			m := setup{cameras: 1, width: 1280, height: 720, redDown: true, redUp: true, down: near, up: near,
				uplink: bad(2*seed + 1), uplinkBack: bad(2*seed + 2)}.begin()
			m.run(over)
			m.log(t)
			// A browser sends a packet again once a round trip. Three times in vain is
			// half a second, and comes about once a minute in what is 12 000 packets.
			if gap, at := m.viewer.screens[0].longest(2*time.Second, over); gap > 550*time.Millisecond {
				t.Errorf("the picture stood still for %v until %v", gap, at)
			}
			// The browser repeats each packet of sound once.
			if lost, run, _ := m.viewer.speaker.missing(time.Second, over-time.Second); lost > 60 || run > 3 {
				t.Errorf("%d packets of sound are missing, %d in a row", lost, run)
			}
		})
	}
}

// Both paths lose 10 % each way: the publisher's and the viewer's.
func TestRandomLossOfBoth(t *testing.T) {
	for seed := range uint64(seeds) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			m := setup{cameras: 1, width: 1280, height: 720, redDown: true, redUp: true, down: bad(4*seed + 1), up: bad(4*seed + 2),
				uplink: bad(4*seed + 3), uplinkBack: bad(4*seed + 4)}.begin()
			m.run(over)
			m.log(t)
			if gap, at := m.viewer.screens[0].longest(2*time.Second, over); gap > 950*time.Millisecond {
				t.Errorf("the picture stood still for %v until %v", gap, at)
			}
			if lost, run, _ := m.viewer.speaker.missing(time.Second, over-time.Second); lost > 60 || run > 4 {
				t.Errorf("%d packets of sound are missing, %d in a row", lost, run)
			}
		})
	}
}
