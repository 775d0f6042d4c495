package signaling

import (
	"github.com/meetcast/meetcast/signaling/wire"
	"github.com/meetcast/meetcast/signaling/ws"
)

// request is one message of a page.
type request struct {
	wire.Head
	msg any
}

// reply is what a handler answers: nil for a plain ok, later when the answer
// follows by itself, or a message.
type reply any

// later is the reply of handlers whose answer comes from another goroutine.
var later reply = new(struct{ byte })

// handlers has one function for each type of message; the families are in the
// handle_….go files.
var handlers = map[string]func(*session, request) (reply, error){
	wire.TypeOffer:           handleOffer,
	wire.TypeCandidate:       handleCandidate,
	wire.TypeView:            handleView,
	wire.TypeMute:            handleMute,
	wire.TypeChat:            handleChat,
	wire.TypeHand:            handleHand,
	wire.TypeRename:          handleRename,
	wire.TypePing:            handlePing,
	wire.TypeLeave:           handleLeave,
	wire.TypeKick:            handleKick,
	wire.TypeMuteParticipant: handleMuteParticipant,
	wire.TypeMuteEveryone:    handleMuteEveryone,
	wire.TypeBroadcastStart:  handleBroadcastStart,
	wire.TypeBroadcastStop:   handleBroadcastStop,
	wire.TypeBroadcastLayout: handleBroadcastLayout,
	wire.TypeJoin: func(*session, request) (reply, error) {
		return nil, userError("This socket has joined already.")
	},
}

// read handles what comes on a socket until it ends or has to be closed.
func (s *session) read(conn *ws.Conn) {
	for {
		data, err := conn.Read()
		if ws.Ended(err) {
			return
		}
		var id string
		if err == nil {
			id, err = s.dispatch(conn, data)
		}
		if err != nil && s.srv.tell(conn, id, err, false) {
			return
		}
	}
}

// dispatch handles one message and answers it unless it fails.
func (s *session) dispatch(conn socket, data []byte) (id string, err error) {
	s.srv.stats.messages.Add(1)
	head, msg, err := wire.Decode(data)
	if err != nil {
		return head.ID, err
	}
	answer, err := handlers[head.Type](s, request{head, msg})
	switch {
	case err != nil:
		return head.ID, err
	case answer == later:
	case answer != nil:
		s.respond(conn, ws.NewMessage(answer))
	case head.ID != "":
		s.respond(conn, ws.NewMessage(okMessage(head.ID)))
	}
	return head.ID, nil
}

func okMessage(id string) wire.OK {
	return wire.OK{Head: wire.Head{Type: wire.TypeOK, ID: id}}
}

// tell tells an error on a socket, and closes it if the error is fatal or final
// is set. It returns whether it closed.
func (srv *Server) tell(conn socket, id string, err error, final bool) (closed bool) {
	v := judge(err)
	srv.stats.failed.Add(1)
	if v.ours {
		srv.stats.internal.Add(1)
		srv.cfg.Logger.Error("request failed", "err", err)
	}
	conn.Send(ws.NewMessage(errorMessage(id, v)))
	if !v.fatal && !final {
		return false
	}
	if !final {
		srv.stats.limited.Add(1)
	}
	conn.Close(v.close, v.message)
	return true
}

func errorMessage(id string, v verdict) wire.Error {
	return wire.Error{Head: wire.Head{Type: wire.TypeError, ID: id}, Code: v.code, Message: v.message}
}

// answerLater answers a request from another goroutine, on whichever socket the
// session has by then. message is what to say when err is nil.
func (s *session) answerLater(id string, message any, err error) {
	if err != nil {
		v := judge(err)
		s.srv.stats.failed.Add(1)
		if v.ours {
			s.srv.stats.internal.Add(1)
			s.logger.Error("request failed", "err", err)
		}
		message = errorMessage(id, v)
	}
	s.send(ws.NewMessage(message))
}
