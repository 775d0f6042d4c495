package avproc

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/meetcast/meetcast/internal/backoff"
)

// The pauses between restarts of a child: nearly at once after one that worked,
// then doubling up to a bound that keeps "back within a second" true.
var restarts = backoff.Policy{Min: 20 * time.Millisecond, Max: 600 * time.Millisecond}

var errShort = errors.New("the child ended before it gave everything")

// stallAfter is how long a child that is fed may give nothing before it is killed.
const stallAfter = 3 * time.Second

// EncoderStats counts what an encoder did.
type EncoderStats struct {
	Starts     uint64 // children started
	Crashes    uint64 // children that ended without being asked
	Out        uint64 // samples
	Duplicated uint64 // pictures encoded again because their own was not there
	Skipped    uint64 // numbers left out because the child was too far behind
	Lag        int64  // pictures (or AAC frames) between the clock and the newest sample
	LastErr    string // how the last child ended
}

// medium is the half of an encoder that knows what is encoded. Methods that end
// in Locked are called under the encoder's mu.
type medium interface {
	// beginLocked prepares for a child that starts with nextOut.
	beginLocked()
	// feed writes to the child until it ends or nothing more will come. True
	// tells that it has been given everything.
	feed(*Child) bool
	// read takes samples from the child until it ends.
	read(*Child) error
	// waitingLocked tells that the child owes a sample.
	waitingLocked() bool
	// overLocked tells that nothing is left to encode. err is how the last child
	// ended, nil in order after it was given everything.
	overLocked(err error) bool
	// lagLocked is EncoderStats.Lag.
	lagLocked() int64
}

// encoder keeps one encoding child running until everything has been encoded:
// the half that sound and pictures have in common.
type encoder struct {
	what    string // in logs
	command Command
	medium  medium
	log     *slog.Logger

	// Under mu, as are the fields of the medium.
	mu      sync.Mutex
	cond    *sync.Cond // input, the end of a child, Close
	nextOut int64      // number of the next sample
	child   *Child
	drain   bool // no more input: finish
	closed  bool
	stats   EncoderStats

	stop chan struct{}
	done chan struct{}
}

// start begins; the medium must be ready.
func (e *encoder) start(what string, c Command, m medium) {
	e.what, e.command, e.medium, e.log = what, c, m, c.Logger
	e.cond = sync.NewCond(&e.mu)
	e.stop, e.done = make(chan struct{}), make(chan struct{})
	go e.run()
}

// Stats returns the counters.
func (e *encoder) Stats() EncoderStats {
	e.mu.Lock()
	defer e.mu.Unlock()
	s := e.stats
	s.Lag = e.medium.lagLocked()
	return s
}

// PID of the child, 0 when none runs.
func (e *encoder) PID() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.child == nil {
		return 0
	}
	return e.child.PID()
}

// Close encodes what was written and ends the child; at the end of ctx it kills
// it. It waits, and is idempotent.
func (e *encoder) Close(ctx context.Context) {
	e.mu.Lock()
	e.drain = true
	e.cond.Broadcast()
	e.mu.Unlock()
	select {
	case <-e.done:
		return
	case <-ctx.Done():
	}
	e.mu.Lock()
	if !e.closed {
		e.closed = true
		close(e.stop)
		if e.child != nil {
			e.child.Kill()
		}
		e.cond.Broadcast()
	}
	e.mu.Unlock()
	<-e.done
}

// run replaces children that die.
func (e *encoder) run() {
	defer close(e.done)
	again := backoff.New(restarts)
	for {
		before := e.Stats().Out
		err := e.encode()
		e.mu.Lock()
		over := e.closed || e.medium.overLocked(err)
		if !over {
			if err == nil {
				err = errShort
			}
			e.stats.Crashes++
			e.stats.LastErr = fmt.Sprint(err)
		}
		if e.stats.Out > before {
			again.Reset()
		}
		e.mu.Unlock()
		if over {
			return
		}
		e.log.Warn(e.what+" encoder child ended", "err", err)
		select {
		case <-time.After(again.Next()):
		case <-e.stop:
			return
		}
	}
}

// encode runs one child to its end; nil when it ended in order after it was
// given everything.
func (e *encoder) encode() error {
	child, err := Start(e.command)
	if err != nil {
		return err
	}
	e.mu.Lock()
	e.stats.Starts++
	e.child = child
	e.medium.beginLocked()
	if e.closed {
		child.Kill()
	}
	e.mu.Unlock()

	fed := make(chan bool, 1)
	go func() { fed <- e.medium.feed(child) }()
	watched := make(chan struct{})
	go e.watch(child, watched)
	readErr := e.medium.read(child)
	e.mu.Lock()
	e.child = nil
	e.cond.Broadcast()
	e.mu.Unlock()
	child.finish(readErr)
	all := <-fed
	<-watched
	if all && child.ok() {
		return nil
	}
	if err := child.Err(); err != nil {
		return err
	}
	return readErr
}

// allFed tells a feeder that has nothing more to write whether the child was
// given everything; if not, the child has ended first.
func (e *encoder) allFed(child *Child) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.drain && e.child == child
}

// watch kills a child that takes input and gives nothing.
func (e *encoder) watch(child *Child, watched chan<- struct{}) {
	defer close(watched)
	tick := time.NewTicker(stallAfter / 3)
	defer tick.Stop()
	last, since := int64(-1), time.Now()
	for {
		select {
		case <-child.Done():
			return
		case <-tick.C:
		}
		e.mu.Lock()
		out, waiting := e.nextOut, e.medium.waitingLocked()
		e.mu.Unlock()
		if out != last || !waiting {
			last, since = out, time.Now()
		} else if time.Since(since) > stallAfter {
			e.log.Warn(e.what + " encoder child stalls")
			child.Kill()
		}
	}
}
