package whip

import (
	"context"
	"net/http"

	"github.com/pion/sdp/v3"

	"github.com/meetcast/meetcast/sfu/track"
	"github.com/meetcast/meetcast/signaling"
)

// watchProgramme answers POST /whep/{name}: a programme is played out. It is as
// public as its playout by other means.
func (srv *Server) watchProgramme(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(srv.ctx, srv.cfg.AnswerTimeout)
	defer cancel()
	o, err := srv.read(w, r, sdp.AttrKeyRecvOnly, sources{})
	if err != nil {
		srv.fail(w, err)
		return
	}
	if srv.cfg.Programmes == nil {
		srv.fail(w, signaling.NewError(signaling.KindNotFound, "This server plays no programmes.", nil))
		return
	}
	reserve := func() (*place, error) { return srv.reservePublic(r) }
	srv.open(w, r, whepSession, reserve, &srv.stats.viewers, func(s *session) (string, error) {
		return s.tune(ctx, r.PathValue("name"), o)
	})
}

// audience is one viewer of a programme.
type audience struct {
	*session
	programme Programme
	bound     [2]bool // sound, picture
}

var _ role = (*audience)(nil)

// tune opens the programme and answers the offer.
func (s *session) tune(ctx context.Context, name string, o *offer) (string, error) {
	p, err := s.srv.cfg.Programmes.Open(ctx, name)
	if err != nil {
		return "", err
	}
	s.logger = s.logger.With("stream", name)
	a := &audience{session: s, programme: p}
	s.role = a
	answer, err := s.begin(ctx, o, signaling.PeerConfig{Member: track.MemberID("whep-" + s.id[:8]), AudioSlots: 1, MaxVideoSlots: 1, Handler: s})
	if err != nil {
		p.Close()
		return "", err
	}
	return answer, nil
}

func (a *audience) name() string { return "viewer of a programme" }

// work binds the sound at once, since its encoder may have to start.
func (a *audience) work() bool {
	a.bind(track.Audio)
	return true
}

// reachable binds the picture at the first connection: a key picture sent before
// is lost, and the next comes when it comes.
func (a *audience) reachable(up bool) {
	if up {
		a.bind(track.Video)
	}
}

func (a *audience) bind(kind track.Kind) {
	if a.bound[kind-track.Audio] {
		return
	}
	a.bound[kind-track.Audio] = true
	for _, slot := range a.peer.Slots() {
		for _, t := range a.programme.Tracks() {
			if slot.Kind == kind && t.Info().Kind == kind {
				a.peer.Bind(slot.Mid, t, wanted)
			}
		}
	}
}

func (a *audience) ended() <-chan struct{} { return a.programme.Done() }

// check: the programme is public.
func (a *audience) check(context.Context) bool { return true }

func (a *audience) leave() {
	a.programme.Close()
	a.srv.stats.viewers.Add(-1)
}
