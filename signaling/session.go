package signaling

import (
	"context"
	"log/slog"
	"sync"

	"golang.org/x/time/rate"

	"github.com/meetcast/meetcast/sfu/room"
	"github.com/meetcast/meetcast/signaling/wire"
	"github.com/meetcast/meetcast/signaling/ws"
)

// socket is the sending side of a ws.Conn.
type socket interface {
	Send(*ws.Message) bool
	Close(code int, reason string)
	Drop(code int, reason string)
}

// session is one member of a room as the pages see it. It lives from the join to
// the last event of the member, over any number of sockets.
type session struct {
	srv      *Server
	hub      *hub
	identity room.Identity
	stream   string // stream name of the token
	secret   string // with which a socket resumes
	logger   *slog.Logger
	chat     *rate.Limiter
	layers   *layers

	joined chan struct{} // closed when member is set, or never will be
	member *room.Member

	ctx     context.Context // ends with the member
	over    context.CancelFunc
	jobs    chan job      // for run
	casting chan struct{} // one token for each broadcast request under way

	takeover sync.Mutex // one at a time

	mu       sync.Mutex
	conn     socket // nil while lost
	joinID   string // of the join message of conn
	relays   relays // as conn reaches them
	welcomed bool   // conn was told Joined; nothing else goes out before
	gone     bool
}

// newSession prepares the session of a token for a socket.
func (srv *Server) newSession(id Identity, join *wire.Join, conn socket, relays relays) *session {
	s := &session{
		srv: srv, hub: srv.hubs.acquire(id.Room),
		identity: identityOf(id, cleanName(join.Name)), stream: id.StreamName, secret: newSecret(),
		logger:  srv.cfg.Logger.With("room", string(id.Room)),
		chat:    rate.NewLimiter(rate.Limit(srv.cfg.ChatRate), srv.cfg.ChatBurst),
		joined:  make(chan struct{}),
		jobs:    make(chan job, maxJobs),
		casting: make(chan struct{}, maxBroadcasts),
		conn:    conn, joinID: join.ID, relays: relays,
	}
	s.layers = newLayers(s.send)
	s.ctx, s.over = context.WithCancel(srv.ctx)
	return s
}

// begin tells the session which member it is.
func (s *session) begin(m *room.Member) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.member = m
	s.logger = s.logger.With("member", string(m.ID()))
	if s.conn == nil && !s.gone {
		m.Away() // the socket was lost in between
	}
	close(s.joined)
}

// abandon ends a session that did not become a member.
func (s *session) abandon() {
	close(s.joined)
	s.over()
	s.srv.hubs.release(s.hub)
}

// run negotiates until the member is gone, and cleans up behind it.
func (s *session) run() {
	n := negotiation{s: s}
	for s.ctx.Err() == nil {
		select {
		case j := <-s.jobs:
			n.handle(j)
		case <-s.ctx.Done():
		}
	}
	// When the server stops, the context ends before the member is gone.
	s.member.Leave()
	n.close()
	s.hub.leave(s)
	s.srv.unregister(s)
	s.srv.hubs.release(s.hub)
	s.over()
}

// Notify brings an event of the room; it is called on the room's loop.
func (s *session) Notify(e room.Event) {
	switch e := e.(type) {
	case *room.Welcome:
		s.hub.join(s, func(status BroadcastStatus) { s.sendJoined(e, status) })
		s.layers.repeat()
	case *room.Gone:
		s.end(e)
	default:
		if m := s.hub.messageOf(e); m != nil {
			s.send(m)
		}
	}
}

// sendJoined answers the join message; everything else follows.
func (s *session) sendJoined(w *room.Welcome, status BroadcastStatus) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.conn == nil || s.gone {
		return
	}
	s.welcomed = true
	id, servers := s.joinID, s.iceServers(s.relays, w.Self)
	s.sendLocked(ws.NewLazy(func() any { return encodeJoined(s.joinedMessage(id, w, status, servers), w.Members) }))
	if len(w.Speakers) > 0 {
		s.sendLocked(ws.NewMessage(wireSpeakers(w.Speakers)))
	}
}

// joinedMessage is the message without the participants.
func (s *session) joinedMessage(id string, w *room.Welcome, status BroadcastStatus, servers []wire.ICEServer) *wire.Joined {
	cfg := &s.srv.cfg
	j := &wire.Joined{
		Head: wire.Head{Type: wire.TypeJoined, ID: id}, Version: wire.Version,
		Self: string(w.Self), Resume: s.secret, Resumed: w.Resumed,
		Room:       wire.Room{Name: string(s.hub.room), StreamName: s.stream},
		Moderator:  s.identity.Moderator,
		Chat:       make([]wire.Chat, len(w.Chat)),
		Broadcast:  wireBroadcast(status, s.identity.May.Broadcast),
		ICEServers: servers,
		AudioSlots: cfg.AudioSlots, MaxVideoSlots: cfg.MaxVideoSlots, VideoCodec: cfg.VideoCodec,
	}
	for i, c := range w.Chat {
		j.Chat[i] = wireChat(c)
	}
	return j
}

// end says goodbye: the member is gone.
func (s *session) end(g *room.Gone) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.gone = true
	s.over()
	conn := s.conn
	s.conn = nil
	if conn == nil {
		return
	}
	switch g.Reason {
	case room.ReasonKicked:
		conn.Send(ws.NewMessage(wire.Kicked{Head: wire.Head{Type: wire.TypeKicked}, By: string(g.By)}))
		conn.Close(wire.CloseKicked, "removed by a moderator")
	case room.ReasonLeft:
		conn.Close(closeNormal, "left")
	case room.ReasonLost:
		conn.Close(wire.CloseGone, "came back too late")
	default:
		conn.Close(closeShutdown, shutdownReason)
	}
}

// send queues a message on the socket, if there is one that was welcomed; what
// is missed while there is none, the next Joined tells.
func (s *session) send(m *ws.Message) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.welcomed {
		s.sendLocked(m)
	}
}

func (s *session) sendLocked(m *ws.Message) {
	if s.conn != nil && !s.conn.Send(m) {
		s.tooSlowLocked()
	}
}

// respond answers on the socket on which a request came.
func (s *session) respond(conn socket, m *ws.Message) {
	if conn.Send(m) {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.conn == conn {
		s.tooSlowLocked()
	}
}

// tooSlowLocked gives up a socket whose queue is full. The member may resume.
func (s *session) tooSlowLocked() {
	s.srv.stats.tooSlow.Add(1)
	s.conn.Drop(wire.CloseTimeout, "too slow")
	s.loseLocked()
}

// lost tells that a socket has ended: the member may resume for a while.
func (s *session) lost(conn socket) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.conn == conn {
		s.loseLocked()
	}
}

// loseLocked posts under the lock, so that a takeover cannot be overtaken.
func (s *session) loseLocked() {
	s.conn, s.welcomed = nil, false
	if s.member != nil {
		s.member.Away()
	}
}

// takeOver gives the session another socket.
func (s *session) takeOver(conn socket, relays relays, joinID string) error {
	s.takeover.Lock()
	defer s.takeover.Unlock()
	s.mu.Lock()
	if s.gone {
		s.mu.Unlock()
		return room.ErrGone
	}
	old := s.conn
	s.conn, s.relays, s.joinID, s.welcomed = conn, relays, joinID, false
	s.mu.Unlock()
	if old != nil {
		old.Close(wire.CloseReplaced, "resumed elsewhere")
	}
	return s.member.Back()
}
