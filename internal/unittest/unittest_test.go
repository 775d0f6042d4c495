package unittest

import (
	"testing"
	"time"
)

// verdict notes how a test would have ended.
type verdict struct {
	testing.TB
	skipped, failed string
}

func (v *verdict) Helper()           {}
func (v *verdict) Skip(args ...any)  { v.skipped = args[0].(string) }
func (v *verdict) Fatal(args ...any) { v.failed = args[0].(string) }

func TestProgram(t *testing.T) {
	if Program(t, "golang", "", "no-such-program", "go") == "" {
		t.Error("an installed program was not found")
	}
	const want = "no-such-program is not installed (Debian: apt-get install no-such-package)"
	for ci, expect := range map[string]verdict{"": {skipped: want}, "true": {failed: want}} {
		t.Setenv("CI", ci)
		got := &verdict{}
		Program(got, "no-such-package", "no-such-program")
		if got.skipped != expect.skipped || got.failed != expect.failed {
			t.Errorf("CI=%q: %+v, want %+v", ci, got, expect)
		}
	}
}

func TestUntil(t *testing.T) {
	n := 0
	Until(t, "three", func() bool { n++; return n == 3 })
	if n != 3 {
		t.Errorf("looked %d times", n)
	}
}

func TestStretch(t *testing.T) {
	for load, want := range map[string]time.Duration{
		"0.10 3.00 9.00 1/500 77\n":   time.Second,
		"4.00 3.00 2.00 3/500 77\n":   time.Second,
		"20.00 12.00 2.00 3/500 77\n": 5 * time.Second,
		"1.00 1.00 2.00 8/500 77\n":   2 * time.Second,
		"":                            time.Second,
	} {
		if got := stretched(time.Second, load, 2); got != want {
			t.Errorf("%q stretches a second to %v, want %v", load, got, want)
		}
	}
}
