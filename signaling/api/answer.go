package api

import (
	"errors"
	"log/slog"
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/meetcast/meetcast/auth"
	"github.com/meetcast/meetcast/internal/catalog"
	"github.com/meetcast/meetcast/internal/httpjson"
)

// problem is an error of this package with all that its answer needs.
type problem struct {
	status         int
	title, message string
	retry          time.Duration // for the header Retry-After; 0 means none
}

func (p *problem) Error() string { return p.message }

// because returns the same problem with a more exact sentence.
func (p *problem) because(message string) *problem {
	d := *p
	d.message = message
	return &d
}

var (
	errNoSuchPath = &problem{status: http.StatusNotFound, title: "Not found",
		message: "There is nothing at this address."}
	errNotFound = &problem{status: http.StatusNotFound, title: "Not found",
		message: "This organisation has no such stream."}
	errMethod = &problem{status: http.StatusMethodNotAllowed, title: "Method not allowed"}
	errBody   = &problem{status: http.StatusBadRequest, title: "Invalid request",
		message: "The body must be one JSON object."}
	errMissing = &problem{status: http.StatusBadRequest, title: "Missing parameter"}
	errQuery   = &problem{status: http.StatusBadRequest, title: "Invalid parameter"}
	errTooBig  = &problem{status: http.StatusRequestEntityTooLarge, title: "Request too large",
		message: "The body has more than 64 KiB."}
	errHost = &problem{status: http.StatusBadRequest, title: "Invalid host",
		message: "The Host of the request is no host name or address."}
	errTaken = &problem{status: http.StatusForbidden, title: "Stream name taken",
		message: "This stream name belongs to another organisation; choose another or leave it out."}
	errInternal = &problem{status: http.StatusInternalServerError, title: "Internal error",
		message: "The server could not do this; try again in a moment."}
)

func tooMany(wait time.Duration) *problem {
	return &problem{status: http.StatusTooManyRequests, title: "Too many attempts", retry: wait,
		message: "Too many wrong keys or tokens came from your address; wait a moment and check the key."}
}

// asProblem is the one place where an error becomes an answer. Whatever it does
// not know is our own fault, and its text stays here.
func asProblem(err error) *problem {
	var (
		own     *problem
		refusal *auth.Error
		invalid *catalog.InvalidError
	)
	switch {
	case errors.As(err, &own):
		return own
	case errors.As(err, &refusal):
		return &problem{status: refusal.Status(), title: refusal.Title, message: refusal.Message}
	case errors.As(err, &invalid):
		return &problem{status: http.StatusBadRequest, title: "Invalid " + invalid.Field, message: invalid.Message}
	case errors.Is(err, catalog.ErrAPIKey):
		return asProblem(auth.ErrAPIKey)
	case errors.Is(err, catalog.ErrTaken):
		return errTaken
	case errors.Is(err, catalog.ErrNotFound):
		return errNotFound
	}
	return errInternal
}

func (a *API) fail(w http.ResponseWriter, r *http.Request, err error) {
	p := asProblem(err)
	if p == errInternal && r.Context().Err() == nil {
		a.log.Error("request failed", slog.String("method", r.Method), slog.String("path", r.URL.Path), slog.Any("error", err))
	}
	if p.retry > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(p.retry.Seconds()))))
	}
	httpjson.Error(w, p.status, p.title, p.message)
}
