package whip

import (
	"cmp"
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/meetcast/meetcast/sfu/room"
	"github.com/meetcast/meetcast/sfu/track"
	"github.com/meetcast/meetcast/signaling"
	"github.com/meetcast/meetcast/signaling/wire"
)

// Defaults of Config.
const (
	DefaultMaxSessions    = 2000
	DefaultMaxPublic      = 2000
	DefaultMaxPending     = 50
	DefaultConnectTimeout = 30 * time.Second
	DefaultAnswerTimeout  = 10 * time.Second
	DefaultRecheck        = 10 * time.Second
)

// Bounds of what one client may send.
const (
	maxOffer      = 128 << 10 // bytes of an offer
	maxFragment   = 16 << 10  // bytes of a PATCH
	maxCandidates = 64        // in one PATCH
	patchRate     = 5         // PATCHes a second in the long run
	patchBurst    = 50        // at once
)

// Config of a Server. Rooms, Verifier and Peers are required; zero numbers take
// the defaults.
type Config struct {
	Rooms    *room.Rooms
	Verifier signaling.Verifier
	Peers    signaling.PeerFactory
	// Programmes plays programmes out; nil when this server has none.
	Programmes Programmes
	// ICEServers are told to clients in Link headers; member is empty for whoever
	// needed no token. May be nil.
	ICEServers func(r *http.Request, member track.MemberID) []wire.ICEServer
	// Origins are the pages that may call (CORS); none, or "*", means any.
	Origins []string

	// MaxSessions bounds the sessions with a token at one time, MaxPublic those
	// without, and MaxPending those without that one address has and that are not
	// connected yet: a crowd of viewers keeps no encoder out.
	MaxSessions, MaxPublic, MaxPending int
	// ConnectTimeout is how long a session may be without a transport, at its
	// begin and later.
	ConnectTimeout time.Duration
	// AnswerTimeout bounds the reading and the answering of one request.
	AnswerTimeout time.Duration
	// Recheck is how often it is looked up whether the token of somebody who
	// watches a participant has been revoked.
	Recheck time.Duration

	// Logger takes what happens to sessions; nil is silent.
	Logger *slog.Logger
}

func (c Config) withDefaults() Config {
	c.MaxSessions = cmp.Or(c.MaxSessions, DefaultMaxSessions)
	c.MaxPublic = cmp.Or(c.MaxPublic, DefaultMaxPublic)
	c.MaxPending = cmp.Or(c.MaxPending, DefaultMaxPending)
	c.ConnectTimeout = cmp.Or(c.ConnectTimeout, DefaultConnectTimeout)
	c.AnswerTimeout = cmp.Or(c.AnswerTimeout, DefaultAnswerTimeout)
	c.Recheck = cmp.Or(c.Recheck, DefaultRecheck)
	if c.ICEServers == nil {
		c.ICEServers = func(*http.Request, track.MemberID) []wire.ICEServer { return nil }
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return c
}

// Programmes finds what is broadcast.
type Programmes interface {
	// Open returns the programme of a name for one viewer more. An error is a
	// *signaling.Error: KindNotFound for what is not on air, KindFull.
	Open(ctx context.Context, name string) (Programme, error)
}

// Programme is a programme on air as one viewer has it.
type Programme interface {
	// Tracks are its picture and its sound.
	Tracks() []track.UpTrack
	// Done is closed when it goes off the air.
	Done() <-chan struct{}
	// Close tells that the viewer has gone.
	Close()
}
