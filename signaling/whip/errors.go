package whip

import (
	"net/http"

	"github.com/meetcast/meetcast/internal/httpjson"
	"github.com/meetcast/meetcast/signaling"
)

// refusal is an error with the HTTP status that tells it.
type refusal struct {
	status         int
	title, message string
}

// Error returns the sentence for people.
func (e *refusal) Error() string { return e.message }

// The refusals that say the same each time.
var (
	errNoToken = &refusal{http.StatusUnauthorized, "token missing",
		"Send the room's token in the header Authorization: Bearer TOKEN."}
	errOtherRoom = &refusal{http.StatusForbidden, "another room", "The token is for another room than the address."}
	errNotSDP    = &refusal{http.StatusUnsupportedMediaType, "not an offer", "Send the offer with Content-Type: application/sdp."}
	errNotFrag   = &refusal{http.StatusUnsupportedMediaType, "not a fragment",
		"Send candidates with Content-Type: application/trickle-ice-sdpfrag."}
	errOversize  = &refusal{http.StatusRequestEntityTooLarge, "too large", "The body is larger than any offer or fragment has to be."}
	errSlow      = &refusal{http.StatusRequestTimeout, "too slow", "The body did not come in time."}
	errNoSession = &refusal{http.StatusNotFound, "no such session", "This session has ended or never was. Make a new one with POST."}
	errNoMatch   = &refusal{http.StatusPreconditionRequired, "If-Match missing",
		"Send If-Match with the ETag of the session, or * to restart ICE."}
	errOldMatch = &refusal{http.StatusPreconditionFailed, "ICE session changed", "The ETag is not that of the present ICE session."}
	errRate     = &refusal{http.StatusTooManyRequests, "too many requests", "Candidates come too fast. Send several in one PATCH."}
	errFull     = &refusal{http.StatusServiceUnavailable, "server full", "The server has no place for another session at the moment."}
	errPending  = &refusal{http.StatusTooManyRequests, "too many sessions", "Too many sessions from this address are not connected yet. Wait a moment."}
	errStopping = &refusal{http.StatusServiceUnavailable, "stopping", "The server is shutting down. Try again in a moment."}
	errNoRoom   = &refusal{http.StatusNotFound, "nobody there", "This participant is not in the room."}
)

// badOffer refuses an offer that is read but cannot be used.
func badOffer(message string) error {
	return &refusal{http.StatusUnprocessableEntity, "offer cannot be used", message}
}

// malformed refuses a body that cannot be read.
func malformed(message string) error {
	return &refusal{http.StatusBadRequest, "cannot be read", message}
}

// titles and statuses of what the rest of the server refuses.
var kinds = map[signaling.Kind]refusal{
	signaling.KindUser:         {http.StatusUnprocessableEntity, "cannot be used", ""},
	signaling.KindProtocol:     {http.StatusBadRequest, "bad request", ""},
	signaling.KindTimeout:      {http.StatusRequestTimeout, "too slow", ""},
	signaling.KindUnauthorized: {http.StatusUnauthorized, "token not accepted", ""},
	signaling.KindPermission:   {http.StatusForbidden, "not permitted", ""},
	signaling.KindBanned:       {http.StatusForbidden, "removed from the room", ""},
	signaling.KindNotFound:     {http.StatusNotFound, "not found", ""},
	signaling.KindGone:         {http.StatusNotFound, "gone", ""},
	signaling.KindConflict:     {http.StatusConflict, "conflict", ""},
	signaling.KindRate:         {http.StatusTooManyRequests, "too many requests", ""},
	signaling.KindFull:         {http.StatusServiceUnavailable, "full", ""},
	signaling.KindUnavailable:  {http.StatusServiceUnavailable, "unavailable", ""},
}

// judge maps an error to what the client is told; ours tells that it has to be
// logged.
func judge(err error) (r refusal, ours bool) {
	if e, ok := err.(*refusal); ok {
		return *e, false
	}
	e := signaling.Classify(err)
	r, known := kinds[e.Kind]
	if !known {
		r, ours = refusal{http.StatusInternalServerError, "internal error", ""}, true
	}
	r.message = e.Message
	return r, ours
}

// fail answers with an error.
func (srv *Server) fail(w http.ResponseWriter, err error) {
	r, ours := judge(err)
	srv.stats.refused.Add(1)
	if ours {
		srv.cfg.Logger.Error("request failed", "err", err)
	}
	switch r.status {
	case http.StatusUnauthorized:
		w.Header().Set("WWW-Authenticate", "Bearer")
	case http.StatusServiceUnavailable, http.StatusTooManyRequests:
		w.Header().Set("Retry-After", "5")
	case http.StatusNotFound:
		w.Header().Set("Retry-After", "2")
	}
	httpjson.Error(w, r.status, r.title, r.message)
}
