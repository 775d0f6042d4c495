//go:build bench

package bench

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/meetcast/meetcast/internal/loadtest"
	"github.com/meetcast/meetcast/tests/testkit"
)

// forwarded is how long one load is measured; joining comes before it.
const forwarded = 12 * time.Second

// rooms of these sizes are looked at; the middle one is compared with the floor.
const (
	roomSmall  = 20
	roomMiddle = 100
	roomLarge  = 300
)

// benchForward: what the server pays for a packet to a subscriber, everything
// on: retransmission, transport-wide feedback, bandwidth estimates, reports. One
// VP8 publisher, 2 Mbit/s at 30 frames a second; the peers are a process of
// their own. The floor is AES-GCM and a segmented send of the same packets.
func benchForward(t *testing.T) {
	fmt.Println("load before:", loadAverage())
	small := forwardTo(t, roomSmall)
	figure("forward_20_us", small.Server.CPUPerPacket, "us")
	middle := forwardTo(t, roomMiddle)
	figure("forward_100_us", middle.Server.CPUPerPacket, "us")

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
	fmt.Println("load after:", loadAverage())
}

// forwardResult is a load test's, with the server's memory before it.
type forwardResult struct {
	loadtest.Result
	idle int // RSS without anybody, kB
}

// forwardTo loads a fresh server with one publisher and some subscribers.
func forwardTo(t *testing.T, subscribers int) forwardResult {
	t.Helper()
	server := testkit.StartServer(t, testkit.ServerOptions{})
	pid := server.PID()
	r := forwardResult{idle: rss(t, pid)}
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	defer cancel()
	var out, progress bytes.Buffer
	cmd := exec.CommandContext(ctx, testkit.Binary(t), "loadtest", "--json", "--url", server.URL, "--api-key", server.APIKey,
		"--publishers", "1", "--no-receive", "--no-audio", "--video", "vp8", "--subscribers", strconv.Itoa(subscribers),
		"--server-pid", strconv.Itoa(pid), "--duration", forwarded.String())
	cmd.Stdout, cmd.Stderr = &out, &progress
	if err := cmd.Run(); err != nil {
		t.Fatalf("load test: %v\n%s", err, progress.String())
	}
	if err := json.Unmarshal(out.Bytes(), &r.Result); err != nil {
		t.Fatalf("read the load test's result: %v", err)
	}
	if r.Server == nil || r.Media.PacketsOut == 0 || r.Joins.Failed > 0 || r.Joins.NoMedia > 0 {
		t.Fatalf("not everybody got media: %s", out.String())
	}
	prefix := fmt.Sprintf("forward_%d_", subscribers)
	sent := counter(t, server, "udp_sent_packets_total")
	figure(prefix+"packets_per_call", sent/max(1, counter(t, server, "udp_send_calls_total")), "packets")
	figure(prefix+"packets_per_message", sent/max(1, counter(t, server, "udp_sent_messages_total")), "packets")
	figure(prefix+"dropped", counter(t, server, "udp_dropped_packets_total"), "packets")
	figure(prefix+"join_p95_ms", r.Joins.MediaP95, "ms")
	figure(prefix+"loss_percent", r.Media.LossPercent, "percent")
	figure(prefix+"server_cpu_percent", r.Server.CPU, "percent")
	figure(prefix+"clients_cpu_percent", r.ClientCPU, "percent")
	if err := server.Stop(); err != nil {
		t.Fatal(err)
	}
	return r
}

// counter reads one of the server's metrics, summed over its labels; zero when it
// is not there.
func counter(t *testing.T, server *testkit.Server, name string) float64 {
	t.Helper()
	answer, err := http.Get(server.URL + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	sum := 0.0
	for in := bufio.NewScanner(answer.Body); in.Scan(); {
		fields := strings.Fields(in.Text())
		if len(fields) != 2 {
			continue
		}
		if key, _, _ := strings.Cut(fields[0], "{"); strings.HasSuffix(key, name) {
			v, err := strconv.ParseFloat(fields[1], 64)
			if err != nil {
				t.Fatal(err)
			}
			sum += v
		}
	}
	return sum
}

// rss is the resident memory of a process, kB.
func rss(t *testing.T, pid int) int {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "statm"))
	if err != nil {
		t.Fatal(err)
	}
	fields := strings.Fields(string(raw))
	if len(fields) < 2 {
		t.Fatalf("unknown form of statm: %q", raw)
	}
	pages, err := strconv.Atoi(fields[1])
	if err != nil {
		t.Fatal(err)
	}
	return pages * os.Getpagesize() / 1024
}

// loadAverage tells how busy the machine is with other things.
func loadAverage() string {
	raw, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "unknown"
	}
	return strings.TrimSpace(string(raw))
}
