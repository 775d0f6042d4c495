package vod

import (
	"errors"
	"syscall"
	"time"

	"github.com/meetcast/meetcast/egress/mp4"
)

// State of a recording.
type State string

// The states.
const (
	Running    State = "recording"
	Finalising State = "finalising"
	Finished   State = "finished"
	Failed     State = "failed" // nothing more is written; see Err
)

// Status is what is true about a recording now.
type Status struct {
	State State
	Name  string
	// Duration and Bytes written to the file so far.
	Duration time.Duration
	Bytes    int64
	// Synced is when the disk last had all of it; zero before.
	Synced time.Time
	// Dropped samples because the disk was too slow.
	Dropped uint64
	// Err is why nothing is recorded, or why the recording is not finished; its
	// Error is a sentence for a moderator.
	Err error
}

// Error is why a recording failed.
type Error struct {
	Message string // for a moderator
	Err     error
}

// Error returns the sentence for a moderator.
func (e *Error) Error() string { return e.Message }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

func newError(err error) *Error {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return &Error{Message: "The recording stopped because the server's disk is full. What was recorded until then is kept.", Err: err}
	}
	if errors.Is(err, mp4.ErrParams) {
		return &Error{Message: "The recording stopped because the format of this programme cannot be recorded.", Err: err}
	}
	return &Error{Message: "The recording stopped because the server cannot write to its disk. What was recorded until then is kept.", Err: err}
}
