package signaling

import (
	"context"
	"errors"

	"github.com/meetcast/meetcast/sfu/room"
	"github.com/meetcast/meetcast/sfu/track"
	"github.com/meetcast/meetcast/signaling/wire"
)

// handleKick removes a participant. The room checks the permission.
func handleKick(s *session, rq request) (reply, error) {
	ctx, cancel := context.WithTimeout(s.srv.ctx, s.srv.cfg.AnswerTimeout)
	defer cancel()
	err := s.member.Kick(ctx, track.MemberID(rq.msg.(*wire.Kick).Participant))
	if errors.Is(err, room.ErrBanNotKept) {
		// The moderator got what was asked for; the operator has a problem.
		s.logger.Error("ban will not outlive this process", "err", err)
		err = nil
	}
	return nil, err
}

// handleMuteParticipant switches a source of another member off.
func handleMuteParticipant(s *session, rq request) (reply, error) {
	m := rq.msg.(*wire.MuteParticipant)
	source := track.Source(m.Source)
	if _, known := source.Kind(); !known {
		return nil, userError("There is no source of this name.")
	}
	return nil, s.member.MuteOther(track.MemberID(m.Participant), source)
}

// handleMuteEveryone switches the microphones of all others off.
func handleMuteEveryone(s *session, _ request) (reply, error) {
	return nil, s.member.MuteEveryone()
}
