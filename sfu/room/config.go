package room

import (
	"cmp"
	"log/slog"
	"time"

	"github.com/meetcast/meetcast/sfu/track"
)

// Defaults of Config.
const (
	DefaultMaxRooms   = 1000
	DefaultMaxMembers = 500
	DefaultGrace      = 30 * time.Second
	DefaultBatch      = 50 * time.Millisecond
	DefaultMaxBatch   = 200 * time.Millisecond
	DefaultPoll       = 100 * time.Millisecond
	DefaultChatLen    = 100
	DefaultChatBytes  = 64 << 10
	DefaultMaxBans    = 10000
)

// The sizes at which slots are filled that nobody asked for in particular.
var (
	DefaultCameraSize = track.Size{Width: 640, Height: 360}
	DefaultScreenSize = track.Size{Width: 1280, Height: 720}
)

// Config of all rooms. The zero value takes the defaults.
type Config struct {
	// MaxRooms bounds the rooms open at once, MaxMembers the members of each
	// (members whose socket is lost count, observers do not).
	MaxRooms, MaxMembers int
	// Grace is how long a member outlives its socket.
	Grace time.Duration
	// Batch is the shortest time between two rounds of slots, and between two of
	// presence in a small room; in a large one that grows with the members up to
	// MaxBatch.
	Batch, MaxBatch time.Duration
	// Poll is how often loudness is read.
	Poll time.Duration
	// ChatLen and ChatBytes bound the messages kept for those who join later;
	// the oldest are dropped.
	ChatLen, ChatBytes int
	// CameraSize and ScreenSize are wanted of pictures that the server chose.
	CameraSize, ScreenSize track.Size
	// MaxBans bounds the bans held in memory; beyond it the one that ends first
	// is dropped.
	MaxBans int
	// Bans keeps the bans beyond the life of the process; nil keeps them in
	// memory only.
	Bans Bans
	// Logger takes what happens to rooms; nil is silent.
	Logger *slog.Logger
}

func (c Config) withDefaults() Config {
	c.MaxRooms = cmp.Or(c.MaxRooms, DefaultMaxRooms)
	c.MaxMembers = cmp.Or(c.MaxMembers, DefaultMaxMembers)
	c.Grace = cmp.Or(c.Grace, DefaultGrace)
	c.Batch = cmp.Or(c.Batch, DefaultBatch)
	c.MaxBatch = cmp.Or(c.MaxBatch, DefaultMaxBatch)
	c.Poll = cmp.Or(c.Poll, DefaultPoll)
	c.ChatLen = cmp.Or(c.ChatLen, DefaultChatLen)
	c.ChatBytes = cmp.Or(c.ChatBytes, DefaultChatBytes)
	c.MaxBans = cmp.Or(c.MaxBans, DefaultMaxBans)
	if c.CameraSize == (track.Size{}) {
		c.CameraSize = DefaultCameraSize
	}
	if c.ScreenSize == (track.Size{}) {
		c.ScreenSize = DefaultScreenSize
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return c
}
