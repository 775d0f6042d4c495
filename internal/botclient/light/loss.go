package light

import (
	"math/rand/v2"
	"sync"
)

// Loss drops packets of a connection at random, the same ones for the same seed.
// STUN and DTLS pass: what is tested is media.
type Loss struct {
	Down, Up float64 // shares of packets, 0 to 1
	Seed     uint64
}

// dice decides for one connection and direction.
type dice struct {
	share float64

	mu   sync.Mutex
	rand *rand.Rand
}

// newDice returns nil when nothing is to be dropped.
func newDice(share float64, seed, stream uint64) *dice {
	if share <= 0 {
		return nil
	}
	return &dice{share: share, rand: rand.New(rand.NewPCG(seed, stream))}
}

// drops tells whether the next packet is lost.
func (d *dice) drops() bool {
	if d == nil {
		return false
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.rand.Float64() < d.share
}
