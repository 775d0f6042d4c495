package store_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"github.com/meetcast/meetcast/internal/store"
)

// crashDirEnv makes the test binary a child that writes into a directory until
// it is killed.
const crashDirEnv = "MEETCAST_TEST_CRASH_DIR"

// crashChild writes numbered keys and says so on stdout after each Put
// returned. It never ends by itself.
func crashChild(dir string) {
	s, err := store.Open(context.Background(), store.Config{Dir: dir})
	if err != nil {
		fmt.Println("error", err)
		os.Exit(1)
	}
	for i := 1; ; i++ {
		if _, err := s.Put(context.Background(), fmt.Sprintf("crash.%d", i), []byte(strconv.Itoa(i))); err != nil {
			fmt.Println("error", err)
			os.Exit(1)
		}
		fmt.Println("put", i)
	}
}

// TestKill kills a writing process several times and looks for every key whose
// Put had returned.
func TestKill(t *testing.T) {
	dir := t.TempDir()
	for _, puts := range []int{1, 7, 40} {
		last := writeAndKill(t, dir, puts)
		s := open(t, store.Config{Dir: dir})
		for i := 1; i <= last; i++ {
			e, err := s.Get(t.Context(), fmt.Sprintf("crash.%d", i))
			if err != nil || string(e.Value) != strconv.Itoa(i) {
				t.Fatalf("after the kill at %d, key %d: %q, %v", last, i, e.Value, err)
			}
		}
		_ = s.Close()
	}
}

// writeAndKill lets a child write at least n keys, kills it without warning and
// returns the last key that it reported.
func writeAndKill(t *testing.T, dir string, n int) int {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), crashDirEnv+"="+dir)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	last := 0
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		var i int
		if _, err := fmt.Sscanf(lines.Text(), "put %d", &i); err != nil {
			t.Errorf("child says: %s", lines.Text())
			break
		}
		last = i
		if i == n {
			if err := cmd.Process.Kill(); err != nil { // SIGKILL
				t.Error(err)
			}
		}
	}
	if err := cmd.Wait(); err == nil || !strings.Contains(err.Error(), "killed") {
		t.Fatalf("the child ended with %v", err)
	}
	if last < n {
		t.Fatalf("the child wrote %d keys of %d", last, n)
	}
	return last
}

func fill(tb testing.TB, dir string, n int) {
	tb.Helper()
	s, err := store.Open(context.Background(), store.Config{Dir: dir})
	if err != nil {
		tb.Fatal(err)
	}
	defer s.Close()
	for i := range n {
		if _, err := s.Put(context.Background(), fmt.Sprintf("fill.%d", i), []byte("value")); err != nil {
			tb.Fatal(err)
		}
	}
}
