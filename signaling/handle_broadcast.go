package signaling

import (
	"context"
	"net/url"
	"strings"

	"github.com/meetcast/meetcast/signaling/wire"
)

// errNoBroadcast: the server was built or set up without a broadcaster.
var errNoBroadcast = NewError(KindUnavailable, "This server does not broadcast.", nil)

// mayBroadcast checks everything that all broadcast requests need.
func (s *session) mayBroadcast() error {
	if !s.identity.May.Broadcast {
		return NewError(KindPermission, "Only moderators may control the broadcast.", nil)
	}
	if s.srv.cfg.Broadcaster == nil {
		return errNoBroadcast
	}
	return nil
}

// handleBroadcastStart goes live.
func handleBroadcastStart(s *session, rq request) (reply, error) {
	m := rq.msg.(*wire.BroadcastStart)
	if err := s.mayBroadcast(); err != nil {
		return nil, err
	}
	if err := checkLayout(m.Layout); err != nil {
		return nil, err
	}
	if err := checkDestination(m.Destination); err != nil {
		return nil, err
	}
	return s.cast(rq.ID, func(ctx context.Context) (BroadcastStatus, error) {
		return s.srv.cfg.Broadcaster.Start(ctx, BroadcastRequest{
			Room: s.member.Room(), Stream: s.stream, Record: m.Record, Layout: m.Layout, Destination: m.Destination,
		})
	})
}

// handleBroadcastStop ends the broadcast.
func handleBroadcastStop(s *session, rq request) (reply, error) {
	if err := s.mayBroadcast(); err != nil {
		return nil, err
	}
	return s.cast(rq.ID, func(ctx context.Context) (BroadcastStatus, error) {
		return s.srv.cfg.Broadcaster.Stop(ctx, s.hub.room)
	})
}

// handleBroadcastLayout switches the layout.
func handleBroadcastLayout(s *session, rq request) (reply, error) {
	m := rq.msg.(*wire.BroadcastLayout)
	if err := s.mayBroadcast(); err != nil {
		return nil, err
	}
	if err := checkLayout(m.Layout); err != nil {
		return nil, err
	}
	return nil, s.srv.cfg.Broadcaster.SetLayout(s.hub.room, m.Layout)
}

// cast runs a broadcast request in a goroutine of its own, which outlives the
// socket and the session: who loses the connection while going live still goes
// live.
func (s *session) cast(id string, do func(context.Context) (BroadcastStatus, error)) (reply, error) {
	select {
	case s.casting <- struct{}{}:
	default:
		return nil, NewError(KindRate, "Too many broadcast requests wait for their answers.", nil)
	}
	// The socket's handler holds off Close until here, so work is not at rest.
	s.srv.work.Add(1)
	go func() {
		defer s.srv.work.Done()
		defer func() { <-s.casting }()
		ctx, cancel := context.WithTimeout(s.srv.ctx, s.srv.cfg.BroadcastTimeout)
		defer cancel()
		status, err := do(ctx)
		ok := okMessage(id)
		b := wireBroadcast(status, true)
		ok.Broadcast = &b
		s.answerLater(id, ok, err)
	}()
	return later, nil
}

// checkLayout refuses what cannot be the name of a layout; which ones there are,
// the broadcaster knows.
func checkLayout(name string) error {
	if len(name) > 32 || strings.Trim(name, "abcdefghijklmnopqrstuvwxyz-") != "" {
		return userError("There is no layout of this name.")
	}
	return nil
}

// checkDestination refuses what is no RTMP URL; which ones are allowed, the
// broadcaster knows.
func checkDestination(raw string) error {
	if raw == "" {
		return nil
	}
	u, err := url.Parse(raw)
	if len(raw) > maxURL || err != nil || u.Hostname() == "" || (u.Scheme != "rtmp" && u.Scheme != "rtmps") {
		return NewError(KindDestination, "A destination is an rtmp:// or rtmps:// URL.", nil)
	}
	return nil
}
