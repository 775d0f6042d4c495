package api

import (
	"net/netip"
	"testing"
	"time"
)

// TestFailuresBounded floods the accounts with addresses.
func TestFailuresBounded(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	f := newFailures(5, func() time.Time { return now })
	addr := netip.MustParseAddr("10.0.0.0")
	first := netip.PrefixFrom(addr, 32)
	for range 3 * maxAddrs {
		f.add(netip.PrefixFrom(addr, 32))
		addr = addr.Next()
	}
	if len(f.addrs) > maxAddrs {
		t.Errorf("%d accounts", len(f.addrs))
	}
	// Full accounts go first: the one in debt outlives a flood of old ones.
	f = newFailures(5, func() time.Time { return now })
	addr = netip.MustParseAddr("10.0.0.0")
	for range maxAddrs - 1 {
		addr = addr.Next()
		f.add(netip.PrefixFrom(addr, 32))
	}
	now = now.Add(time.Minute)
	for range 5 {
		f.add(first)
	}
	f.add(netip.MustParsePrefix("192.0.2.1/32"))
	if len(f.addrs) != 2 || f.wait(first) == 0 {
		t.Errorf("%d accounts, the debtor waits %v", len(f.addrs), f.wait(first))
	}
}
