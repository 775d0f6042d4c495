package whip

import (
	"context"
	"crypto/rand"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/meetcast/meetcast/internal/httpjson"
	"github.com/meetcast/meetcast/internal/subscriber"
)

// The paths of sessions; a session of either door answers on both.
const (
	whipSession = "/whip/session/"
	whepSession = "/whep/session/"
)

// Server answers everything under /whip/ and /whep/. It is an http.Handler.
type Server struct {
	// Static after construction.
	cfg     Config
	origins origins
	mux     *http.ServeMux

	ctx  context.Context // ends with Close
	stop context.CancelFunc
	work sync.WaitGroup // one for each session and each request that makes one

	stats counters

	mu       sync.Mutex
	closed   bool
	sessions map[string]*session
	taken    int                  // places with a token, those of sessions being made included
	public   int                  // places without
	pending  map[netip.Prefix]int // of those, not connected yet, by whose they are
}

// New returns a server.
func New(cfg Config) *Server {
	srv := &Server{cfg: cfg.withDefaults(), origins: newOrigins(cfg.Origins), mux: http.NewServeMux(),
		sessions: make(map[string]*session), pending: make(map[netip.Prefix]int)}
	srv.ctx, srv.stop = context.WithCancel(context.Background())
	endpoint := func(pattern string, post http.HandlerFunc) {
		srv.mux.HandleFunc(pattern, byMethod(map[string]http.HandlerFunc{http.MethodPost: post}))
	}
	endpoint("/whip/{sub}/{room}", srv.publish)
	endpoint("/whep/{sub}/{room}/{member}", srv.watch)
	endpoint("/whep/{name}", srv.watchProgramme)
	resource := byMethod(map[string]http.HandlerFunc{http.MethodPatch: srv.patch, http.MethodDelete: srv.remove})
	srv.mux.HandleFunc(whipSession+"{id}", resource)
	srv.mux.HandleFunc(whepSession+"{id}", resource)
	srv.mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		httpjson.Error(w, http.StatusNotFound, "no such address", "WHIP is at /whip/ORGANISATION/ROOM, WHEP at /whep/STREAM or /whep/ORGANISATION/ROOM/PARTICIPANT.")
	})
	return srv
}

// byMethod chooses a handler, and answers OPTIONS and every other method.
func byMethod(handlers map[string]http.HandlerFunc) http.HandlerFunc {
	var names []string
	for _, m := range []string{http.MethodPost, http.MethodPatch, http.MethodDelete} {
		if handlers[m] != nil {
			names = append(names, m)
		}
	}
	methods := strings.Join(append(names, http.MethodOptions), ", ")
	return func(w http.ResponseWriter, r *http.Request) {
		switch h := handlers[r.Method]; {
		case h != nil:
			h(w, r)
		case r.Method == http.MethodOptions:
			options(w, methods)
		default:
			w.Header().Set("Allow", methods)
			httpjson.Error(w, http.StatusMethodNotAllowed, "method not allowed", "This address takes "+methods+".")
		}
	}
}

// ServeHTTP implements http.Handler.
func (srv *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	srv.origins.allow(w.Header(), r)
	srv.mux.ServeHTTP(w, r)
}

// place is the place of a session.
type place struct {
	srv     *Server
	public  bool         // has no token
	from    netip.Prefix // whose it is, if public
	settled sync.Once
}

// reserve takes a place for who has a token, or says why there is none; release
// must follow.
func (srv *Server) reserve() (*place, error) {
	srv.mu.Lock()
	defer srv.mu.Unlock()
	switch {
	case srv.closed:
		return nil, errStopping
	case srv.taken >= srv.cfg.MaxSessions:
		return nil, errFull
	}
	srv.taken++
	srv.work.Add(1)
	return &place{srv: srv}, nil
}

// reservePublic takes a place for anybody.
func (srv *Server) reservePublic(r *http.Request) (*place, error) {
	from := subscriber.OfRemote(r.RemoteAddr)
	srv.mu.Lock()
	defer srv.mu.Unlock()
	switch {
	case srv.closed:
		return nil, errStopping
	case srv.public >= srv.cfg.MaxPublic:
		return nil, errFull
	case srv.pending[from] >= srv.cfg.MaxPending:
		return nil, errPending
	}
	srv.public++
	srv.pending[from]++
	srv.work.Add(1)
	return &place{srv: srv, public: true, from: from}, nil
}

// settle tells that the session is connected, or will not be. Only the first call
// counts.
func (p *place) settle() {
	p.settled.Do(func() {
		if !p.public {
			return
		}
		p.srv.mu.Lock()
		defer p.srv.mu.Unlock()
		if p.srv.pending[p.from]--; p.srv.pending[p.from] == 0 {
			delete(p.srv.pending, p.from)
		}
	})
}

// release gives the place back, once.
func (p *place) release() {
	p.settle()
	p.srv.mu.Lock()
	if p.public {
		p.srv.public--
	} else {
		p.srv.taken--
	}
	p.srv.mu.Unlock()
	p.srv.work.Done()
}

// add makes a session findable.
func (srv *Server) add(s *session) {
	srv.mu.Lock()
	defer srv.mu.Unlock()
	srv.sessions[s.id] = s
}

func (srv *Server) forget(s *session) {
	srv.mu.Lock()
	defer srv.mu.Unlock()
	delete(srv.sessions, s.id)
}

// find returns the session that a request names.
func (srv *Server) find(r *http.Request) (*session, error) {
	srv.mu.Lock()
	defer srv.mu.Unlock()
	if s := srv.sessions[r.PathValue("id")]; s != nil {
		return s, nil
	}
	return nil, errNoSession
}

// newID returns what nobody guesses: who knows a session's address may end it.
func newID() string { return strings.ToLower(rand.Text()) }

// Close ends all sessions and waits. It is idempotent.
func (srv *Server) Close() error {
	srv.mu.Lock()
	srv.closed = true
	srv.mu.Unlock()
	srv.stop()
	srv.work.Wait()
	return nil
}

// Stats counts what happened so far; Publishers and Viewers are the numbers at
// present.
type Stats struct {
	Publishers, Viewers int
	// Opened counts sessions ever answered, Refused requests answered by an
	// error, Restarts ICE restarts.
	Opened, Refused, Restarts int64
	// Lost counts sessions ended because nothing came over their transport.
	Lost int64
}

type counters struct {
	publishers, viewers, opened, refused, restarts, lost atomic.Int64
}

// Stats returns the counters.
func (srv *Server) Stats() Stats {
	c := &srv.stats
	return Stats{
		Publishers: int(c.publishers.Load()), Viewers: int(c.viewers.Load()),
		Opened: c.opened.Load(), Refused: c.refused.Load(), Restarts: c.restarts.Load(), Lost: c.lost.Load(),
	}
}
