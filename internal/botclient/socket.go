package botclient

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/gorilla/websocket"

	"github.com/meetcast/meetcast/signaling/wire"
)

const (
	writeTimeout = 10 * time.Second
	dialTimeout  = 15 * time.Second
)

// ErrClosed is returned by requests on a bot whose socket is gone.
var ErrClosed = errors.New("bot: socket is closed")

// ServerError is an "error" message of the server.
type ServerError struct {
	Code    string // one of wire.Code…
	Message string
}

// Error returns code and sentence.
func (e *ServerError) Error() string { return "server: " + e.Code + ": " + e.Message }

// CloseError says how the server closed the socket.
type CloseError struct {
	Code   int // one of wire.Close… or of RFC 6455
	Reason string
}

// Error returns code and reason.
func (e *CloseError) Error() string {
	return fmt.Sprintf("server closed the socket with code %d: %s", e.Code, e.Reason)
}

// socket is one WebSocket: it matches answers to requests and passes everything
// else on, in order, from its read loop.
type socket struct {
	conn   *websocket.Conn
	handle func(kind string, raw []byte) // on the read loop
	done   chan struct{}                 // closed when the read loop has ended

	writeMu sync.Mutex // serialises writes

	mu      sync.Mutex
	pending map[string]chan answer
	nextID  int
	err     error // why the read loop ended
}

type answer struct {
	kind string
	raw  []byte
}

func dialSocket(ctx context.Context, address string, handle func(string, []byte)) (*socket, error) {
	d := websocket.Dialer{
		Subprotocols: []string{wire.Subprotocol}, HandshakeTimeout: dialTimeout,
		ReadBufferSize: 4096, WriteBufferSize: 4096,
	}
	conn, resp, err := d.DialContext(ctx, address, nil)
	if err != nil {
		if resp != nil {
			return nil, fmt.Errorf("dial signaling: %w (HTTP %s)", err, httpStatus(resp))
		}
		return nil, fmt.Errorf("dial signaling: %w", err)
	}
	conn.SetReadLimit(4 * wire.MaxMessage)
	return &socket{conn: conn, handle: handle, done: make(chan struct{}), pending: map[string]chan answer{}}, nil
}

func httpStatus(r *http.Response) string { return r.Status }

// readLoop runs until the socket ends. It owns nothing but the reading side.
func (s *socket) readLoop() {
	defer close(s.done)
	for {
		_, raw, err := s.conn.ReadMessage()
		if err != nil {
			s.fail(err)
			return
		}
		var head wire.Head
		if json.Unmarshal(raw, &head) != nil {
			continue
		}
		if head.ID != "" && s.answer(head, raw) {
			continue
		}
		s.handle(head.Type, raw)
	}
}

// answer hands an answer to the request that waits for it.
func (s *socket) answer(head wire.Head, raw []byte) bool {
	s.mu.Lock()
	ch, ok := s.pending[head.ID]
	delete(s.pending, head.ID)
	s.mu.Unlock()
	if ok {
		ch <- answer{head.Type, raw}
	}
	return ok
}

func (s *socket) fail(err error) {
	var closed *websocket.CloseError
	if errors.As(err, &closed) {
		err = &CloseError{Code: closed.Code, Reason: closed.Text}
	}
	s.mu.Lock()
	s.err = err
	pending := s.pending
	s.pending = map[string]chan answer{}
	s.mu.Unlock()
	for _, ch := range pending {
		close(ch)
	}
	s.conn.Close()
}

// reason returns why the socket ended, after done is closed.
func (s *socket) reason() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

func (s *socket) write(v any) error {
	raw, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encode message: %w", err)
	}
	s.writeMu.Lock()
	defer s.writeMu.Unlock()
	s.conn.SetWriteDeadline(time.Now().Add(writeTimeout))
	if err := s.conn.WriteMessage(websocket.TextMessage, raw); err != nil {
		return fmt.Errorf("write message: %w", err)
	}
	return nil
}

// request sends what build makes of a fresh id and waits for the answer. An
// "error" message comes back as a *ServerError.
func (s *socket) request(ctx context.Context, build func(id string) any, into any) error {
	ch := make(chan answer, 1)
	s.mu.Lock()
	if s.err != nil {
		s.mu.Unlock()
		return fmt.Errorf("%w: %w", ErrClosed, s.err)
	}
	s.nextID++
	id := strconv.Itoa(s.nextID)
	s.pending[id] = ch
	s.mu.Unlock()

	defer func() {
		s.mu.Lock()
		delete(s.pending, id)
		s.mu.Unlock()
	}()
	if err := s.write(build(id)); err != nil {
		return err
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case a, ok := <-ch:
		if !ok {
			return fmt.Errorf("%w: %w", ErrClosed, s.reason())
		}
		return decodeAnswer(a, into)
	}
}

func decodeAnswer(a answer, into any) error {
	if a.kind == wire.TypeError {
		var e wire.Error
		if err := json.Unmarshal(a.raw, &e); err != nil {
			return fmt.Errorf("decode error message: %w", err)
		}
		return &ServerError{Code: e.Code, Message: e.Message}
	}
	if into == nil {
		return nil
	}
	if err := json.Unmarshal(a.raw, into); err != nil {
		return fmt.Errorf("decode %s: %w", a.kind, err)
	}
	return nil
}

// close says goodbye if polite, else cuts the line as a lost network would.
func (s *socket) close(polite bool) {
	if polite {
		deadline := time.Now().Add(time.Second)
		_ = s.conn.WriteControl(websocket.CloseMessage,
			websocket.FormatCloseMessage(websocket.CloseNormalClosure, ""), deadline)
	}
	s.conn.Close()
	<-s.done
}
