package avproc

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// pipeSize is what is asked for the pipes of a child, bytes: most of a picture,
// so that either side seldom waits for the other. The kernel may give less.
const pipeSize = 1 << 20

// ErrNoFFmpeg tells that the ffmpeg program is not there.
var ErrNoFFmpeg = errors.New("ffmpeg is not installed")

// Command says what a child runs.
type Command struct {
	Path string // program; looked up in PATH when it has no slash
	Args []string
	// Nice is added to the niceness of the child, 0 .. 19, so that forwarding
	// packets comes before composing.
	Nice   int
	Logger *slog.Logger
}

// Child is a running program with pipes to its input and from its output.
type Child struct {
	In  *os.File // the child's standard input; closing it asks it to finish
	Out *os.File // its standard output

	cmd    *exec.Cmd
	stderr *tail
	done   chan struct{}
	err    error // of Wait; read after done
	closed sync.Once
}

// Start runs a command. The child dies with this process, whatever kills it.
func Start(c Command) (*Child, error) {
	inR, inW, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("make a pipe to a child: %w", err)
	}
	outR, outW, err := os.Pipe()
	if err != nil {
		inR.Close()
		inW.Close()
		return nil, fmt.Errorf("make a pipe from a child: %w", err)
	}
	grow(inW)
	grow(outR)
	ch := &Child{In: inW, Out: outR, stderr: newTail(20), done: make(chan struct{})}
	ch.cmd = exec.Command(c.Path, c.Args...)
	ch.cmd.Stdin, ch.cmd.Stdout, ch.cmd.Stderr = inR, outW, ch.stderr
	ch.cmd.Env = append(os.Environ(), "AV_LOG_FORCE_NOCOLOR=1")
	ch.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	// A child that ignores its closed input must not keep Wait for ever.
	ch.cmd.WaitDelay = time.Second
	started := make(chan error)
	go ch.own(started)
	err = <-started
	inR.Close()
	outW.Close()
	if err != nil {
		inW.Close()
		outR.Close()
		if errors.Is(err, exec.ErrNotFound) || errors.Is(err, os.ErrNotExist) {
			return nil, fmt.Errorf("%w: %w", ErrNoFFmpeg, err)
		}
		return nil, fmt.Errorf("start %s: %w", c.Path, err)
	}
	if err := unix.Setpriority(unix.PRIO_PROCESS, ch.cmd.Process.Pid, c.Nice); err != nil && c.Logger != nil {
		c.Logger.Debug("set niceness of child", "err", err)
	}
	return ch, nil
}

// own starts the child and waits for it. Linux sends the parent-death signal
// when the *thread* that forked ends, so that thread belongs to this goroutine
// for as long as the child lives.
func (c *Child) own(started chan<- error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	err := c.cmd.Start()
	if err != nil {
		close(c.done)
		started <- err
		return
	}
	started <- nil
	c.err = c.cmd.Wait()
	close(c.done)
}

// PID of the child.
func (c *Child) PID() int { return c.cmd.Process.Pid }

// Done is closed when the child has ended and has been waited for.
func (c *Child) Done() <-chan struct{} { return c.done }

// Kill ends the child and whatever it started, at once.
func (c *Child) Kill() {
	select {
	case <-c.done:
	default:
		_ = syscall.Kill(-c.cmd.Process.Pid, syscall.SIGKILL)
	}
}

// Close closes the pipes, kills the child when it has not ended by the end of
// ctx, and waits for it. It is idempotent.
func (c *Child) Close(ctx context.Context) {
	c.closed.Do(func() {
		c.In.Close()
		select {
		case <-c.done:
		case <-ctx.Done():
			c.Kill()
			<-c.done
		}
		c.Out.Close()
	})
}

// finish ends a child whose output has ended with readErr: one that closed its
// output by itself gets a moment to leave in order.
func (c *Child) finish(readErr error) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if !errors.Is(readErr, io.EOF) {
		c.Kill()
	}
	c.Close(ctx)
}

// ok tells that the child has ended in order; call it after Done.
func (c *Child) ok() bool { return c.err == nil }

// Err says how the child ended, with its last words; call it after Done.
func (c *Child) Err() error {
	words := c.stderr.String()
	switch {
	case c.err == nil && words == "":
		return nil
	case c.err == nil:
		return fmt.Errorf("ffmpeg ended: %s", words)
	case words == "":
		return fmt.Errorf("ffmpeg: %w", c.err)
	}
	return fmt.Errorf("ffmpeg: %w: %s", c.err, words)
}

// grow enlarges a pipe's buffer as far as the kernel allows.
func grow(f *os.File) {
	rc, err := f.SyscallConn()
	if err != nil {
		return
	}
	_ = rc.Control(func(fd uintptr) {
		_, _ = unix.FcntlInt(fd, unix.F_SETPIPE_SZ, pipeSize)
	})
}

// tail keeps the last lines of what is written to it.
type tail struct {
	mu    sync.Mutex
	max   int // lines
	lines []string
	part  []byte
}

func newTail(lines int) *tail { return &tail{max: lines} }

// Write never fails.
func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, b := range p {
		if b != '\n' && b != '\r' {
			if len(t.part) < 400 {
				t.part = append(t.part, b)
			}
			continue
		}
		t.flushLocked()
	}
	return len(p), nil
}

func (t *tail) flushLocked() {
	if line := strings.TrimSpace(string(t.part)); line != "" {
		t.lines = append(t.lines, line)
		if len(t.lines) > t.max {
			t.lines = t.lines[len(t.lines)-t.max:]
		}
	}
	t.part = t.part[:0]
}

// String returns the last lines, oldest first.
func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.flushLocked()
	return strings.Join(t.lines, "; ")
}
