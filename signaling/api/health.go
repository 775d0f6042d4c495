package api

import (
	"context"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/meetcast/meetcast/internal/httpjson"
)

// readyTimeout bounds all the checks of /readyz together.
const readyTimeout = 3 * time.Second

// getJWKS is GET /.well-known/jwks.json. A new key signs at once, so that the
// set may be cached only briefly.
func (a *API) getJWKS(w http.ResponseWriter, _ *http.Request) error {
	w.Header().Set("Cache-Control", "public, max-age=60")
	return httpjson.Write(w, http.StatusOK, a.cfg.Tokens.JWKS())
}

type statusView struct {
	Status string `json:"status"`
}

// getHealth is GET /healthz: the process answers.
func (a *API) getHealth(w http.ResponseWriter, _ *http.Request) error {
	return httpjson.Write(w, http.StatusOK, statusView{"ok"})
}

// getReady is GET /readyz: all parts of the server can work.
func (a *API) getReady(w http.ResponseWriter, r *http.Request) error {
	ctx, cancel := context.WithTimeout(r.Context(), readyTimeout)
	defer cancel()
	var failed []string
	for _, name := range slices.Sorted(maps.Keys(a.cfg.Ready)) {
		if err := a.cfg.Ready[name](ctx); err != nil {
			failed = append(failed, name)
			a.log.Warn("not ready", slog.String("check", name), slog.Any("error", err))
		}
	}
	if len(failed) > 0 {
		return &problem{status: http.StatusServiceUnavailable, title: "Not ready",
			message: "Not working: " + strings.Join(failed, ", ") + ". The server's log says why."}
	}
	return httpjson.Write(w, http.StatusOK, statusView{"ready"})
}
