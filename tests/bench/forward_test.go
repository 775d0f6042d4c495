//go:build bench

package bench

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/meetcast/meetcast/internal/loadtest"
)

// forwarded is how long one load is measured; joining comes before it.
const forwarded = 10 * time.Second

// middleRuns of the middle room are made: its median is the figure that counts.
const middleRuns = 3

// rooms of these sizes are looked at; the middle one is compared with the floor.
const (
	roomSmall  = 20
	roomMiddle = 100
	roomLarge  = 300
)

// joinsPerSecond is the pace at which subscribers come in.
const joinsPerSecond = 50

// benchForward: what the server pays for a packet to a subscriber, everything
// on: retransmission, transport-wide feedback every 50 ms, bandwidth estimates,
// reports. One VP8 publisher, 2 Mbit/s at 30 frames a second; the peers are a
// process of their own. The floor is AES-GCM and a segmented send of the same
// packets. Joins are those of the large room.
func benchForward(t *testing.T) {
	fmt.Println("load before:", loadAverage())
	small := forwardTo(t, roomSmall)
	figure("forward_20_us", small.Server.CPUPerPacket, "us")
	var runs []loaded
	for range middleRuns {
		runs = append(runs, forwardTo(t, roomMiddle))
	}
	slices.SortFunc(runs, func(a, b loaded) int { return cmp.Compare(a.Server.CPUPerPacket, b.Server.CPUPerPacket) })
	figure("forward_100_lowest_us", runs[0].Server.CPUPerPacket, "us")
	figure("forward_100_highest_us", runs[middleRuns-1].Server.CPUPerPacket, "us")
	middle := runs[middleRuns/2]
	figure("forward_100_us", middle.Server.CPUPerPacket, "us")
	figure("forward_packets_per_call", middle.perCall, "packets")

	size := middle.Media.BitrateOut / 8 * middle.Measured / float64(middle.Media.PacketsOut)
	frame := float64(middle.Media.PacketsIn) / middle.Measured / loadtest.DefaultFPS
	floor := sendFloor(t, floorLoad{size: int(size), frame: int(frame + 0.5), destinations: roomMiddle, fps: loadtest.DefaultFPS, duration: 5 * time.Second})
	figure("forward_packet_bytes", size, "bytes")
	figure("forward_packets_per_frame", frame, "packets")
	figure("forward_floor_us", floor, "us")
	figure("forward_floor_ratio", middle.Server.CPUPerPacket/floor, "ratio")

	large := forwardTo(t, roomLarge)
	figure("forward_300_us", large.Server.CPUPerPacket, "us")
	figure("forward_rss_kb_per_subscriber", float64(large.Server.RSS-large.idle)/roomLarge, "KB")
	figure("join_p95_ms", large.Joins.ConnectedP95, "ms")
	figure("join_media_p95_ms", large.Joins.MediaP95, "ms")
	figure("join_others_loss_percent", large.Joining.LossPercent, "percent")
	figure("join_others_freezes_over_500ms", float64(large.Joining.Over500), "freezes")
	fmt.Println("load after:", loadAverage())
}

// forwardTo loads a fresh server with one publisher and some subscribers.
func forwardTo(t *testing.T, subscribers int) loaded {
	t.Helper()
	r := load(t, "--publishers", "1", "--no-receive", "--no-audio", "--video", "vp8", "--subscribers", strconv.Itoa(subscribers),
		"--joins", strconv.Itoa(joinsPerSecond), "--duration", forwarded.String())
	prefix := fmt.Sprintf("forward_%d_", subscribers)
	figure(prefix+"packets_per_call", r.perCall, "packets")
	figure(prefix+"packets_per_message", r.perMessage, "packets")
	r.health(prefix)
	return r
}
