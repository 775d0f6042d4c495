package whip

import (
	"context"
	"net/http"
	"sync"

	"github.com/pion/sdp/v3"

	"github.com/meetcast/meetcast/sfu/room"
	"github.com/meetcast/meetcast/sfu/track"
	"github.com/meetcast/meetcast/signaling"
)

// encoderName is shown of an encoder that gave no name.
const encoderName = "Encoder"

// publish answers POST /whip/{sub}/{room}: an encoder joins a room.
func (srv *Server) publish(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(srv.ctx, srv.cfg.AnswerTimeout)
	defer cancel()
	a, err := srv.admit(ctx, w, r, sdp.AttrKeySendOnly)
	if err != nil {
		srv.fail(w, err)
		return
	}
	name := signaling.DisplayName(r.URL.Query().Get("name"))
	if name == "" {
		name = encoderName
	}
	srv.open(w, r, whipSession, srv.reserve, &srv.stats.publishers, func(s *session) (string, error) {
		return s.join(ctx, a.id, name, a.offer)
	})
}

// admitted is a request for a room that may be answered.
type admitted struct {
	offer   *offer
	sources sources
	token   string
	id      signaling.Identity // whose token it is
}

// admit reads the offer of a request for a room and checks the token.
func (srv *Server) admit(ctx context.Context, w http.ResponseWriter, r *http.Request, direction string) (a admitted, err error) {
	if a.sources, err = sourcesOf(r.URL.Query().Get("source")); err != nil {
		return a, err
	}
	if a.token, err = bearer(r); err != nil {
		return a, err
	}
	if a.id, err = signaling.Identify(ctx, srv.cfg.Verifier, a.token); err != nil {
		return a, err
	}
	if a.id.Room != track.RoomID(r.PathValue("sub")+"/"+r.PathValue("room")) {
		return a, errOtherRoom
	}
	a.offer, err = srv.read(w, r, direction, a.sources)
	return a, err
}

// read reads the offer of a request.
func (srv *Server) read(w http.ResponseWriter, r *http.Request, direction string, from sources) (*offer, error) {
	text, err := body(w, r, typeSDP, errNotSDP, maxOffer, srv.cfg.AnswerTimeout)
	if err != nil {
		return nil, err
	}
	o, err := parseOffer(text)
	if err != nil {
		return nil, err
	}
	return o, o.aim(direction, from)
}

// publisher is an encoder as a member of its room.
type publisher struct {
	*session
	member *room.Member

	mu        sync.Mutex
	published map[track.TrackID]track.UpTrack
}

var (
	_ room.Client           = (*publisher)(nil)
	_ signaling.PeerHandler = (*publisher)(nil)
	_ role                  = (*publisher)(nil)
)

// join makes the encoder a member and answers its offer.
func (s *session) join(ctx context.Context, id signaling.Identity, name string, o *offer) (string, error) {
	p := &publisher{session: s, published: make(map[track.TrackID]track.UpTrack)}
	member, err := s.srv.cfg.Rooms.Join(ctx, id.Room, id.Member(name), p)
	if err != nil {
		return "", err
	}
	s.logger = s.logger.With("room", string(id.Room), "member", string(member.ID()))
	p.member, s.role, s.relayed = member, p, member.ID()
	answer, err := s.begin(ctx, o, signaling.PeerConfig{Member: member.ID(), Handler: p})
	if err != nil {
		member.Leave()
		return "", err
	}
	s.logger.Info("encoder joined")
	return answer, nil
}

// Notify implements room.Client. Who was removed, or was away for too long, is
// gone; a moderator's mute holds without the encoder's help.
func (p *publisher) Notify(e room.Event) {
	if _, gone := e.(*room.Gone); gone {
		p.over()
	}
}

// Published implements signaling.PeerHandler.
func (p *publisher) Published(up track.UpTrack) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.published[up.Info().ID] = up
	p.member.Publish(up)
}

// Unpublished implements signaling.PeerHandler.
func (p *publisher) Unpublished(id track.TrackID) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if up, ok := p.published[id]; ok {
		delete(p.published, id)
		p.member.Unpublish(up)
	}
}

func (p *publisher) ended() <-chan struct{} { return nil }

func (p *publisher) name() string { return "encoder" }

func (p *publisher) work() bool { return true }

// reachable shows the others whether the encoder is away; the room gives it up
// after its own patience.
func (p *publisher) reachable(up bool) {
	if !up {
		p.member.Away()
	} else if err := p.member.Back(); err != nil {
		p.over()
	}
}

// check: members stay when their token expires, and a kick reaches Notify.
func (p *publisher) check(context.Context) bool { return true }

func (p *publisher) leave() {
	p.member.Leave()
	p.srv.stats.publishers.Add(-1)
}
