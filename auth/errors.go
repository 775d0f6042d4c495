package auth

import (
	"errors"
	"net/http"
)

// Kind sorts errors by what the client may do about them.
type Kind int

// The kinds of errors and their HTTP statuses.
const (
	Invalid      Kind = iota + 1 // 400: the request itself is wrong
	Unauthorized                 // 401: the key or token does not count
	Forbidden                    // 403: it counts and does not allow this
)

// Error is a refusal. Two errors are the same to errors.Is when their Code is.
type Error struct {
	Kind Kind
	// Code names the refusal for programs, as in "bad-room".
	Code string
	// Title is a few words, Message a sentence that says what to do.
	Title, Message string
}

// Error returns the sentence.
func (e *Error) Error() string { return e.Message }

// Is compares by Code, so that a detailed message stays the same error.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.Code == e.Code
}

// Status is the HTTP status of the refusal.
func (e *Error) Status() int {
	switch e.Kind {
	case Invalid:
		return http.StatusBadRequest
	case Unauthorized:
		return http.StatusUnauthorized
	case Forbidden:
		return http.StatusForbidden
	}
	return http.StatusInternalServerError
}

// Refusal returns the *Error in err's chain, and false when the fault is ours.
func Refusal(err error) (*Error, bool) {
	var e *Error
	ok := errors.As(err, &e)
	return e, ok
}

// because returns the same error with a more exact sentence.
func (e *Error) because(message string) *Error {
	d := *e
	d.Message = message
	return &d
}

// What is wrong with a request for a token.
var (
	ErrRoom = &Error{Invalid, "bad-room", "Invalid room name",
		"A room name has 1 to 128 characters out of a-z, A-Z, 0-9 and _."}
	ErrServer = &Error{Invalid, "bad-server", "Invalid server",
		"server is a host name or address with an optional port, such as meet.example.com or 192.0.2.7:8080."}
	ErrStreamName = &Error{Invalid, "bad-streamname", "Invalid stream name",
		"A stream name has 1 to 64 characters out of a-z, A-Z, 0-9, - and _ and begins with a letter or digit."}
	ErrDate = &Error{Invalid, "bad-date", "Invalid date",
		"Dates are ISO 8601 such as 2021-06-01T12:00 (UTC), 2021-06-01T12:00:00Z or 2021-06-01T14:00:00+02:00."}
	ErrDateOrder = &Error{Invalid, "date-order", "Invalid dates",
		"exp must be later than nbf."}
	ErrExpired = &Error{Invalid, "date-past", "Invalid expiration date",
		"exp is already past; choose a later date."}
	ErrTooLong = &Error{Invalid, "date-too-far", "Invalid expiration date",
		"A token may last at most one year; choose an earlier exp."}
	ErrInviteLong = &Error{Invalid, "invite-too-long", "Invalid expiration date",
		"An invite cannot outlive the token that makes it; choose an earlier exp."}
	ErrInviteEarly = &Error{Invalid, "invite-too-early", "Invalid start date",
		"An invite cannot begin before the token that makes it; choose a later nbf."}
)

// Why a token or key does not count.
var (
	ErrTokenMissing = &Error{Unauthorized, "token-missing", "Token missing",
		"No token was given."}
	ErrTokenMalformed = &Error{Unauthorized, "token-malformed", "Invalid token",
		"This is not a token of this service; it may have been cut short when it was copied."}
	ErrTokenAlgorithm = &Error{Unauthorized, "token-algorithm", "Invalid token",
		"The token is not signed with RS256."}
	ErrTokenKey = &Error{Unauthorized, "token-key", "Invalid token",
		"The token was signed with a key that this server does not know."}
	ErrTokenSignature = &Error{Unauthorized, "token-signature", "Invalid token",
		"The signature of the token is wrong; it was changed or comes from elsewhere."}
	ErrTokenAudience = &Error{Unauthorized, "token-audience", "Invalid token",
		"The token was made for another service."}
	ErrTokenClaims = &Error{Unauthorized, "token-claims", "Invalid token",
		"The token lacks what a room token must hold."}
	ErrTokenExpired = &Error{Unauthorized, "token-expired", "Token expired",
		"The token has expired; ask for a new invitation."}
	ErrTokenEarly = &Error{Unauthorized, "token-early", "Token not yet valid",
		"The token is not valid yet; come back when the meeting begins."}
	ErrTokenRevoked = &Error{Unauthorized, "token-revoked", "Token revoked",
		"The token was revoked, for example because its holder was removed from the room."}
	ErrAPIKey = &Error{Unauthorized, "api-key", "Invalid API key",
		"The API key is missing or unknown."}
)

// Why something is not allowed.
var (
	ErrModerator = &Error{Forbidden, "not-moderator", "Not a moderator",
		"Only a moderator may do this; the token is a participant's."}
	ErrFeature = &Error{Forbidden, "feature-off", "nanoMeet not enabled",
		"nanoMeet is switched off for this organisation."}
)
