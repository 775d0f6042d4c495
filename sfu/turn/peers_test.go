package turn

import (
	"net/netip"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// A machine gets another address while it runs: clients may name it within
// seconds, and those that nobody has cost no more than one look in that time.
func TestPeersFollowTheMachine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var asked atomic.Int64
		a, b := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2")
		list := []netip.Addr{a}
		p := peers{list: func() []netip.Addr { asked.Add(1); return list }}
		if !p.anyIPv4() || !p.has(a) || p.has(b) {
			t.Error("the list is not read")
		}
		list = []netip.Addr{b}
		for range 100 {
			p.has(b)
		}
		if asked.Load() != 1 {
			t.Errorf("asked %d times", asked.Load())
		}
		time.Sleep(peersAge)
		if !p.has(b) || p.has(a) || asked.Load() != 2 {
			t.Errorf("the new list is not read (%d times)", asked.Load())
		}
	})
}
