// Command meetcast is the whole product: meetings in browsers, live broadcast,
// recording.
package main

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/alecthomas/kong"

	"github.com/meetcast/meetcast/internal/loadtest"
)

// commands is the command line; each command is one file.
type commands struct {
	Serve    serveCmd    `cmd:"" default:"withargs" help:"Start the server."`
	Token    tokenCmd    `cmd:"" help:"Make room and invite tokens."`
	Loadtest loadtestCmd `cmd:"" help:"Put simulated participants into rooms and measure."`
	Doctor   doctorCmd   `cmd:"" help:"Look at this machine and say what to mend."`
	Version  versionCmd  `cmd:"" help:"Print the version."`
}

// exitError ends the program with a status of its own; its text, if any, has
// already been printed.
type exitError int

func (e exitError) Error() string { return fmt.Sprintf("exit status %d", int(e)) }

func main() {
	var c commands
	k := kong.Parse(&c,
		kong.Name("meetcast"),
		kong.Description("Self-hosted video meetings that go live."),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}),
		kong.Vars{"limits": strings.Join(loadtest.LimitNames(), ", ")},
	)
	err := k.Run()
	var exit exitError
	switch {
	case err == nil:
	case errors.As(err, &exit):
		os.Exit(int(exit))
	default:
		fmt.Fprintln(os.Stderr, "meetcast:", strings.ReplaceAll(err.Error(), "\n", "; "))
		os.Exit(1)
	}
}
