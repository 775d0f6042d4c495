package ws

import "time"

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
	orDefault(&c.MaxMessage, DefaultMaxMessage)
	orDefault(&c.Queue, DefaultQueue)
	orDefault(&c.Rate, DefaultRate)
	orDefault(&c.Burst, DefaultBurst)
	orDefault(&c.PingEvery, DefaultPingEvery)
	orDefault(&c.DeadAfter, DefaultDeadAfter)
	orDefault(&c.WriteTimeout, DefaultWriteTimeout)
	orDefault(&c.CloseTimeout, DefaultCloseTimeout)
	return c
}

func orDefault[T int | int64 | float64 | time.Duration](v *T, d T) {
	if *v <= 0 {
		*v = d
	}
}
