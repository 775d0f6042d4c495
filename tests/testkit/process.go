package testkit

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// markName is the environment variable that marks a harness's process and, by
// inheritance, all its descendants, wherever they are moved to.
const markName = "TESTKIT_MARK"

// logTail is how much of a log a failing test shows, lines.
const logTail = 60

// process is a program under a harness: its output goes to a file and it dies
// with the test.
type process struct {
	name string
	mark string // markName's value
	log  string // file with its output

	mu   sync.Mutex
	cmd  *exec.Cmd
	done chan struct{} // closed when it has been waited for
	err  error         // of Wait, valid after done
}

func newProcess(t testing.TB, name string) *process {
	p := &process{
		name: name, mark: fmt.Sprintf("%s-%d-%d", name, os.Getpid(), time.Now().UnixNano()),
		log: filepath.Join(t.TempDir(), name+".log"),
	}
	t.Cleanup(func() {
		p.kill()
		if t.Failed() {
			t.Logf("%s's log ends:\n%s", name, tail(p.output(), logTail))
		}
	})
	return p
}

// start runs the program; output of an earlier run is kept before the new one.
func (p *process) start(env []string, program string, args ...string) error {
	log, err := os.OpenFile(p.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return fmt.Errorf("open log of %s: %w", p.name, err)
	}
	defer log.Close() // the child has its own
	cmd := exec.Command(program, args...)
	cmd.Env = append(env, markName+"="+p.mark)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start %s: %w", p.name, err)
	}
	done := make(chan struct{})
	p.mu.Lock()
	p.cmd, p.done = cmd, done
	p.mu.Unlock()
	go func() {
		err := cmd.Wait()
		p.mu.Lock()
		p.err = err
		p.mu.Unlock()
		close(done)
	}()
	return nil
}

func (p *process) running() (*exec.Cmd, chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cmd == nil {
		return nil, nil
	}
	select {
	case <-p.done:
		return nil, nil
	default:
		return p.cmd, p.done
	}
}

// stop asks the program to end and waits; it fails when the program does not
// end in time (then it is killed) or ends with an error.
func (p *process) stop(timeout time.Duration) error {
	cmd, done := p.running()
	if cmd == nil {
		return nil
	}
	_ = cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-done:
		p.mu.Lock()
		defer p.mu.Unlock()
		if p.err != nil {
			return fmt.Errorf("stop %s: %w", p.name, p.err)
		}
		return nil
	case <-time.After(timeout):
		p.kill()
		return fmt.Errorf("stop %s: still there after %v", p.name, timeout)
	}
}

// kill ends the program as a crash would: without a word, its children left to
// themselves. It waits until the program is gone.
func (p *process) kill() {
	if cmd, done := p.running(); cmd != nil {
		_ = cmd.Process.Kill()
		<-done
	}
}

func (p *process) output() string {
	raw, err := os.ReadFile(p.log)
	if err != nil {
		return ""
	}
	return string(raw)
}

// Process is a running program found by its mark.
type Process struct {
	PID     int
	Command string
}

// descendants returns the processes that carry the mark, the marked program
// itself left out. Zombies do not count: they run no more.
func (p *process) descendants() []Process {
	own := 0
	if cmd, _ := p.running(); cmd != nil {
		own = cmd.Process.Pid
	}
	var found []Process
	for _, q := range marked(p.mark) {
		if q.PID != own {
			found = append(found, q)
		}
	}
	return found
}

func marked(mark string) []Process {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil
	}
	want := []byte(markName + "=" + mark)
	var found []Process
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		env, err := os.ReadFile(filepath.Join("/proc", e.Name(), "environ"))
		if err != nil || !hasEntry(env, want) {
			continue
		}
		if command, err := os.ReadFile(filepath.Join("/proc", e.Name(), "cmdline")); err == nil && len(command) > 0 {
			found = append(found, Process{pid, strings.Join(strings.Split(strings.TrimRight(string(command), "\x00"), "\x00"), " ")})
		}
	}
	return found
}

func hasEntry(environ, want []byte) bool {
	for entry := range bytes.SplitSeq(environ, []byte{0}) {
		if bytes.Equal(entry, want) {
			return true
		}
	}
	return false
}

// noDescendants waits until no child of the program is left.
func (p *process) noDescendants(timeout time.Duration) error {
	return until(timeout, func() error {
		left := p.descendants()
		if len(left) == 0 {
			return nil
		}
		var names []string
		for _, q := range left {
			names = append(names, fmt.Sprintf("%d %.120s", q.PID, q.Command))
		}
		return errors.New("processes left behind: " + strings.Join(names, "; "))
	})
}

// killDescendants clears up after a failed test.
func (p *process) killDescendants() {
	for _, q := range p.descendants() {
		_ = syscall.Kill(q.PID, syscall.SIGKILL)
	}
}
