package loadtest

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// plainEvery is how often a progress line is written where it cannot be
// overwritten: in a log file or a pipe.
const plainEvery = 5 * time.Second

// progress writes one live line on a terminal, plain lines elsewhere. It is
// used by one goroutine.
type progress struct {
	out      io.Writer
	terminal bool
	last     time.Time
	open     bool // a live line stands without a line end
}

func newProgress(out io.Writer) *progress {
	if out == nil {
		out = io.Discard
	}
	return &progress{out: out, terminal: isTerminal(out)}
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	_, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	return err == nil
}

// step writes a line that stays.
func (p *progress) step(format string, args ...any) {
	p.end()
	fmt.Fprintf(p.out, format+"\n", args...)
}

// live shows how things stand now.
func (p *progress) live(now time.Time, format string, args ...any) {
	if p.terminal {
		fmt.Fprintf(p.out, "\r\x1b[K"+format, args...)
		p.open = true
		return
	}
	if now.Sub(p.last) >= plainEvery {
		p.last = now
		fmt.Fprintf(p.out, format+"\n", args...)
	}
}

// barWidth is the length of the bar, in characters.
const barWidth = 24

// bar shows how far a phase is, and how things stand.
func (p *progress) bar(now time.Time, done float64, format string, args ...any) {
	filled := int(min(max(done, 0), 1) * barWidth)
	bar := strings.Repeat("█", filled) + strings.Repeat("░", barWidth-filled)
	p.live(now, "%s %s", bar, fmt.Sprintf(format, args...))
}

// end closes the live line.
func (p *progress) end() {
	if p.open {
		fmt.Fprintln(p.out)
		p.open = false
	}
}
