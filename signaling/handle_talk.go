package signaling

import (
	"time"
	"unicode/utf8"

	"github.com/meetcast/meetcast/signaling/wire"
)

// handleChat sends a text to everybody.
func handleChat(s *session, rq request) (reply, error) {
	text := cleanText(rq.msg.(*wire.Chat).Text)
	switch {
	case text == "":
		return nil, userError("The message is empty.")
	case utf8.RuneCountInString(text) > wire.MaxChat:
		return nil, userError("A chat message has at most %d characters.", wire.MaxChat)
	case !s.chat.Allow():
		return nil, NewError(KindRate, "You are writing too fast. Wait a moment.", nil)
	case !s.hub.chat.Allow():
		return nil, NewError(KindRate, "Too many people are writing at once. Try again in a moment.", nil)
	}
	s.member.Say(text)
	return nil, nil
}

// handleHand raises or lowers the hand.
func handleHand(s *session, rq request) (reply, error) {
	s.member.SetHand(rq.msg.(*wire.Hand).Raised)
	return nil, nil
}

// handleRename changes the display name.
func handleRename(s *session, rq request) (reply, error) {
	name := cleanName(rq.msg.(*wire.Rename).Name)
	if name == "" {
		return nil, userError("The name is empty.")
	}
	s.member.SetName(name)
	return nil, nil
}

// handlePing answers at once.
func handlePing(_ *session, rq request) (reply, error) {
	return wire.Pong{Head: wire.Head{Type: wire.TypePong, ID: rq.ID}, T: rq.msg.(*wire.Ping).T, At: time.Now().UnixMilli()}, nil
}

// handleLeave ends the member; the room's last event closes the socket.
func handleLeave(s *session, _ request) (reply, error) {
	s.member.Leave()
	return later, nil
}
