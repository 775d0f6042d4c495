// Package backoff spaces out repeated attempts: exponentially, with jitter, so
// that many clients of a server that came back do not all return at once.
package backoff

import (
	"math/rand/v2"
	"time"
)

// Policy says how pauses grow. The zero Policy is usable: 250 ms to 10 s.
type Policy struct {
	// Min is the first pause before jitter; zero means 250 ms.
	Min time.Duration
	// Max is the longest pause before jitter; zero means 10 s.
	Max time.Duration
	// Random returns a number in [0, 1); nil means math/rand. Tests pin it.
	Random func() float64
}

// Default pauses of a Policy that leaves them zero.
const (
	DefaultMin = 250 * time.Millisecond
	DefaultMax = 10 * time.Second
)

// jitter is the share of a pause that is random: a pause of d becomes
// something in [d*(1-jitter), d].
const jitter = 0.5

// Backoff counts the attempts of one task. It is not safe for concurrent use.
type Backoff struct {
	policy Policy
	next   time.Duration
}

// New returns a Backoff at its first pause.
func New(p Policy) *Backoff {
	if p.Min <= 0 {
		p.Min = DefaultMin
	}
	if p.Max <= 0 {
		p.Max = DefaultMax
	}
	p.Max = max(p.Max, p.Min)
	if p.Random == nil {
		p.Random = rand.Float64
	}
	return &Backoff{policy: p, next: p.Min}
}

// Next returns the pause before the next attempt and doubles the one after it.
func (b *Backoff) Next() time.Duration {
	d := b.next
	b.next = min(2*b.next, b.policy.Max)
	return d - time.Duration(jitter*b.policy.Random()*float64(d))
}

// Reset makes the next pause the first again, after a success.
func (b *Backoff) Reset() { b.next = b.policy.Min }
