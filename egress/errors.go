package egress

import (
	"errors"
	"fmt"
)

// Audience says who can do something about an error.
type Audience uint8

// The audiences.
const (
	// Internal errors are ours: a bug, a dying child.
	Internal Audience = iota
	// Destination errors are for the moderator: the RTMP target refused, is not
	// there, may not be used.
	Destination
	// Unavailable errors are for whoever runs the server: no ffmpeg, too many
	// broadcasts.
	Unavailable
	// Conflict tells that the call does not fit the state: already running.
	Conflict
	// NotFound tells that no broadcast runs in the room.
	NotFound
	// Invalid tells that the request makes no sense.
	Invalid
)

// Error is an error with the audience that can act on it. Its text is a
// sentence that may be shown.
type Error struct {
	Audience Audience
	Message  string // what happened and what to do
	Err      error  // the cause, may be nil
}

// Error returns the sentence for the audience.
func (e *Error) Error() string { return e.Message }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// AudienceOf returns the audience of an error, Internal when it has none.
func AudienceOf(err error) Audience {
	var e *Error
	if errors.As(err, &e) {
		return e.Audience
	}
	return Internal
}

// DestinationError is for sinks: a failure that a moderator can mend, said in
// one sentence.
func DestinationError(message string, cause error) error {
	return &Error{Audience: Destination, Message: message, Err: cause}
}

func newError(a Audience, cause error, format string, args ...any) error {
	return &Error{Audience: a, Message: fmt.Sprintf(format, args...), Err: cause}
}
