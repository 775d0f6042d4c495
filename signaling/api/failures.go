package api

import (
	"net/netip"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// maxAddrs bounds the memory of failures: about 1 MB.
const maxAddrs = 8192

// failures makes those wait who try many wrong keys: each address has an account
// that a failure charges and time fills up again.
type failures struct {
	burst int
	now   func() time.Time

	mu    sync.Mutex
	addrs map[netip.Prefix]*rate.Limiter
}

// newFailures allows burst failures in a row, and as many again in a minute.
func newFailures(burst int, now func() time.Time) *failures {
	return &failures{burst: burst, now: now, addrs: make(map[netip.Prefix]*rate.Limiter)}
}

// wait returns how long an address has to wait, 0 when it may try.
func (f *failures) wait(addr netip.Prefix) time.Duration {
	f.mu.Lock()
	defer f.mu.Unlock()
	lim := f.addrs[addr]
	if lim == nil {
		return 0
	}
	missing := 1 - lim.TokensAt(f.now())
	if missing <= 0 {
		return 0
	}
	return time.Duration(missing * float64(f.perFailure()))
}

// add charges a failure to an address.
func (f *failures) add(addr netip.Prefix) {
	f.mu.Lock()
	defer f.mu.Unlock()
	lim := f.addrs[addr]
	if lim == nil {
		f.makeRoomLocked()
		lim = rate.NewLimiter(rate.Every(f.perFailure()), f.burst)
		f.addrs[addr] = lim
	}
	lim.AllowN(f.now(), 1)
}

// perFailure is how long it takes to earn one attempt.
func (f *failures) perFailure() time.Duration { return time.Minute / time.Duration(f.burst) }

// makeRoomLocked forgets the accounts that are full again, and then any until an
// eighth is free, so that a flood of addresses pays for this only now and then.
// An account per address stops no such flood anyway.
func (f *failures) makeRoomLocked() {
	if len(f.addrs) < maxAddrs {
		return
	}
	now := f.now()
	for addr, lim := range f.addrs {
		if lim.TokensAt(now) >= float64(f.burst) {
			delete(f.addrs, addr)
		}
	}
	for addr := range f.addrs {
		if len(f.addrs) <= maxAddrs/8*7 {
			return
		}
		delete(f.addrs, addr)
	}
}
