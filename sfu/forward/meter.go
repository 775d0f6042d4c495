package forward

import "time"

const (
	meterBuckets = 10
	meterBucket  = 100 * time.Millisecond
)

// meter measures the bitrate of the last second. It is a plain value.
type meter struct {
	buckets [meterBuckets]int
	head    int64 // number of the newest bucket
	since   int64 // number of the bucket in which the flow began
}

func (m *meter) add(now time.Time, bytes int) {
	n := now.UnixNano() / int64(meterBucket)
	if n-m.head > meterBuckets {
		m.buckets, m.head, m.since = [meterBuckets]int{}, n, n
	}
	for m.head < n {
		m.head++
		m.buckets[m.head%meterBuckets] = 0
	}
	m.buckets[m.head%meterBuckets] += bytes
}

// rate returns bit/s; a flow that has just begun is extrapolated.
func (m *meter) rate(now time.Time) int {
	n := now.UnixNano() / int64(meterBucket)
	if m.head == 0 || n-m.head >= meterBuckets {
		return 0
	}
	oldest := max(n-meterBuckets+1, m.since)
	sum := 0
	for at := oldest; at <= m.head; at++ {
		sum += m.buckets[at%meterBuckets]
	}
	span := time.Duration(now.UnixNano() - oldest*int64(meterBucket))
	return int(float64(sum*8) / max(span, meterBucket).Seconds())
}
