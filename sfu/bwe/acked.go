package bwe

import "time"

// acked measures the rate at which packets arrive, over the last half second of
// the receiver's clock.
type acked struct {
	buckets [ackedBuckets]int
	head    int64 // number of the newest bucket
	first   int64 // number of the first bucket since the start or a pause
	started bool
}

const (
	ackedBuckets = 20
	ackedBucket  = 25 * time.Millisecond
)

func (a *acked) add(arrival time.Duration, size int) {
	n := int64(arrival / ackedBucket)
	switch {
	case !a.started || n < a.head-ackedBuckets || n > a.head+2*ackedBuckets:
		*a = acked{head: n, first: n, started: true}
	case n <= a.head-ackedBuckets:
		return
	}
	for ; a.head < n; a.head++ {
		a.buckets[(a.head+1)%ackedBuckets] = 0
	}
	a.buckets[n%ackedBuckets] += size
}

// rate returns the received rate in bit/s, false when too little was seen.
func (a *acked) rate() (int, bool) {
	n := min(a.head-a.first, ackedBuckets-1)
	if !a.started || n < ackedBuckets/4 {
		return 0, false
	}
	// The newest bucket is still filling.
	sum := 0
	for i := int64(1); i <= n; i++ {
		sum += a.buckets[(a.head-i)%ackedBuckets]
	}
	return int(float64(sum*8) / (time.Duration(n) * ackedBucket).Seconds()), true
}
