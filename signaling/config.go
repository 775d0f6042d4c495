package signaling

import (
	"cmp"
	"log/slog"
	"time"

	"github.com/meetcast/meetcast/sfu/room"
	"github.com/meetcast/meetcast/signaling/wire"
	"github.com/meetcast/meetcast/signaling/ws"
)

// Defaults of Config.
const (
	DefaultAudioSlots       = 3
	DefaultMaxVideoSlots    = 25
	DefaultMaxSockets       = 10000
	DefaultJoinTimeout      = 10 * time.Second
	DefaultAnswerTimeout    = 10 * time.Second
	DefaultBroadcastTimeout = 5 * time.Minute
	DefaultChatRate         = 1
	DefaultChatBurst        = 10
	DefaultRoomChatRate     = 20
	DefaultRoomChatBurst    = 60
	DefaultMaxUnjoined      = 100
)

// Bounds of what one session may have under way.
const (
	maxJobs       = 128 // offers and candidates that wait for the negotiation
	maxEarly      = 64  // candidates before the first offer
	maxBroadcasts = 4   // broadcast requests without an answer
	maxLines      = 8   // published m-lines of an offer
	maxMid        = 64  // bytes of a mid
	maxWant       = 2 * wire.MaxSlots
	maxPixels     = 1 << 14 // of a wanted width or height
	maxURL        = 2048    // bytes of a destination
	maxToken      = 8 << 10 // bytes of a token
)

// Config of a Server. Rooms, Verifier and Peers are required; zero numbers take
// the defaults.
type Config struct {
	Rooms    *room.Rooms
	Verifier Verifier
	Peers    PeerFactory
	// Broadcaster may be nil: then there is no broadcasting.
	Broadcaster Broadcaster

	// Socket limits and origin policy. Subprotocol is set by the Server;
	// MaxMessage defaults to wire.MaxMessage.
	Socket ws.Config
	// MaxSockets bounds the sockets open at once; further ones get HTTP 503.
	MaxSockets int
	// MaxUnjoined bounds the sockets of one IP address (IPv6: one /64 network)
	// that have not joined yet; further ones are closed, or get HTTP 429.
	MaxUnjoined int
	// ICEServers are given to every page.
	ICEServers []wire.ICEServer
	// Relays adds those that depend on how a page reached us and who it is; may be
	// nil.
	Relays Relays
	// AudioSlots is how many receiving audio m-lines a page is asked to offer,
	// MaxVideoSlots how many video ones it may; at most wire.MaxSlots.
	AudioSlots, MaxVideoSlots int
	// VideoCodec is what pages are asked to send cameras and screens with: "vp8",
	// "h264", "vp9" or "av1"; empty leaves it to the browser.
	VideoCodec string

	// JoinTimeout bounds the time from the socket to its join message, and the
	// verifying of its token.
	JoinTimeout time.Duration
	// AnswerTimeout bounds the answering of one offer.
	AnswerTimeout time.Duration
	// BroadcastTimeout bounds the start and the stop of a broadcast.
	BroadcastTimeout time.Duration
	// ChatRate is how many chat messages a second a member may send in the long
	// run, ChatBurst how many at once.
	ChatRate  float64
	ChatBurst int
	// RoomChatRate and RoomChatBurst are the same for all members of a room
	// together: each message goes to everybody.
	RoomChatRate  float64
	RoomChatBurst int

	// Logger takes what happens to sessions; nil is silent.
	Logger *slog.Logger
}

func (c Config) withDefaults() Config {
	c.Socket.Subprotocol = wire.Subprotocol
	c.Socket.MaxMessage = cmp.Or(c.Socket.MaxMessage, int64(wire.MaxMessage))
	c.MaxSockets = cmp.Or(c.MaxSockets, DefaultMaxSockets)
	c.AudioSlots = cmp.Or(c.AudioSlots, DefaultAudioSlots)
	c.MaxVideoSlots = cmp.Or(c.MaxVideoSlots, DefaultMaxVideoSlots)
	c.MaxVideoSlots = min(c.MaxVideoSlots, wire.MaxSlots)
	c.JoinTimeout = cmp.Or(c.JoinTimeout, DefaultJoinTimeout)
	c.AnswerTimeout = cmp.Or(c.AnswerTimeout, DefaultAnswerTimeout)
	c.BroadcastTimeout = cmp.Or(c.BroadcastTimeout, DefaultBroadcastTimeout)
	c.ChatRate = cmp.Or(c.ChatRate, DefaultChatRate)
	c.ChatBurst = cmp.Or(c.ChatBurst, DefaultChatBurst)
	c.RoomChatRate = cmp.Or(c.RoomChatRate, DefaultRoomChatRate)
	c.RoomChatBurst = cmp.Or(c.RoomChatBurst, DefaultRoomChatBurst)
	c.MaxUnjoined = cmp.Or(c.MaxUnjoined, DefaultMaxUnjoined)
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return c
}
