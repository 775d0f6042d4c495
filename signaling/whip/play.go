package whip

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"

	"github.com/pion/sdp/v3"

	"github.com/meetcast/meetcast/sfu/track"
	"github.com/meetcast/meetcast/signaling"
)

// wanted is the size at which a participant is played: the largest layer that
// the viewer's path carries.
var wanted = track.Size{Width: 1920, Height: 1080}

// watch answers POST /whep/{sub}/{room}/{member}: a hidden member plays one
// participant.
func (srv *Server) watch(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(srv.ctx, srv.cfg.AnswerTimeout)
	defer cancel()
	a, err := srv.admit(ctx, w, r, sdp.AttrKeyRecvOnly)
	if err != nil {
		srv.fail(w, err)
		return
	}
	srv.open(w, r, whepSession, srv.reserve, &srv.stats.viewers, func(s *session) (string, error) {
		return s.follow(ctx, a, r.PathValue("member"))
	})
}

// viewer plays one participant. It sees the room as a track.Observer and so is
// seen by nobody.
type viewer struct {
	*session
	asked   string // id or name of the participant
	token   string
	sources sources
	leaving func() // of the room

	mu   sync.Mutex
	view track.MemberView // as the room last told it
	gone bool

	// bound is what each slot carries, for the session's goroutine.
	bound map[string]track.UpTrack
}

var (
	_ track.Observer = (*viewer)(nil)
	_ role           = (*viewer)(nil)
)

// follow observes the room, answers the offer and binds what there is.
func (s *session) follow(ctx context.Context, a admitted, member string) (string, error) {
	rm, open := s.srv.cfg.Rooms.Get(a.id.Room)
	if !open {
		return "", errNoRoom
	}
	v := &viewer{session: s, asked: member, token: a.token, sources: a.sources, bound: make(map[string]track.UpTrack)}
	s.role = v
	s.logger = s.logger.With("room", string(a.id.Room))
	v.leaving = rm.Observe(v)
	if v.isGone() {
		v.leaving()
		return "", errNoRoom
	}
	s.relayed = track.MemberID("whep-" + s.id[:8])
	answer, err := s.begin(ctx, a.offer, signaling.PeerConfig{Member: s.relayed, AudioSlots: 1, MaxVideoSlots: 1, Handler: s})
	if err != nil {
		v.leaving()
		return "", err
	}
	return answer, nil
}

// RoomChanged implements track.Observer.
func (v *viewer) RoomChanged(snapshot track.Snapshot) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.gone {
		return
	}
	view, found := find(snapshot, v.asked)
	v.view, v.gone = view, !found
	// A name is looked up once: the person stays the same.
	if found {
		v.asked = string(view.ID)
	}
	v.poke()
}

// find returns the participant with an id, or else the only one with a name.
func find(s track.Snapshot, asked string) (view track.MemberView, found bool) {
	named := 0
	for _, m := range s.Members {
		if string(m.ID) == asked {
			return m, true
		}
		if strings.EqualFold(m.Name, asked) {
			view = m
			named++
		}
	}
	return view, named == 1
}

// RoomClosed implements track.Observer.
func (v *viewer) RoomClosed() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.gone = true
	v.poke()
}

func (v *viewer) isGone() bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.gone
}

func (v *viewer) ended() <-chan struct{} { return nil }

func (v *viewer) name() string { return "viewer of a participant" }

// work binds what the participant publishes now. A source that is muted, or not
// there yet, leaves its slot empty; the session ends with the participant.
func (v *viewer) work() bool {
	v.mu.Lock()
	view, gone := v.view, v.gone
	v.mu.Unlock()
	if gone {
		return false
	}
	for _, slot := range v.peer.Slots() {
		source, size := v.sources.audio, track.Size{}
		if slot.Kind == track.Video {
			source, size = v.sources.video, wanted
		}
		up, _ := view.Track(source)
		if v.bound[slot.Mid] != up {
			v.bound[slot.Mid] = up
			v.peer.Bind(slot.Mid, up, size)
		}
	}
	return true
}

func (v *viewer) reachable(bool) {}

// check ends the session of somebody who was removed from the room meanwhile.
func (v *viewer) check(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, v.srv.cfg.AnswerTimeout)
	defer cancel()
	_, err := signaling.Identify(ctx, v.srv.cfg.Verifier, v.token)
	var e *signaling.Error
	return !errors.As(err, &e) || e.Kind != signaling.KindBanned
}

func (v *viewer) leave() {
	v.leaving()
	v.srv.stats.viewers.Add(-1)
}
