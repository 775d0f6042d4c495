package ws

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/gorilla/websocket"
	"golang.org/x/time/rate"
)

// Why Read ends, besides the network and the other end.
var (
	// ErrTooLarge: a message of more than Config.MaxMessage bytes.
	ErrTooLarge = errors.New("message is too large")
	// ErrRate: more messages than Config.Rate and Burst allow.
	ErrRate = errors.New("too many messages")
	// ErrBinary: a binary message.
	ErrBinary = errors.New("binary message")
)

// Upgrader turns HTTP requests into sockets.
type Upgrader struct {
	cfg Config
	ws  websocket.Upgrader
}

// NewUpgrader returns an upgrader.
func NewUpgrader(cfg Config) *Upgrader {
	u := &Upgrader{cfg: cfg.withDefaults()}
	u.ws = websocket.Upgrader{
		HandshakeTimeout: u.cfg.WriteTimeout,
		ReadBufferSize:   4 << 10, WriteBufferSize: 4 << 10,
		WriteBufferPool: &sync.Pool{},
		CheckOrigin:     originCheck(cfg.Origins),
	}
	if cfg.Subprotocol != "" {
		u.ws.Subprotocols = []string{cfg.Subprotocol}
	}
	return u
}

// Upgrade makes a socket of a request. On an error it has answered the request.
// Who gets a Conn must call Read until it fails, and then Wait.
func (u *Upgrader) Upgrade(w http.ResponseWriter, r *http.Request) (*Conn, error) {
	sock, err := u.ws.Upgrade(w, r, nil)
	if err != nil {
		return nil, fmt.Errorf("upgrade to WebSocket: %w", err)
	}
	c := &Conn{
		cfg: u.cfg, ws: sock,
		limit:      rate.NewLimiter(rate.Limit(u.cfg.Rate), u.cfg.Burst),
		out:        make(chan *Message, u.cfg.Queue),
		closing:    make(chan struct{}),
		readDone:   make(chan struct{}),
		writerDone: make(chan struct{}),
	}
	sock.SetPongHandler(func(string) error { return c.alive() })
	sock.SetPingHandler(c.ping)
	_ = c.alive()
	go c.write()
	return c, nil
}

// Conn is one socket.
type Conn struct {
	cfg   Config
	ws    *websocket.Conn
	limit *rate.Limiter

	out        chan *Message
	closing    chan struct{} // closed by the first Close
	readDone   chan struct{} // closed when Read has failed
	readOnce   sync.Once
	writerDone chan struct{}

	mu     sync.Mutex
	closed bool
	code   int
	reason string
	drop   bool // what is queued is not sent any more
}

// Read returns the next text message. Its errors are final: one of those above,
// or the end of the connection. After Close it discards what comes until the
// connection has ended.
func (c *Conn) Read() ([]byte, error) {
	for {
		data, err := c.read()
		if err != nil && !limitBroken(err) {
			c.readOnce.Do(func() { close(c.readDone) })
			return nil, err
		}
		if c.isClosing() {
			continue
		}
		return data, err
	}
}

// limitBroken tells errors after which the connection is still there, so that
// the caller can say what was wrong.
func limitBroken(err error) bool {
	return errors.Is(err, ErrTooLarge) || errors.Is(err, ErrRate) || errors.Is(err, ErrBinary)
}

func (c *Conn) read() ([]byte, error) {
	kind, r, err := c.ws.NextReader()
	if err != nil {
		return nil, fmt.Errorf("read message: %w", err)
	}
	if err := c.alive(); err != nil {
		return nil, err
	}
	if !c.limit.Allow() {
		return nil, ErrRate
	}
	if kind != websocket.TextMessage {
		return nil, ErrBinary
	}
	data, err := io.ReadAll(io.LimitReader(r, c.cfg.MaxMessage+1))
	if err != nil {
		return nil, fmt.Errorf("read message: %w", err)
	}
	if int64(len(data)) > c.cfg.MaxMessage {
		return nil, ErrTooLarge
	}
	return data, nil
}

// alive gives the other end its time anew.
func (c *Conn) alive() error {
	if err := c.ws.SetReadDeadline(time.Now().Add(c.cfg.DeadAfter)); err != nil {
		return fmt.Errorf("set deadline: %w", err)
	}
	return nil
}

// ping answers a ping of the other end, within its rate.
func (c *Conn) ping(data string) error {
	if err := c.alive(); err != nil {
		return err
	}
	if !c.limit.Allow() {
		return nil
	}
	// An error here is the writer's or the reader's to find.
	_ = c.ws.WriteControl(websocket.PongMessage, []byte(data), time.Now().Add(c.cfg.CloseTimeout))
	return nil
}

// Send queues a message and never blocks. It returns false when the message will
// not be sent because the queue is full or the socket is closing; a full queue
// stays full until the caller closes the socket with Drop.
func (c *Conn) Send(m *Message) bool {
	if c.isClosing() {
		return false
	}
	select {
	case c.out <- m:
		return true
	default:
		return false
	}
}

// Close sends what is queued, then a close frame, and ends the connection within
// about three CloseTimeouts. It does not wait; only the first Close or Drop counts.
func (c *Conn) Close(code int, reason string) { c.end(code, reason, false) }

// Drop closes like Close but throws away what is queued.
func (c *Conn) Drop(code int, reason string) { c.end(code, reason, true) }

func (c *Conn) end(code int, reason string, drop bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return
	}
	c.closed, c.code, c.reason, c.drop = true, code, cut(reason), drop
	// A write under way gets no longer than this.
	_ = c.ws.NetConn().SetWriteDeadline(time.Now().Add(c.cfg.CloseTimeout))
	close(c.closing)
}

// cut shortens a reason to what fits into a close frame (RFC 6455 §5.5).
func cut(reason string) string {
	const most = 123
	if len(reason) <= most {
		return reason
	}
	n := most
	for n > 0 && reason[n]&0xc0 == 0x80 { // inside a UTF-8 sequence
		n--
	}
	return reason[:n]
}

func (c *Conn) isClosing() bool {
	select {
	case <-c.closing:
		return true
	default:
		return false
	}
}

// Wait waits until the connection has ended and the writer with it.
func (c *Conn) Wait() { <-c.writerDone }

// write is the writer goroutine.
func (c *Conn) write() {
	defer close(c.writerDone)
	defer c.ws.Close()
	ping := time.NewTicker(c.cfg.PingEvery)
	defer ping.Stop()
	for {
		var err error
		select {
		case m := <-c.out:
			err = c.writeMessage(m, c.cfg.WriteTimeout)
		case <-ping.C:
			err = c.ws.WriteControl(websocket.PingMessage, nil, time.Now().Add(c.cfg.WriteTimeout))
		case <-c.readDone:
			return
		case <-c.closing:
			c.sayGoodbye()
			return
		}
		if err != nil && !c.isClosing() {
			return // closes the connection; Read tells
		}
	}
}

func (c *Conn) writeMessage(m *Message, timeout time.Duration) error {
	_ = c.ws.SetWriteDeadline(time.Now().Add(timeout))
	return m.writeTo(c.ws)
}

// sayGoodbye sends what is left and the close frame, and waits for the other
// end's, all within bounds.
func (c *Conn) sayGoodbye() {
	c.mu.Lock()
	code, reason, drop := c.code, c.reason, c.drop
	c.mu.Unlock()
	deadline := time.Now().Add(c.cfg.CloseTimeout)
	for !drop && len(c.out) > 0 {
		if c.writeMessage(<-c.out, time.Until(deadline)) != nil {
			return
		}
	}
	if c.ws.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(code, reason), deadline) != nil {
		return
	}
	timeout := time.NewTimer(c.cfg.CloseTimeout)
	defer timeout.Stop()
	select {
	case <-c.readDone:
	case <-timeout.C:
	}
}

// Ended tells whether an error of Read means that the connection has ended; the
// others name a limit that was broken, and the connection is still there.
func Ended(err error) bool { return err != nil && !limitBroken(err) }
