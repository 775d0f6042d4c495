package botclient

import (
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"time"

	"github.com/pion/rtp"

	"github.com/meetcast/meetcast/internal/botclient/light"
	"github.com/meetcast/meetcast/internal/clip"
	"github.com/meetcast/meetcast/sfu/packet"
	"github.com/meetcast/meetcast/sfu/track"
	"github.com/meetcast/meetcast/signaling/wire"
)

// AllSlots asks for as many audio slots as the server proposes.
const AllSlots = -1

// Config says who a bot is, what it sends and what it wants to receive.
type Config struct {
	// URL of the server: its base (http or https) or the signaling WebSocket
	// itself (ws or wss).
	URL string
	// Token admits the bot to the room.
	Token string
	// Room as in the page's URL; optional, since the token names it.
	Room string
	Name string
	// Publish lists what the bot sends, at most one track for each source.
	Publish []Track
	// AudioSlots is the number of recvonly audio lines; zero means none,
	// AllSlots what the server proposes.
	AudioSlots int
	// VideoSlots is the number of recvonly video lines, cut to the server's limit.
	VideoSlots int
	// Stack shares sockets' settings, certificate and codecs among bots; nil
	// makes one for this bot.
	Stack *Stack
	// OnPacket sees every packet received, on the slot's read loop. It must not
	// block and must not keep header or payload.
	OnPacket func(slot Slot, header *rtp.Header, payload []byte)
	// Logger gets what goes wrong; nil discards.
	Logger *slog.Logger
	// Loss drops media packets at random, on their way in and out.
	Loss light.Loss
	// RED offers redundant audio (RFC 2198) on all audio lines.
	RED bool
	// IgnoreLayers goes on sending layers that the server says nobody watches.
	IgnoreLayers bool
	// PingInterval keeps the socket alive; zero means 10 s.
	PingInterval time.Duration
	// EventQueue bounds the events channel; zero means 256. When it is full the
	// oldest event is dropped and counted.
	EventQueue int
}

// Slot names the receive line on which a packet came and what it carries now.
type Slot struct {
	Mid         string
	Kind        track.Kind
	Participant string
	Source      track.Source
	Codec       packet.Codec
}

// Track is one published source.
type Track struct {
	Source track.Source
	// Layers are the simulcast encodings, smallest first; one means no simulcast.
	Layers []*clip.Clip
	// Level is the RFC 6464 audio level in -dBov, 0 loud .. 127 silence, until
	// Bot.SetLevel changes it.
	Level uint8
	// Steady leaves key frame requests to the key frames that come anyway: the
	// clip then never jumps ahead and stays in step with the bot's other tracks.
	Steady bool
	// DTX stops a microphone at level 127 but for comfort packets.
	DTX bool
	// Marked puts a time mark on every video frame; see Stats.
	Marked bool
}

// rids name simulcast layers, smallest first.
var rids = [...][]string{1: {""}, 2: {"h", "f"}, 3: {"q", "h", "f"}}

func (c *Config) check() error {
	if c.Token == "" {
		return errors.New("no token")
	}
	seen := map[track.Source]bool{}
	for _, t := range c.Publish {
		kind, ok := t.Source.Kind()
		if !ok || seen[t.Source] {
			return fmt.Errorf("source %q is unknown or published twice", t.Source)
		}
		seen[t.Source] = true
		if len(t.Layers) == 0 || len(t.Layers) >= len(rids) {
			return fmt.Errorf("source %q has %d layers", t.Source, len(t.Layers))
		}
		for _, l := range t.Layers {
			if (l.Codec == packet.Opus) != (kind == track.Audio) || l.Codec != t.Layers[0].Codec {
				return fmt.Errorf("source %q cannot carry %v", t.Source, l.Codec)
			}
		}
	}
	return nil
}

func (c *Config) setDefaults() {
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.PingInterval == 0 {
		c.PingInterval = 10 * time.Second
	}
	if c.EventQueue == 0 {
		c.EventQueue = 256
	}
}

// signalURL turns the base of a server into the address of its WebSocket.
func signalURL(base string) (string, error) {
	u, err := url.Parse(base)
	if err != nil {
		return "", fmt.Errorf("parse server address: %w", err)
	}
	switch u.Scheme {
	case "http", "https":
		u.Scheme = "ws" + strings.TrimPrefix(u.Scheme, "http")
		u.Path = strings.TrimSuffix(u.Path, "/") + wire.Path
	case "ws", "wss":
		if u.Path == "" || u.Path == "/" {
			u.Path = wire.Path
		}
	default:
		return "", fmt.Errorf("server address %q is neither http(s) nor ws(s)", base)
	}
	return u.String(), nil
}
