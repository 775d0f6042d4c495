package store

import (
	"fmt"
	"log/slog"
	"sync"
)

// natsLog turns the lines of the embedded server into slog records. Its notices
// are start-up chatter and go to the debug level. It remembers the first fatal
// line, because the server reports a failed start in no other way.
type natsLog struct {
	log *slog.Logger

	mu    sync.Mutex
	fatal string
}

func (l *natsLog) Noticef(format string, v ...any) { l.log.Debug(fmt.Sprintf(format, v...)) }
func (l *natsLog) Warnf(format string, v ...any)   { l.log.Warn(fmt.Sprintf(format, v...)) }
func (l *natsLog) Errorf(format string, v ...any)  { l.log.Error(fmt.Sprintf(format, v...)) }
func (l *natsLog) Debugf(format string, v ...any)  { l.log.Debug(fmt.Sprintf(format, v...)) }
func (l *natsLog) Tracef(string, ...any)           {}

func (l *natsLog) Fatalf(format string, v ...any) {
	line := fmt.Sprintf(format, v...)
	l.mu.Lock()
	if l.fatal == "" {
		l.fatal = line
	}
	l.mu.Unlock()
	l.log.Error(line)
}

// Fatal returns the first fatal line, or "".
func (l *natsLog) Fatal() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.fatal
}
