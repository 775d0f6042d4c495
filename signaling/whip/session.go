package whip

import (
	"context"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	"github.com/meetcast/meetcast/sfu/track"
	"github.com/meetcast/meetcast/signaling"
)

// role is what a session does with its peer: publish into a room, play a
// participant, play a programme. Its methods are called by the session's
// goroutine alone.
type role interface {
	// name is for the log.
	name() string
	// work does what came up since the last call; a poke of the session asks for
	// it. False ends the session.
	work() bool
	// reachable tells whether the transport is there. It is not called before
	// the first connection.
	reachable(bool)
	// ended is closed when there is nothing to do any more; nil never is.
	ended() <-chan struct{}
	// check looks, now and then, whether the client may still be here.
	check(context.Context) bool
	// leave is the last call. The peer is closed after it.
	leave()
}

// session is one peer that came over HTTP, and what it is here for.
type session struct {
	// Static after construction.
	srv     *Server
	place   *place
	id      string
	logger  *slog.Logger
	path    string // of Location
	patches *rate.Limiter

	ctx  context.Context
	over context.CancelFunc // ends the session
	done chan struct{}      // closed when everything is closed

	// Set before run.
	peer    signaling.Peer
	role    role
	relayed track.MemberID // may have a relay under this name; empty for none

	state  atomic.Uint32 // signaling.PeerState
	poked  chan struct{} // capacity 1
	retold chan struct{} // capacity 1: ICE was restarted

	// negotiating serialises what is asked of the peer.
	negotiating sync.Mutex
	offer       *offer // with the present credentials of the client
	etag        string // names the ICE session
}

// newSession prepares a session for a place.
func (srv *Server) newSession(path string, p *place) *session {
	s := &session{srv: srv, place: p, id: newID(), path: path, logger: srv.cfg.Logger, done: make(chan struct{}),
		patches: rate.NewLimiter(patchRate, patchBurst),
		poked:   make(chan struct{}, 1), retold: make(chan struct{}, 1)}
	s.ctx, s.over = context.WithCancel(srv.ctx)
	return s
}

// open answers a request with a session, if there is a place for one. begin
// answers the offer, present counts the sessions of this role.
func (srv *Server) open(w http.ResponseWriter, r *http.Request, path string, reserve func() (*place, error), present *atomic.Int64, begin func(*session) (answer string, err error)) {
	p, err := reserve()
	if err != nil {
		srv.fail(w, err)
		return
	}
	s := srv.newSession(path, p)
	answer, err := begin(s)
	if err != nil {
		s.over()
		p.release()
		srv.fail(w, err)
		return
	}
	present.Add(1)
	s.start(w, r, answer)
}

// poke has the role's work done.
func (s *session) poke() { signal(s.poked) }

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// StateChanged implements signaling.PeerHandler.
func (s *session) StateChanged(state signaling.PeerState) {
	s.state.Store(uint32(state))
	s.poke()
}

// LayersWanted implements signaling.PeerHandler. An encoder has no way of being
// asked to pause a layer.
func (s *session) LayersWanted(track.TrackID, []string) {}

// Published and Unpublished implement signaling.PeerHandler for those who only
// watch.
func (s *session) Published(track.UpTrack) {}

// Unpublished implements signaling.PeerHandler.
func (s *session) Unpublished(track.TrackID) {}

// begin makes the peer and answers the offer. What fails is closed again.
func (s *session) begin(ctx context.Context, o *offer, cfg signaling.PeerConfig) (answer string, err error) {
	text, err := o.text()
	if err != nil {
		return "", err
	}
	cfg.Logger = s.logger
	if s.peer, err = s.srv.cfg.Peers.NewPeer(cfg); err != nil {
		return "", err
	}
	if answer, err = s.peer.Answer(ctx, text, o.tracks); err != nil {
		s.closePeer()
		return "", err
	}
	s.offer, s.etag = o, newETag()
	return polish(answer), nil
}

func (s *session) closePeer() {
	if err := s.peer.Close(); err != nil {
		s.logger.Debug("peer closed with an error", "err", err)
	}
}

// newETag returns the strong entity-tag of a new ICE session (RFC 9725 §4.3.1).
func newETag() string { return `"` + newID() + `"` }

// start lets the session live and tells the client.
func (s *session) start(w http.ResponseWriter, r *http.Request, answer string) {
	s.srv.add(s)
	s.srv.stats.opened.Add(1)
	go s.run()
	h := w.Header()
	h.Set("Location", s.path+s.id)
	h.Set("ETag", s.etag)
	h.Set("Accept-Patch", typeFragment)
	h.Set("Cache-Control", "no-store")
	links(h, s.srv.cfg.ICEServers(r, s.relayed))
	h.Set("Content-Type", typeSDP)
	w.WriteHeader(http.StatusCreated)
	_, _ = w.Write([]byte(answer)) // a client that is gone will not connect
}

// run owns the session until its end.
func (s *session) run() {
	// Whoever waits for the end finds the place free.
	defer close(s.done)
	defer s.place.release()
	l := newLiveliness(s)
	recheck := time.NewTicker(s.srv.cfg.Recheck)
	defer recheck.Stop()
	s.poke()
	for s.ctx.Err() == nil {
		alive := true
		select {
		case <-s.poked:
			alive = l.note(signaling.PeerState(s.state.Load())) && s.role.work()
		case <-s.retold:
			l.patience()
		case <-l.timer.C:
			s.srv.stats.lost.Add(1)
			s.logger.Info("session lost", "role", s.role.name())
			alive = false
		case <-recheck.C:
			alive = s.role.check(s.ctx)
		case <-s.role.ended():
			alive = false
		case <-s.ctx.Done():
		}
		if !alive {
			s.over()
		}
	}
	l.timer.Stop()
	s.srv.forget(s)
	s.over()
	s.role.leave()
	// Nobody asks the peer any more once a PATCH under way is done.
	s.negotiating.Lock()
	defer s.negotiating.Unlock()
	s.closePeer()
}

// liveliness watches the transport of a session.
type liveliness struct {
	s     *session
	timer *time.Timer // runs while there is no transport
	up    bool
}

func newLiveliness(s *session) *liveliness {
	return &liveliness{s: s, timer: time.NewTimer(s.srv.cfg.ConnectTimeout)}
}

// note takes the state of the peer; false when that is its end. A transport that
// failed waits for an ICE restart.
func (l *liveliness) note(state signaling.PeerState) bool {
	up := state == signaling.PeerConnected
	switch {
	case state == signaling.PeerClosed:
		return false
	case up == l.up:
		return true
	case up:
		l.timer.Stop()
		l.s.place.settle()
	default:
		l.timer.Reset(l.s.srv.cfg.ConnectTimeout)
	}
	l.up = up
	l.s.role.reachable(up)
	return true
}

// patience gives the transport its time anew.
func (l *liveliness) patience() {
	if !l.up {
		l.timer.Reset(l.s.srv.cfg.ConnectTimeout)
	}
}
