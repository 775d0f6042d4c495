package rtmp

import (
	"context"
	"fmt"
	"time"

	"github.com/yutopp/go-rtmp/message"

	"github.com/meetcast/meetcast/egress/rtmp/proto"
)

// chunkSize of what we send: one chunk for nearly every message, and within
// what the servers in use accept (nginx-rtmp 10 MiB, librtmp 64 KiB).
const chunkSize = 65536

// ackWindow is how often we ask the server to acknowledge, bytes: about once a
// second at 2 Mbit/s.
const ackWindow = 250_000

// longLived is how long a session must have been live for the back-off to start
// afresh, and for a loss not to look like a refused key.
const longLived = 3 * time.Second

// sessionError is why a session ended.
type sessionError struct {
	cause     *Error
	longLived bool
}

// session is one connection to the server, from dialling to its end.
type session struct {
	p        *Push
	wire     *wire
	conn     *proto.Conn
	streamID uint32
	accepted time.Time
	live     time.Time // zero until live

	readDone chan struct{} // closed when reading has ended
	readErr  *Error        // why; valid after readDone
}

// session runs one connection until it breaks or Close.
func (p *Push) session() *sessionError {
	w, derr := p.dial(p.ctx)
	if derr != nil {
		return &sessionError{cause: derr}
	}
	defer w.Close()
	// Until the server has accepted, Close need not wait for anything.
	stop := context.AfterFunc(p.ctx, func() { _ = w.tcp.Close() })
	s := &session{p: p, wire: w}
	if err := s.publish(); err != nil {
		stop()
		return &sessionError{cause: err}
	}
	stop()
	stopHard := context.AfterFunc(p.hard, func() { _ = w.tcp.Close() })
	defer stopHard()

	s.accepted = time.Now()
	p.change(func(st *Status) { st.Accepted, st.Reason = true, nil })
	p.log.Info("push accepted")

	s.readDone = make(chan struct{})
	go func() {
		defer close(s.readDone)
		s.readErr = s.readLoop()
	}()
	err := s.sendLoop()
	_ = w.tcp.Close()
	<-s.readDone
	if err == nil {
		err = s.readErr
	}
	if err.Kind == KindReset && s.readErr.Kind != KindReset {
		err = s.readErr // the reading side heard what the server said before
	}
	return s.ended(err)
}

// ended judges an end soon after publish as a refused key: many services accept
// first and look at the key later.
func (s *session) ended(err *Error) *sessionError {
	long := !s.live.IsZero() && time.Since(s.live) >= longLived
	if (err.Kind == KindClosed || err.Kind == KindReset) && time.Since(s.accepted) < longLived && s.live.IsZero() {
		err = &Error{Kind: KindKey, Host: err.Host, App: err.App, Err: err,
			Detail: "the connection was closed right after the stream began"}
	}
	return &sessionError{cause: err, longLived: long}
}

// publish goes from an open connection to the server's answer to publish.
func (s *session) publish() *Error {
	p, t := s.p, s.p.target
	deadline := time.Now().Add(p.cfg.SetupTimeout)
	if err := s.wire.SetDeadline(deadline); err != nil {
		return t.errorf(KindInternal, err, "")
	}
	conn, err := proto.Client(s.wire, proto.Limits{Media: 64 << 10}, p.cfg.StallTimeout)
	if err != nil {
		return t.errorf(handshakeKind(err), err, "")
	}
	s.conn = conn
	if err := s.connect(); err != nil {
		return err
	}
	if err := s.createStream(); err != nil {
		return err
	}
	if err := s.startPublish(); err != nil {
		return err
	}
	// From here on reading waits as long as the server has nothing to say.
	if err := s.wire.SetReadDeadline(time.Time{}); err != nil {
		return t.errorf(KindReset, err, "")
	}
	return nil
}

// handshakeKind names an error of the handshake: who hangs up there does not
// speak RTMP.
func handshakeKind(err error) Kind {
	if hungUp(err) {
		return KindProtocol
	}
	return classifyIO(err)
}

func (s *session) connect() *Error {
	t := s.p.target
	err := s.conn.WriteCommand(0, proto.Command{Name: "connect", Transaction: 1, Args: []any{map[string]any{
		"app": t.App, "type": "nonprivate", "flashVer": "FMLE/3.0 (compatible; Meetcast)", "tcUrl": t.tcURL(),
	}}})
	if err != nil {
		return t.errorf(classifyIO(err), err, "")
	}
	answer, err := s.await(1)
	if err != nil {
		if hungUp(err) {
			// nginx-rtmp hangs up when it has no such application.
			return t.errorf(KindApplication, err, "")
		}
		return t.errorf(classifyIO(err), err, "")
	}
	code, detail := info(answer)
	if answer.Name == "_error" || (code != "" && code != string(message.NetConnectionConnectCodeSuccess)) {
		return t.errorf(KindApplication, nil, orCode(detail, code))
	}
	return nil
}

func (s *session) createStream() *Error {
	t := s.p.target
	err := s.conn.SetChunkSize(chunkSize)
	if err == nil {
		err = s.conn.WriteControl(proto.TypeWindowAckSize, ackWindow)
	}
	for i, name := range []string{"releaseStream", "FCPublish"} {
		if err == nil {
			err = s.conn.WriteCommand(0, proto.Command{Name: name, Transaction: float64(2 + i), Args: []any{nil, t.Key}})
		}
	}
	if err == nil {
		err = s.conn.WriteCommand(0, proto.Command{Name: "createStream", Transaction: 4, Args: []any{nil}})
	}
	if err != nil {
		return s.refused(err)
	}
	answer, err := s.await(4)
	if err != nil {
		return s.refused(err)
	}
	if answer.Name == "_error" {
		code, detail := info(answer)
		return t.errorf(KindKey, nil, orCode(detail, code))
	}
	s.streamID = uint32(answer.Num(1))
	return nil
}

func (s *session) startPublish() *Error {
	t := s.p.target
	err := s.conn.WriteCommand(s.streamID, proto.Command{Name: "publish", Transaction: 5, Args: []any{nil, t.Key, "live"}})
	if err != nil {
		return s.refused(err)
	}
	for {
		cmd, err := s.nextCommand()
		if err != nil {
			return s.refused(err)
		}
		code, detail := info(cmd)
		switch {
		case cmd.Name == "_error" && cmd.Transaction == 5:
			return t.errorf(KindKey, nil, orCode(detail, code))
		case cmd.Name != "onStatus":
			continue
		case code == string(message.NetStreamOnStatusCodePublishStart):
			return nil
		case bad(cmd, code):
			return t.errorf(KindKey, nil, orCode(detail, code))
		}
	}
}

// refused names an error between connect and the answer to publish: a server
// that hangs up there did not like the key.
func (s *session) refused(err error) *Error {
	if hungUp(err) {
		return s.p.target.errorf(KindKey, err, "")
	}
	return s.p.target.errorf(classifyIO(err), err, "")
}

func hungUp(err error) bool {
	k := classifyIO(err)
	return k == KindClosed || k == KindReset
}

// await reads until the answer to one transaction.
func (s *session) await(transaction float64) (proto.Command, error) {
	for {
		cmd, err := s.nextCommand()
		if err != nil {
			return cmd, err
		}
		if (cmd.Name == "_result" || cmd.Name == "_error") && cmd.Transaction == transaction {
			return cmd, nil
		}
		if code, detail := info(cmd); cmd.Name == "onStatus" && bad(cmd, code) {
			return proto.Command{Name: "_error", Args: []any{nil, proto.Object{"code": code, "description": detail}}}, nil
		}
	}
}

// maxSetupMessages bounds what a server may say before it accepts.
const maxSetupMessages = 200

func (s *session) nextCommand() (proto.Command, error) {
	for range maxSetupMessages {
		m, err := s.conn.Next()
		if err != nil {
			return proto.Command{}, err
		}
		if m.Type == proto.TypeCommandAMF0 || m.Type == proto.TypeCommandAMF3 {
			return proto.ParseCommand(m.Type, m.Body)
		}
	}
	return proto.Command{}, fmt.Errorf("%w: no answer in %d messages", proto.ErrProtocol, maxSetupMessages)
}

// info returns code and description of a status object, §7.2.2.
func info(c proto.Command) (code, detail string) {
	o := c.Obj(1)
	code, _ = o["code"].(string)
	detail, _ = o["description"].(string)
	return code, detail
}

// bad reports whether a status ends the stream.
func bad(c proto.Command, code string) bool {
	level, _ := c.Obj(1)["level"].(string)
	switch code {
	case string(message.NetStreamOnStatusCodePublishBadName), string(message.NetStreamOnStatusCodePublishFailed),
		"NetStream.Publish.Denied", "NetStream.Publish.Rejected", "NetStream.Unpublish.Success":
		return true
	}
	return level == "error"
}

func orCode(detail, code string) string {
	if detail == "" {
		return code
	}
	return detail
}

// readLoop reads what the server says while we send, until the end.
func (s *session) readLoop() *Error {
	t := s.p.target
	for {
		m, err := s.conn.Next()
		if err != nil {
			return t.errorf(classifyIO(err), err, "")
		}
		if m.Type != proto.TypeCommandAMF0 && m.Type != proto.TypeCommandAMF3 {
			continue
		}
		cmd, err := proto.ParseCommand(m.Type, m.Body)
		if err != nil {
			return t.errorf(KindProtocol, err, "")
		}
		code, detail := info(cmd)
		switch {
		case cmd.Name == "onStatus" && bad(cmd, code):
			return t.errorf(KindKey, nil, orCode(detail, code))
		case cmd.Name == "close":
			return t.errorf(KindClosed, nil, "")
		}
	}
}
