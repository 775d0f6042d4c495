package app

import (
	"context"
	"errors"
	"net/http"

	"github.com/meetcast/meetcast/egress"
	"github.com/meetcast/meetcast/egress/live"
	"github.com/meetcast/meetcast/egress/onair"
	"github.com/meetcast/meetcast/sfu/track"
	"github.com/meetcast/meetcast/signaling"
	"github.com/meetcast/meetcast/signaling/whip"
	"github.com/meetcast/meetcast/signaling/wire"
)

// startDoors opens rooms and programmes to encoders and players that speak
// WebRTC over HTTP.
func (a *App) startDoors(context.Context) error {
	a.doors = whip.New(whip.Config{
		Rooms: a.rooms, Verifier: verifier{a.tokens}, Peers: peers{a.engine},
		Programmes: programmes{a.egress, a.live}, ICEServers: a.doorServers,
		Origins: a.cfg.HTTP.CORSOrigins, Logger: a.log.With("part", "whip"),
	})
	a.onClose("whip", a.doors.Close)
	return nil
}

// iceServers are those of the configuration.
func (a *App) iceServers() []wire.ICEServer {
	var list []wire.ICEServer
	for _, s := range a.cfg.RTC.ICEServers {
		list = append(list, wire.ICEServer{URLs: s.URLs, Username: s.Username, Credential: s.Credential})
	}
	return list
}

// doorServers are the configured ICE servers, and a relay for who has a token:
// viewers of a public programme play it otherwise where they cannot reach us.
func (a *App) doorServers(r *http.Request, member track.MemberID) []wire.ICEServer {
	list := a.iceServers()
	if relay := a.relays(r); relay != nil && member != "" {
		list = append(list, relay(member)...)
	}
	return list
}

// programmes lets viewers over WebRTC watch the broadcasts of rooms. They count
// as viewers like those of the live hub.
type programmes struct {
	manager *egress.Manager
	hub     *live.Hub
}

// Open implements whip.Programmes.
func (p programmes) Open(_ context.Context, name string) (whip.Programme, error) {
	on, ok := p.manager.OnAir(name)
	if !ok {
		return nil, signaling.NewError(signaling.KindNotFound,
			"No room is being broadcast under this name. What encoders send is played by WebSocket and HLS.", nil)
	}
	leave, err := p.hub.Enter(name)
	if errors.Is(err, live.ErrFull) {
		return nil, signaling.NewError(signaling.KindFull, "This server cannot take more viewers now. Try again later.", err)
	}
	if err != nil {
		return nil, signaling.NewError(signaling.KindUnavailable, "The server is shutting down.", err)
	}
	return programme{on, leave}, nil
}

// programme is a broadcast with one viewer more.
type programme struct {
	*onair.Programme
	leave func()
}

// Close implements whip.Programme: the viewer has gone, the programme goes on.
func (p programme) Close() { p.leave() }
