//go:build bench

package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"os/exec"
	"strconv"
	"testing"
	"time"

	"github.com/meetcast/meetcast/internal/loadtest"
	"github.com/meetcast/meetcast/tests/testkit"
)

// loaded is the result of a load test, and what the server says of itself.
type loaded struct {
	loadtest.Result
	idle       int     // RSS without anybody, kB
	perCall    float64 // packets sent with one system call
	perMessage float64 // packets of one message: what the kernel cuts up
	dropped    float64 // by the server's socket
}

// load runs `meetcast loadtest` against a fresh server.
func load(t *testing.T, flags ...string) loaded {
	t.Helper()
	server := testkit.StartServer(t, testkit.ServerOptions{})
	pid := server.PID()
	r := loaded{idle: rss(t, pid)}
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	defer cancel()
	var out, progress bytes.Buffer
	flags = append([]string{"loadtest", "--json", "--url", server.URL, "--api-key", server.APIKey, "--server-pid", strconv.Itoa(pid)}, flags...)
	cmd := exec.CommandContext(ctx, testkit.Binary(t), flags...)
	cmd.Stdout, cmd.Stderr = &out, &progress
	if err := cmd.Run(); err != nil {
		t.Fatalf("load test: %v\n%s", err, progress.String())
	}
	if err := json.Unmarshal(out.Bytes(), &r.Result); err != nil {
		t.Fatalf("read the load test's result: %v", err)
	}
	if r.Server == nil || r.Media.PacketsOut == 0 && r.Media.PacketsIn == 0 {
		t.Fatalf("nothing to measure: %s", out.String())
	}
	for reason, n := range r.Joins.Errors {
		t.Logf("%d failed to join: %s", n, reason)
	}
	sent := counter(t, server, "udp_sent_packets_total")
	r.perCall = sent / max(1, counter(t, server, "udp_send_calls_total"))
	r.perMessage = sent / max(1, counter(t, server, "udp_sent_messages_total"))
	r.dropped = counter(t, server, "udp_dropped_packets_total")
	if err := server.Stop(); err != nil {
		t.Fatal(err)
	}
	return r
}

// health prints what tells whether the other figures mean anything: the server
// and its peers share the machine.
func (r loaded) health(prefix string) {
	figure(prefix+"failed_joins", float64(r.Joins.Failed), "members")
	figure(prefix+"without_media", float64(r.Joins.NoMedia), "members")
	figure(prefix+"packets_per_second", float64(r.Media.PacketsOut)/r.Measured, "packets/s")
	figure(prefix+"loss_percent", r.Media.LossPercent, "percent")
	figure(prefix+"freezes_over_500ms", float64(r.Media.Over500), "freezes")
	figure(prefix+"latency_p50_ms", r.Media.LatencyP50, "ms")
	figure(prefix+"latency_p95_ms", r.Media.LatencyP95, "ms")
	figure(prefix+"dropped", r.dropped, "packets")
	figure(prefix+"clients_overflows", float64(r.Media.Overflows), "packets")
	figure(prefix+"server_cpu_percent", r.Server.CPU, "percent")
	figure(prefix+"clients_cpu_percent", r.ClientCPU, "percent")
}
