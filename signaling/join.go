package signaling

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"strings"
	"time"

	"github.com/meetcast/meetcast/sfu/room"
	"github.com/meetcast/meetcast/sfu/track"
	"github.com/meetcast/meetcast/signaling/wire"
	"github.com/meetcast/meetcast/signaling/ws"
)

// secretHash is the key under which a session is found: the hash, so that the
// time of the look-up says nothing about the secret.
type secretHash [sha256.Size]byte

func hashSecret(secret string) secretHash { return sha256.Sum256([]byte(secret)) }

func newSecret() string {
	var b [32]byte
	_, _ = rand.Read(b[:]) // never fails
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// welcome reads the join message of a new socket and gives the socket to a new
// session or to one that lost its own. It returns neither when the socket ended
// first.
func (srv *Server) welcome(conn *ws.Conn, relays relays) (*session, error) {
	late := time.AfterFunc(srv.cfg.JoinTimeout, func() {
		srv.stats.notJoined.Add(1)
		srv.tell(conn, "", NewError(KindTimeout, "No join message came in time.", nil), true)
	})
	defer late.Stop()
	data, err := conn.Read()
	if ws.Ended(err) {
		return nil, nil
	}
	if !late.Stop() {
		return nil, nil // told already
	}
	s, err := srv.join(conn, relays, data, err)
	if err != nil {
		srv.stats.notJoined.Add(1)
	}
	return s, err
}

func (srv *Server) join(conn *ws.Conn, relays relays, data []byte, err error) (*session, error) {
	if err != nil {
		return nil, err
	}
	_, msg, err := wire.Decode(data)
	if err != nil {
		return nil, err
	}
	join, ok := msg.(*wire.Join)
	switch {
	case !ok:
		return nil, NewError(KindProtocol, "The first message has to be join.", nil)
	case join.Version != wire.Version:
		return nil, NewError(KindProtocol, fmt.Sprintf(
			"This page speaks version %d of the protocol, the server version %d. Reload the page.", join.Version, wire.Version), nil)
	case len(join.Token) > maxToken:
		return nil, NewError(KindUnauthorized, "The token is too long.", nil)
	case join.Resume != "":
		return srv.resume(conn, relays, join)
	}
	return srv.joinAnew(conn, relays, join)
}

// joinAnew makes a member of the room of the token.
func (srv *Server) joinAnew(conn *ws.Conn, relays relays, join *wire.Join) (*session, error) {
	ctx, cancel := context.WithTimeout(srv.ctx, srv.cfg.JoinTimeout)
	defer cancel()
	id, err := srv.verify(ctx, join)
	if err != nil {
		return nil, err
	}
	s := srv.newSession(id, join, conn, relays)
	if err := srv.register(s); err != nil {
		s.abandon()
		return nil, err
	}
	member, err := srv.cfg.Rooms.Join(ctx, id.Room, s.identity, s)
	if err != nil {
		srv.unregister(s)
		s.abandon()
		srv.work.Done()
		return nil, err
	}
	s.begin(member)
	srv.stats.joined.Add(1)
	go func() {
		defer srv.work.Done()
		s.run()
	}()
	return s, nil
}

// verify checks the token and that it is for the room of the page.
func (srv *Server) verify(ctx context.Context, join *wire.Join) (Identity, error) {
	id, err := Identify(ctx, srv.cfg.Verifier, join.Token)
	if err != nil {
		return Identity{}, err
	}
	if !sameRoom(join.Room, id.Room) {
		return Identity{}, NewError(KindUnauthorized, "The token is for another room.", nil)
	}
	return id, nil
}

// sameRoom compares "sub/room", "room" or nothing with a room's id.
func sameRoom(asked string, id track.RoomID) bool {
	_, name, _ := strings.Cut(string(id), "/")
	return asked == "" || asked == string(id) || asked == name
}

func identityOf(id Identity, name string) room.Identity {
	out := room.Identity{Name: name, Moderator: id.Moderator, TokenID: id.TokenID, Expires: id.Expires}
	if out.Name == "" {
		out.Name = fallbackName
	}
	if id.Moderator {
		out.May = room.ModeratorPermissions()
	}
	return out
}

// register makes the session findable and counts it in; its secret is new.
func (srv *Server) register(s *session) error {
	srv.mu.Lock()
	defer srv.mu.Unlock()
	if srv.closed {
		return room.ErrClosed
	}
	srv.sessions[hashSecret(s.secret)] = s
	srv.work.Add(1)
	return nil
}

func (srv *Server) unregister(s *session) {
	srv.mu.Lock()
	defer srv.mu.Unlock()
	delete(srv.sessions, hashSecret(s.secret))
}

// resume gives the socket to the session of a secret. The secret proves more
// than the token did: the token is not looked at, and may have expired.
func (srv *Server) resume(conn *ws.Conn, relays relays, join *wire.Join) (*session, error) {
	srv.mu.Lock()
	s := srv.sessions[hashSecret(join.Resume)]
	srv.mu.Unlock()
	gone := NewError(KindGone, "The connection was away for too long. Join again.", nil)
	if s == nil {
		return nil, gone
	}
	<-s.joined
	if s.member == nil {
		return nil, gone
	}
	if !sameRoom(join.Room, s.hub.room) {
		return nil, NewError(KindUnauthorized, "The connection to resume is in another room.", nil)
	}
	if err := s.takeOver(conn, relays, join.ID); err != nil {
		return nil, gone
	}
	srv.stats.resumed.Add(1)
	return s, nil
}
