//go:build bench

package bench

import (
	"bufio"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/meetcast/meetcast/tests/testkit"
)

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
