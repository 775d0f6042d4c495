package signaling

import (
	"net/http"

	"github.com/meetcast/meetcast/sfu/track"
	"github.com/meetcast/meetcast/signaling/wire"
)

// Relays names the TURN servers for a page. It is asked once for each socket with
// the request that opened it, since a relay is best named as the page names us.
// What it returns is asked for each member who joins or resumes over that socket,
// so that everybody gets credentials of their own; it must not keep the request.
type Relays func(*http.Request) func(track.MemberID) []wire.ICEServer

// relays are those of one socket; nil for none.
type relays func(track.MemberID) []wire.ICEServer

func (srv *Server) relaysOf(r *http.Request) relays {
	if srv.cfg.Relays == nil {
		return nil
	}
	return srv.cfg.Relays(r)
}

// iceServers are those of the configuration and the member's own.
func (s *session) iceServers(from relays, self track.MemberID) []wire.ICEServer {
	list := append([]wire.ICEServer{}, s.srv.cfg.ICEServers...)
	if from != nil {
		list = append(list, from(self)...)
	}
	return list
}
