package unittest

import (
	"testing"
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
