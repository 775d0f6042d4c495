package signaling

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/meetcast/meetcast/sfu/room"
	"github.com/meetcast/meetcast/signaling/wire"
	"github.com/meetcast/meetcast/signaling/ws"
)

// Kind sorts errors by whom they concern.
type Kind uint8

// The kinds.
const (
	KindOurs         Kind = iota // our fault: told without detail, and logged
	KindUser                     // what was asked for makes no sense
	KindNotFound                 // what was asked for is not there
	KindConflict                 // not possible in the present state
	KindRate                     // too often
	KindProtocol                 // the page breaks the protocol: the socket is closed
	KindTimeout                  // the page is too slow: the socket is closed
	KindUnauthorized             // the token is not accepted
	KindPermission               // the token does not permit it
	KindBanned                   // the token was removed from the room
	KindGone                     // there is no member to resume
	KindFull                     // no place in the room or on the server
	KindDestination              // the RTMP target refused or cannot be reached
	KindUnavailable              // the server lacks something, such as ffmpeg
)

// Error is an error with a sentence for the person at the page.
type Error struct {
	Kind    Kind
	Message string
	Err     error // the cause, for the log; may be nil
}

// NewError returns an error of a kind; cause may be nil.
func NewError(kind Kind, message string, cause error) *Error {
	return &Error{Kind: kind, Message: message, Err: cause}
}

// Error returns the sentence and the cause.
func (e *Error) Error() string {
	if e.Err == nil {
		return e.Message
	}
	return e.Message + ": " + e.Err.Error()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

func userError(format string, args ...any) error {
	return NewError(KindUser, fmt.Sprintf(format, args...), nil)
}

// verdict is how an error is told to the page.
type verdict struct {
	code    string // of wire.Error
	message string
	close   int  // the close code, should the socket be closed
	fatal   bool // the socket is closed whatever was asked
	ours    bool // to be logged
}

// judge is the one place that maps errors to what a page is told.
func judge(err error) verdict {
	e := classify(err)
	v := verdict{message: e.Message}
	switch e.Kind {
	case KindUser:
		v.code, v.close = wire.CodeBadRequest, wire.CloseBadMessage
	case KindProtocol:
		v.code, v.close, v.fatal = wire.CodeBadRequest, wire.CloseBadMessage, true
	case KindTimeout:
		v.code, v.close, v.fatal = wire.CodeBadRequest, wire.CloseTimeout, true
	case KindUnauthorized:
		v.code, v.close = wire.CodeUnauthorized, wire.CloseUnauthorized
	case KindPermission:
		v.code, v.close = wire.CodeForbidden, wire.CloseUnauthorized
	case KindBanned:
		v.code, v.close = wire.CodeForbidden, wire.CloseKicked
	case KindNotFound, KindGone:
		v.code, v.close = wire.CodeNotFound, wire.CloseGone
	case KindConflict:
		v.code, v.close = wire.CodeConflict, wire.CloseInternal
	case KindRate:
		v.code, v.close = wire.CodeRate, wire.CloseRate
	case KindFull:
		v.code, v.close = wire.CodeUnavailable, wire.CloseFull
	case KindUnavailable:
		v.code, v.close = wire.CodeUnavailable, wire.CloseInternal
	case KindDestination:
		v.code, v.close = wire.CodeDestination, wire.CloseInternal
	default:
		v.code, v.close, v.ours = wire.CodeInternal, wire.CloseInternal, true
		v.message = "Something went wrong on the server. Try again."
	}
	v.fatal = v.fatal || errors.Is(err, ws.ErrRate)
	return v
}

// classify makes an Error of any error.
func classify(err error) *Error {
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	for _, known := range sentences {
		if errors.Is(err, known.err) {
			return NewError(known.kind, known.message, err)
		}
	}
	if errors.Is(err, wire.ErrFields) {
		return NewError(KindUser, fieldSentence(err), err)
	}
	return NewError(KindOurs, "", err)
}

// sentences are the errors of the packages below, in words for people.
var sentences = []struct {
	err     error
	kind    Kind
	message string
}{
	{room.ErrFull, KindFull, "This room is full."},
	{room.ErrTooManyRooms, KindFull, "The server has no place for another room at the moment."},
	{room.ErrBanned, KindBanned, "A moderator removed you from this room."},
	{room.ErrForbidden, KindPermission, "Only moderators may do that."},
	{room.ErrNoMember, KindNotFound, "This participant is no longer in the room."},
	{room.ErrSelf, KindUser, "You cannot do that to yourself."},
	{room.ErrGone, KindGone, "You are no longer in this room."},
	{room.ErrClosed, KindUnavailable, "The server is shutting down."},
	{ws.ErrTooLarge, KindProtocol, "The message is too large."},
	{ws.ErrBinary, KindProtocol, "Messages are JSON text, not binary."},
	{ws.ErrRate, KindRate, "Too many messages. Try again later."},
	{wire.ErrSyntax, KindProtocol, "A message is a JSON object with a type."},
	{wire.ErrUnknownType, KindUser, "The server does not know this type of message."},
	{context.DeadlineExceeded, KindUnavailable, "This took too long. Try again."},
	{context.Canceled, KindUnavailable, "The server is shutting down."},
}

// fieldSentence names the field that does not fit.
func fieldSentence(err error) string {
	var te *json.UnmarshalTypeError
	if errors.As(err, &te) && te.Field != "" {
		return fmt.Sprintf("Field %q of the message cannot be a %s.", te.Field, te.Value)
	}
	return "The fields of the message are not as they should be."
}
