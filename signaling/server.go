package signaling

import (
	"context"
	"net/http"
	"sync"
	"sync/atomic"

	"golang.org/x/time/rate"

	"github.com/meetcast/meetcast/internal/httpjson"
	"github.com/meetcast/meetcast/sfu/track"
	"github.com/meetcast/meetcast/signaling/ws"
)

// closeShutdown is the close code of a server that stops (RFC 6455 §7.4.1).
const closeShutdown = 1001

// closeNormal is the close code of a member that left.
const closeNormal = 1000

// Server answers wire.Path. It is an http.Handler.
type Server struct {
	cfg      Config
	upgrader *ws.Upgrader
	hubs     hubs
	unjoined *admission
	stats    counters

	ctx  context.Context // ends with Close
	stop context.CancelFunc

	handlers sync.WaitGroup // one for each socket
	work     sync.WaitGroup // one for each session and broadcast request

	mu       sync.Mutex
	closed   bool
	sockets  map[*ws.Conn]struct{}
	open     int // requests being served, the sockets among them
	sessions map[secretHash]*session
}

// New returns a server.
func New(cfg Config) *Server {
	cfg = cfg.withDefaults()
	s := &Server{
		cfg: cfg, upgrader: ws.NewUpgrader(cfg.Socket), unjoined: newAdmission(cfg.MaxUnjoined),
		sockets:  make(map[*ws.Conn]struct{}),
		sessions: make(map[secretHash]*session),
	}
	s.hubs = hubs{broadcaster: cfg.Broadcaster, all: make(map[track.RoomID]*hub),
		chatRate: rate.Limit(cfg.RoomChatRate), chatBurst: cfg.RoomChatBurst}
	s.ctx, s.stop = context.WithCancel(context.Background())
	return s
}

// ServeHTTP serves one socket until it ends.
func (srv *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if problem := srv.enter(); problem != "" {
		refuse(w, http.StatusServiceUnavailable, "unavailable", problem)
		return
	}
	defer srv.exit()
	is, joined := srv.unjoined.enter(r.RemoteAddr)
	defer joined()
	if is == refused {
		srv.stats.crowded.Add(1)
		refuse(w, http.StatusTooManyRequests, "rate", crowdedMessage)
		return
	}
	conn, err := srv.upgrader.Upgrade(w, r)
	if err != nil {
		srv.stats.refused.Add(1)
		return // the upgrader has answered
	}
	switch {
	case !srv.add(conn):
		conn.Close(closeShutdown, shutdownReason)
	case is == admittedToHear:
		srv.stats.crowded.Add(1)
		srv.tell(conn, "", NewError(KindRate, crowdedMessage, nil), true)
		srv.remove(conn)
	default:
		defer srv.remove(conn)
		srv.serve(conn, srv.relaysOf(r), joined)
	}
	for {
		if _, err := conn.Read(); ws.Ended(err) {
			break
		}
	}
	conn.Wait()
}

const (
	shutdownReason = "server is shutting down"
	crowdedMessage = "Too many connections from your network are waiting to join. Try again in a moment."
)

// serve lets a socket join or resume a session and speak to it until the socket
// ends or is to be closed. joined is called once the socket belongs to a session.
func (srv *Server) serve(conn *ws.Conn, relays relays, joined func()) {
	srv.stats.sockets.Add(1)
	s, err := srv.welcome(conn, relays)
	if err != nil {
		srv.tell(conn, "", err, true)
		return
	}
	if s == nil {
		return // ended before it joined
	}
	joined()
	s.read(conn)
	s.lost(conn)
}

// enter counts a request in, or says why it cannot be served.
func (srv *Server) enter() (problem string) {
	srv.mu.Lock()
	defer srv.mu.Unlock()
	switch {
	case srv.closed:
		return "The server is shutting down. Try again in a moment."
	case srv.open >= srv.cfg.MaxSockets:
		srv.stats.refused.Add(1)
		return "The server has no place for another participant at the moment."
	}
	srv.open++
	srv.handlers.Add(1)
	return ""
}

func (srv *Server) exit() {
	srv.mu.Lock()
	srv.open--
	srv.mu.Unlock()
	srv.handlers.Done()
}

// add notes a socket unless the server is closing.
func (srv *Server) add(conn *ws.Conn) bool {
	srv.mu.Lock()
	defer srv.mu.Unlock()
	if srv.closed {
		return false
	}
	srv.sockets[conn] = struct{}{}
	return true
}

func (srv *Server) remove(conn *ws.Conn) {
	srv.mu.Lock()
	defer srv.mu.Unlock()
	delete(srv.sockets, conn)
}

// refuse answers a request that gets no socket.
func refuse(w http.ResponseWriter, status int, title, message string) {
	w.Header().Set("Retry-After", "5")
	httpjson.Error(w, status, title, message)
}

// Close tells every page that the server stops, ends all sessions and waits for
// them. It is idempotent.
func (srv *Server) Close() error {
	srv.mu.Lock()
	srv.closed = true
	sessions := make([]*session, 0, len(srv.sessions))
	for _, s := range srv.sessions {
		sessions = append(sessions, s)
	}
	for conn := range srv.sockets {
		conn.Close(closeShutdown, shutdownReason)
	}
	srv.mu.Unlock()
	srv.stop()
	for _, s := range sessions {
		<-s.joined
		if s.member != nil {
			s.member.Leave()
		}
	}
	srv.handlers.Wait()
	srv.work.Wait()
	return nil
}

// Stats counts what happened so far; Sockets and Sessions are the numbers at
// present.
type Stats struct {
	Sockets, Sessions int
	// Accepted counts sockets ever opened, Refused requests that got none.
	Accepted, Refused int64
	// Crowded counts those closed or refused because too many of their address
	// were waiting to join.
	Crowded int64
	// Joined and Resumed count successes, NotJoined sockets closed for a join
	// that failed.
	Joined, Resumed, NotJoined int64
	// Messages counts requests of pages, Failed those answered by an error.
	Messages, Failed int64
	// TooSlow counts sockets closed because the page did not read, Limited those
	// closed because it broke a limit.
	TooSlow, Limited int64
	// Offers counts answered offers.
	Offers int64
	// Internal counts errors that are our fault.
	Internal int64
}

type counters struct {
	sockets, refused, joined, resumed, crowded, notJoined, messages, failed, tooSlow, limited, offers, internal atomic.Int64
}

// Stats returns the counters.
func (srv *Server) Stats() Stats {
	srv.mu.Lock()
	sockets, sessions := len(srv.sockets), len(srv.sessions)
	srv.mu.Unlock()
	c := &srv.stats
	return Stats{
		Sockets: sockets, Sessions: sessions,
		Accepted: c.sockets.Load(), Refused: c.refused.Load(), Crowded: c.crowded.Load(),
		Joined: c.joined.Load(), Resumed: c.resumed.Load(), NotJoined: c.notJoined.Load(),
		Messages: c.messages.Load(), Failed: c.failed.Load(),
		TooSlow: c.tooSlow.Load(), Limited: c.limited.Load(),
		Offers: c.offers.Load(), Internal: c.internal.Load(),
	}
}
