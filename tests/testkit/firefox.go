package testkit

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/meetcast/meetcast/internal/unittest"
)

// firefox drives a Firefox: a Node.js process speaks WebDriver BiDi to it
// (tests/firefox/driver.mjs), and lines of JSON with us.
type firefox struct {
	heard func(string) // console lines
	ready chan error   // one value when it has started, or cannot

	mu      sync.Mutex
	stdin   io.Writer
	next    int
	waiting map[int]chan firefoxAnswer
	ended   error // why nothing is answered any more
}

type firefoxAnswer struct {
	ID      int
	Value   string
	Error   string
	Console string
	Ready   string
}

// StartFirefox starts a Firefox with its own fake camera, a pattern that moves, and
// its own fake microphone, a tone of 1 kHz. preferences are of about:config. The
// camera and the microphone of the options are not used.
func StartFirefox(t testing.TB, o BrowserOptions, preferences map[string]any) *Browser {
	t.Helper()
	program := unittest.Program(t, "firefox-esr", "firefox-esr", "firefox")
	node := unittest.Program(t, "node", "node")
	dir := driverFolder(t)
	profile, err := os.MkdirTemp("", "testkit-firefox-")
	if err != nil {
		t.Fatal(err)
	}
	if o.Width == 0 {
		o.Width, o.Height = 960, 600
	}
	if preferences == nil {
		preferences = map[string]any{}
	}
	setup, err := json.Marshal(map[string]any{"program": program, "profile": profile, "width": o.Width, "height": o.Height,
		"script": eyes + "\n" + o.Script, "preferences": preferences})
	if err != nil {
		t.Fatal(err)
	}
	mark := fmt.Sprintf("firefox-%d-%d", os.Getpid(), time.Now().UnixNano())
	cmd := exec.Command(node, "driver.mjs", string(setup))
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), markName+"="+mark, "MOZ_DISABLE_CONTENT_SANDBOX=1", "HOME="+profile)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	b := &Browser{t: t, group: cmd.Process.Pid}
	f := &firefox{heard: b.note, stdin: stdin, ready: make(chan error, 1), waiting: make(map[int]chan firefoxAnswer)}
	b.firefox = f
	done := make(chan struct{})
	go func() {
		defer close(done)
		f.read(stdout)
	}()
	t.Cleanup(func() {
		_ = stdin.Close()
		select {
		case <-done:
		case <-time.After(browserClose):
		}
		b.Crash()
		killMarked(mark)
		<-done
		_ = cmd.Wait()
		removeTree(profile)
		if t.Failed() {
			t.Logf("console of Firefox: %q", b.Console())
		}
	})
	select {
	case err := <-f.ready:
		if err != nil {
			t.Fatalf("start Firefox: %v", err)
		}
	case <-time.After(browserStart):
		t.Fatalf("start Firefox: not within %v", browserStart)
	}
	return b
}

// driverFolder is tests/firefox with its modules.
func driverFolder(t testing.TB) string {
	t.Helper()
	_, file, _, _ := runtime.Caller(0)
	dir := filepath.Join(filepath.Dir(file), "..", "firefox")
	if _, err := os.Stat(filepath.Join(dir, "node_modules", "puppeteer-core")); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("puppeteer-core is missing: make test-deps installs it")
		}
		t.Skip("puppeteer-core is missing: make test-deps installs it")
	}
	return dir
}

func (f *firefox) read(stdout io.Reader) {
	lines := bufio.NewScanner(stdout)
	lines.Buffer(nil, 64<<20) // pictures
	for lines.Scan() {
		var a firefoxAnswer
		if err := json.Unmarshal(lines.Bytes(), &a); err != nil {
			continue
		}
		switch {
		case a.Console != "":
			f.heard(a.Console)
		case a.Ready != "":
			f.ready <- nil
		default:
			f.mu.Lock()
			if c := f.waiting[a.ID]; c != nil {
				c <- a
				delete(f.waiting, a.ID)
			}
			f.mu.Unlock()
		}
	}
	f.mu.Lock()
	f.ended = errors.New("the browser has ended")
	for _, c := range f.waiting {
		c <- firefoxAnswer{Error: f.ended.Error()}
	}
	f.waiting = make(map[int]chan firefoxAnswer)
	f.mu.Unlock()
	select {
	case f.ready <- errors.New("it ended at its start"):
	default:
	}
}

// do gives a command and waits for its answer.
func (f *firefox) do(command, argument string) (string, error) {
	answer := make(chan firefoxAnswer, 1)
	f.mu.Lock()
	if f.ended != nil {
		f.mu.Unlock()
		return "", f.ended
	}
	f.next++
	id := f.next
	f.waiting[id] = answer
	line, err := json.Marshal(map[string]any{"id": id, command: argument})
	if err == nil {
		_, err = f.stdin.Write(append(line, '\n'))
	}
	f.mu.Unlock()
	if err != nil {
		return "", err
	}
	select {
	case a := <-answer:
		if a.Error != "" {
			return "", errors.New(a.Error)
		}
		return a.Value, nil
	case <-time.After(pageTimeout):
		return "", fmt.Errorf("no answer within %v", pageTimeout)
	}
}
