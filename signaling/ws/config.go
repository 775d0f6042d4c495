package ws

import (
	"cmp"
	"time"
)

// Defaults of Config.
const (
	DefaultMaxMessage   = 256 << 10
	DefaultQueue        = 256
	DefaultRate         = 40
	DefaultBurst        = 200
	DefaultPingEvery    = 5 * time.Second
	DefaultDeadAfter    = 12 * time.Second
	DefaultWriteTimeout = 10 * time.Second
	DefaultCloseTimeout = time.Second
)

// Config of sockets. The zero value takes the defaults.
type Config struct {
	// Subprotocol that a client has to offer (RFC 6455 §1.9) for the server to
	// name it; a client that offers none is taken, too.
	Subprotocol string
	// Origins lists the origins, such as "https://example.com", whose pages may
	// connect, besides pages of the server's own host and clients that are no
	// browsers. "*" allows any.
	Origins []string
	// MaxMessage bounds the bytes of one received message.
	MaxMessage int64
	// Queue bounds the messages that wait to be sent. A socket that exceeds it
	// is closed: its reader is too slow.
	Queue int
	// Rate and Burst bound the received messages (and pings): a token bucket of
	// Burst tokens that gains Rate tokens a second.
	Rate  float64
	Burst int
	// PingEvery is how often the other end is pinged; one that has sent nothing,
	// not even a pong, for DeadAfter is dead.
	PingEvery, DeadAfter time.Duration
	// WriteTimeout bounds the writing of one message, CloseTimeout the writing
	// of what is queued when the socket is closed and the wait for its echo.
	WriteTimeout, CloseTimeout time.Duration
}

func (c Config) withDefaults() Config {
	c.MaxMessage = cmp.Or(c.MaxMessage, DefaultMaxMessage)
	c.Queue = cmp.Or(c.Queue, DefaultQueue)
	c.Rate = cmp.Or(c.Rate, DefaultRate)
	c.Burst = cmp.Or(c.Burst, DefaultBurst)
	c.PingEvery = cmp.Or(c.PingEvery, DefaultPingEvery)
	c.DeadAfter = cmp.Or(c.DeadAfter, DefaultDeadAfter)
	c.WriteTimeout = cmp.Or(c.WriteTimeout, DefaultWriteTimeout)
	c.CloseTimeout = cmp.Or(c.CloseTimeout, DefaultCloseTimeout)
	return c
}
