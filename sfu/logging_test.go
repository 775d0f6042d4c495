package sfu

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/pion/logging"
)

// logFactory sends the logs of pion's clients to slog.
type logFactory struct{ log *slog.Logger }

// NewLogger implements logging.LoggerFactory.
func (f logFactory) NewLogger(scope string) logging.LeveledLogger {
	return pionLog{f.log.With("pion", scope)}
}

type pionLog struct{ log *slog.Logger }

func (l pionLog) printf(format string, args []any) {
	if l.log.Enabled(context.Background(), slog.LevelDebug) {
		l.log.Debug(fmt.Sprintf(format, args...))
	}
}

func (l pionLog) Trace(string)                 {}
func (l pionLog) Tracef(string, ...any)        {}
func (l pionLog) Debug(string)                 {}
func (l pionLog) Debugf(string, ...any)        {}
func (l pionLog) Info(m string)                { l.log.Debug(m) }
func (l pionLog) Infof(f string, args ...any)  { l.printf(f, args) }
func (l pionLog) Warn(m string)                { l.log.Debug(m) }
func (l pionLog) Warnf(f string, args ...any)  { l.printf(f, args) }
func (l pionLog) Error(m string)               { l.log.Debug(m) }
func (l pionLog) Errorf(f string, args ...any) { l.printf(f, args) }
