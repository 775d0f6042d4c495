package turn

import (
	"fmt"
	"log/slog"

	"github.com/pion/logging"
)

// logFactory gives pion a logger that shows its errors as our debug lines: they
// are the network's, and one client's.
type logFactory struct{ log *slog.Logger }

// NewLogger implements logging.LoggerFactory.
func (f logFactory) NewLogger(string) logging.LeveledLogger { return logger(f) }

type logger struct{ log *slog.Logger }

// Trace to Infof are per packet and silent.
func (logger) Trace(string)          {}
func (logger) Tracef(string, ...any) {}
func (logger) Debug(string)          {}
func (logger) Debugf(string, ...any) {}
func (logger) Info(string)           {}
func (logger) Infof(string, ...any)  {}

func (l logger) Warn(m string)            { l.log.Debug(m) }
func (l logger) Warnf(f string, a ...any) { l.log.Debug(fmt.Sprintf(f, a...)) }
func (l logger) Error(m string)           { l.log.Debug(m) }
func (l logger) Errorf(f string, a ...any) {
	l.log.Debug(fmt.Sprintf(f, a...))
}
