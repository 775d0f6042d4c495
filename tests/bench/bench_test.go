//go:build bench

// Package bench measures the product as its users meet it and prints one line a
// figure, NAME VALUE UNIT. `make bench` runs all, `make bench BENCH=name` one.
// Figures that depend on the machine come with a floor measured in the same run.
package bench

import (
	"fmt"
	"os"
	"sort"
	"testing"
	"time"

	"github.com/meetcast/meetcast/tests/testkit"
)

// patience is how long a benchmark waits for a state.
const patience = time.Minute

func TestMain(m *testing.M) { os.Exit(testkit.Main(m)) }

// TestBench runs the benchmarks by name.
func TestBench(t *testing.T) {
	t.Run("start", benchStart)
	t.Run("latency", benchLatency)
	t.Run("latency_whep", benchLatencyWHEP)
	t.Run("forward", benchForward)
	t.Run("bigroom", benchBigRoom)
	t.Run("rooms", benchRooms)
	t.Run("dynacast", benchDynacast)
}

// full is the programme that the product makes by default.
var full = testkit.ServerOptions{Env: map[string]string{
	"MEETCAST_BROADCAST_WIDTH": "1280", "MEETCAST_BROADCAST_HEIGHT": "720",
	"MEETCAST_BROADCAST_FPS": "30", "MEETCAST_BROADCAST_VIDEO_KBPS": "2500",
}}

// figure prints one result.
func figure(name string, value float64, unit string) {
	fmt.Printf("%s %.4g %s\n", name, value, unit)
}

// ms is a duration in milliseconds.
func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// median of some durations.
func median(list []time.Duration) time.Duration {
	sort.Slice(list, func(i, j int) bool { return list[i] < list[j] })
	return list[len(list)/2]
}
