// Package doctor looks at a machine as the server would use it, or at a server
// from outside as browsers do, and says, one line a check, what is fine and what
// to do about the rest.
package doctor

import (
	"context"
	"fmt"
	"io"
)

// Level says how bad a finding is.
type Level int

// The levels: OK, works with a drawback, does not work.
const (
	OK Level = iota
	Warning
	Failure
)

// String returns the mark at the start of a line.
func (l Level) String() string {
	return [...]string{"ok  ", "warn", "FAIL"}[l]
}

// Finding is the outcome of one check.
type Finding struct {
	Check string // what was looked at
	Level Level
	Text  string // what was found
	Todo  string // what to do; empty when OK
}

// Config is what the server would be started with.
type Config struct {
	DataDir       string
	HTTPAddress   string // host:port
	PublicURL     string // may be empty
	TLS           bool
	RTCPort       int
	RTCTCP        bool
	AdvertisedIPs []string
	IngestAddress string // host:port; empty means a free loopback port
	// TURNAddress (UDP and TCP) and TURNTLSAddress, host:port; empty for none.
	TURNAddress, TURNTLSAddress string
	FFmpeg                      string // path or name
	Encoder                     string
}

// Run makes all checks in order.
func Run(ctx context.Context, c Config) []Finding {
	running := serverAt(ctx, c)
	list := []Finding{dataFolder(c.DataDir), ports(c, running)}
	list = append(list, ffmpeg(ctx, c.FFmpeg, c.Encoder)...)
	return append(list, addresses(c, interfaceIPs()), secureContext(c), clock(c.DataDir))
}

// Write prints findings for people and returns the worst level.
func Write(w io.Writer, list []Finding) Level {
	worst := OK
	for _, f := range list {
		fmt.Fprintf(w, "%s  %-18s %s\n", f.Level, f.Check, f.Text)
		if f.Todo != "" {
			fmt.Fprintf(w, "      %-18s → %s\n", "", f.Todo)
		}
		worst = max(worst, f.Level)
	}
	return worst
}
