// Package api serves the HTTP endpoints behind nanoMeet: organisations, streams,
// tokens, the public keys, and whether the server is well. JSON goes in and
// comes out; an error has a status of 400 or more and {"error", "message"}.
package api

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/meetcast/meetcast/auth"
	"github.com/meetcast/meetcast/internal/catalog"
)

// Organisations is what the endpoints need to know of organisations.
type Organisations interface {
	OrganisationByKey(ctx context.Context, apiKey string) (catalog.Organisation, error)
	Organisation(ctx context.Context, id string) (catalog.Organisation, error)
	SetWebhook(ctx context.Context, id, webhook string) (catalog.Organisation, error)
}

// Streams is what they need of streams.
type Streams interface {
	CreateStream(ctx context.Context, org string, n catalog.NewStream) (catalog.Stream, error)
	Stream(ctx context.Context, org, id string) (catalog.Stream, error)
	Streams(ctx context.Context, org string, limit int) ([]catalog.Stream, error)
	RoomStream(ctx context.Context, org, room string) (catalog.Stream, error)
	AdoptStream(ctx context.Context, org, name string) (catalog.Stream, error)
}

// Tokens makes and checks room and invite tokens.
type Tokens interface {
	Room(auth.RoomRequest) (string, auth.Claims, error)
	Invite(auth.Claims, auth.InviteRequest) (string, auth.Claims, error)
	Verify(ctx context.Context, token string) (auth.Claims, error)
	JWKS() auth.JWKS
}

// Config of an API. Organisations, Streams and Tokens are required.
type Config struct {
	Organisations Organisations
	Streams       Streams
	Tokens        Tokens
	// Links says how clients reach this server.
	Links Links
	// Live tells whether a stream is being ingested now; nil means never.
	Live func(streamName string) bool
	// Origins of pages that may call, as in "https://example.com"; empty or "*"
	// means any.
	Origins []string
	// Ready holds the checks behind /readyz by name; each returns an error while
	// its part of the server cannot work.
	Ready map[string]func(context.Context) error
	// Failures is how many wrong keys or tokens one address may try in a row
	// before it has to wait, and how many it gets back each minute; 0 means
	// DefaultFailures.
	Failures int
	// Now is the clock; nil means time.Now.
	Now func() time.Time
	// Logger takes what clients must not see; nil means none.
	Logger *slog.Logger
}

// DefaultFailures of Config.
const DefaultFailures = 20

// API is the http.Handler of the endpoints. The address it sees in a request is
// the one that counts for Failures: behind a proxy, RemoteAddr must have been
// set to the client's before.
type API struct {
	cfg      Config
	origins  origins
	failures *failures
	log      *slog.Logger
	routes   map[string]route // path → methods; "{id}" stands for one part
}

type route map[string]handler

// handler answers a request, or returns the error that answers it.
type handler func(http.ResponseWriter, *http.Request) error

// New returns the endpoints.
func New(cfg Config) *API {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Failures == 0 {
		cfg.Failures = DefaultFailures
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.Live == nil {
		cfg.Live = func(string) bool { return false }
	}
	a := &API{
		cfg:      cfg,
		origins:  newOrigins(cfg.Origins),
		failures: newFailures(cfg.Failures, cfg.Now),
		log:      cfg.Logger,
	}
	a.routes = map[string]route{
		"/organisation":          {http.MethodGet: a.getOrganisation},
		"/organisation/webhook":  {http.MethodPut: a.putWebhook},
		"/stream":                {http.MethodGet: a.listStreams, http.MethodPost: a.postStream},
		"/stream/{id}":           {http.MethodGet: a.getStream},
		"/nanomeet":              {http.MethodPost: a.postNanoMeet},
		"/.well-known/jwks.json": {http.MethodGet: a.getJWKS},
		"/healthz":               {http.MethodGet: a.getHealth},
		"/readyz":                {http.MethodGet: a.getReady},
	}
	return a
}

// Owns tells whether a path belongs to the API, whatever the method. It lets a
// server ask the API before its pages, whose "/{sub}/{room}" would match too.
func (a *API) Owns(path string) bool {
	_, ok := a.route(path)
	return ok
}

func (a *API) route(path string) (route, bool) {
	if id, ok := strings.CutPrefix(path, "/stream/"); ok && id != "" && !strings.Contains(id, "/") {
		path = "/stream/{id}"
	}
	rt, ok := a.routes[path]
	return rt, ok
}

// ServeHTTP implements http.Handler.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store")
	a.origins.allow(h, r)
	rt, ok := a.route(r.URL.Path)
	if !ok {
		a.fail(w, r, errNoSuchPath)
		return
	}
	methods := rt.methods()
	if r.Method == http.MethodOptions {
		a.origins.preflight(h, r, methods)
		h.Set("Allow", methods)
		w.WriteHeader(http.StatusNoContent)
		return
	}
	method := r.Method
	if method == http.MethodHead {
		method = http.MethodGet // net/http leaves the body out
	}
	handle, ok := rt[method]
	if !ok {
		h.Set("Allow", methods)
		a.fail(w, r, errMethod.because("This address takes "+methods+" and no other method."))
		return
	}
	if err := handle(w, r); err != nil {
		a.fail(w, r, err)
	}
}

// methods lists what a route takes, in the form of the Allow header.
func (rt route) methods() string {
	list := []string{http.MethodOptions}
	for m := range rt {
		if list = append(list, m); m == http.MethodGet {
			list = append(list, http.MethodHead)
		}
	}
	slices.Sort(list)
	return strings.Join(list, ", ")
}

// byKey returns the organisation whose key the request carries.
func (a *API) byKey(r *http.Request) (catalog.Organisation, error) {
	key := r.Header.Get(headerAPIKey)
	if key == "" {
		return catalog.Organisation{}, auth.ErrAPIKey
	}
	from := remoteAddr(r)
	if wait := a.failures.wait(from); wait > 0 {
		return catalog.Organisation{}, tooMany(wait)
	}
	org, err := a.cfg.Organisations.OrganisationByKey(r.Context(), key)
	if errors.Is(err, catalog.ErrAPIKey) {
		a.failures.add(from)
	}
	return org, err
}

// byToken returns what the token of the request says.
func (a *API) byToken(r *http.Request) (auth.Claims, error) {
	from := remoteAddr(r)
	if wait := a.failures.wait(from); wait > 0 {
		return auth.Claims{}, tooMany(wait)
	}
	claims, err := a.cfg.Tokens.Verify(r.Context(), r.Header.Get(headerToken))
	// Somebody who is early or late holds a real token: that is no guess.
	guess, ok := auth.Refusal(err)
	if ok && !errors.Is(guess, auth.ErrTokenExpired) && !errors.Is(guess, auth.ErrTokenEarly) {
		a.failures.add(from)
	}
	return claims, err
}

// The headers that carry a key or a token.
const (
	headerAPIKey = "X-Bintu-Apikey"
	headerToken  = "X-Bintu-Token"
)
