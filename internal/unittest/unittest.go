// Package unittest is what the tests of many packages lean on: waiting for what
// nobody announces, deadlines on a machine that others use, finding programs that
// may not be installed, a clock that stands still. Only tests and packages of fakes import it.
package unittest

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"time"
)

// patience is how long Until waits: much longer than anything takes on a busy
// machine, for only a failing test waits that long.
const patience = 15 * time.Second

// pollEvery is how often Until looks.
const pollEvery = 5 * time.Millisecond

// Until polls a condition and fails the test, with what it waited for, when the
// condition does not come true.
func Until(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !ok(); time.Sleep(pollEvery) {
		if time.Now().After(deadline) {
			t.Fatalf("timed out waiting: %s", what)
		}
	}
}

// Stretch returns how long a promise of d may take now: d while the machine is
// the test's own, and more as others share it. Two runnable tasks a CPU are
// still the test's own.
func Stretch(d time.Duration) time.Duration {
	load, err := os.ReadFile("/proc/loadavg") // proc(5)
	if err != nil {
		return d
	}
	return stretched(d, string(load), runtime.NumCPU())
}

// stretched is Stretch for what /proc/loadavg tells: the average of a minute, or
// the runnable tasks of this moment when they are more.
func stretched(d time.Duration, loadavg string, cpus int) time.Duration {
	var minute, five, fifteen float64
	var runnable int
	if _, err := fmt.Sscanf(loadavg, "%g %g %g %d/", &minute, &five, &fifteen, &runnable); err != nil {
		return d
	}
	share := max(minute, float64(runnable)) / float64(2*cpus)
	return time.Duration(float64(d) * max(share, 1))
}

// Program returns the path of the first of names that is installed. Without any
// it calls Missing, naming the Debian package that has it.
func Program(t testing.TB, debian string, names ...string) string {
	t.Helper()
	for _, name := range names {
		if path, err := exec.LookPath(name); name != "" && err == nil {
			return path
		}
	}
	Missing(t, fmt.Sprintf("%s is not installed (Debian: apt-get install %s)", strings.Join(names, " or "), debian))
	return ""
}

// Missing skips the test for want of something. Where everything is promised to
// be there it fails: with CI=true, which `make test` sets.
func Missing(t testing.TB, what string) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatal(what)
	} else {
		t.Skip(what)
	}
}
