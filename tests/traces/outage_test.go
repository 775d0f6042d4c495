package traces

import (
	"testing"
	"time"

	"github.com/meetcast/meetcast/tests/traces/netsim"
)

// Nothing passes for 2 s, either way.
func TestOutage(t *testing.T) {
	const from, to = 20 * time.Second, 22 * time.Second
	for name, p := range map[string]netsim.Path{
		"lost":   {Delay: 25 * time.Millisecond, Outages: []netsim.Span{{From: from, To: to}}, Seed: 1},
		"queued": {Delay: 25 * time.Millisecond, Queue: 100_000, Capacity: []netsim.Step{{At: 0, Rate: wide}, {At: from, Rate: 0}, {At: to, Rate: wide}}, Seed: 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := setup{cameras: 1, width: 1280, height: 720, redDown: true, down: p, up: p}.begin()
			m.run(40 * time.Second)
			m.log(t)
			s := m.viewer.screens[0]
			gap, at := s.longest(settled, 40*time.Second)
			if at > to+time.Second {
				t.Errorf("the picture stood still for %v until %v", gap, at)
			}
			if again, _ := s.longest(to+time.Second, 40*time.Second); again > 500*time.Millisecond {
				t.Errorf("and then again for %v", again)
			}
			if lost, _, _ := m.viewer.speaker.missing(to+time.Second, 39*time.Second); lost > 0 {
				t.Errorf("%d packets of sound are missing after it", lost)
			}
			if at, ok := s.firstOf(1280, to); !ok || at > to+5*time.Second {
				t.Errorf("the best layer is back at %v", at)
			}
		})
	}
}
