//go:build bench && !linux

package bench

import (
	"testing"
	"time"
)

type floorLoad struct {
	size, frame, destinations, fps int
	duration                       time.Duration
}

// sendFloor needs Linux's segmented sends.
func sendFloor(t *testing.T, _ floorLoad) float64 {
	t.Skip("forwarding is measured on Linux")
	return 0
}
