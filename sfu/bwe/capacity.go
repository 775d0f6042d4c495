package bwe

import "math"

// capacity remembers at which rates the path was found full.
type capacity struct {
	mean, variance float64 // bit/s, relative variance
	known          bool
}

// sample takes the received rate at a moment of overuse.
func (c *capacity) sample(rate float64) {
	if !c.known {
		c.mean, c.variance, c.known = rate, 0.01, true
		return
	}
	d := rate - c.mean
	c.mean += 0.05 * d
	c.variance = 0.95*c.variance + 0.05*(d/c.mean)*(d/c.mean)
	c.variance = min(max(c.variance, 0.0004), 0.01)
}

// near tells whether a rate is one at which the path was full before. A rate
// well above refutes what was known.
func (c *capacity) near(rate float64) bool {
	if !c.known {
		return false
	}
	dev := 3 * math.Sqrt(c.variance) * c.mean
	if rate > c.mean+dev {
		c.known = false
		return false
	}
	return rate > c.mean-dev
}
