package signaling

import (
	"context"
	"log/slog"
	"time"

	"github.com/meetcast/meetcast/sfu/track"
)

// Verifier checks tokens.
type Verifier interface {
	// Verify returns who a token stands for. An error that is no *Error counts
	// as KindUnauthorized.
	Verify(ctx context.Context, token string) (Identity, error)
}

// Identity is what a valid token says.
type Identity struct {
	Room       track.RoomID // "sub/room"
	StreamName string       // of the room's broadcast
	Moderator  bool
	TokenID    string // jti
	Expires    time.Time
}

// PeerFactory makes the media end of a member; it is the SFU engine.
type PeerFactory interface {
	NewPeer(PeerConfig) (Peer, error)
}

// PeerConfig says whose peer it is.
type PeerConfig struct {
	Member                    track.MemberID
	AudioSlots, MaxVideoSlots int
	Handler                   PeerHandler
	Logger                    *slog.Logger
}

// PeerHandler hears of a peer. Its methods do not block.
type PeerHandler interface {
	Published(track.UpTrack)
	Unpublished(track.TrackID)
	StateChanged(PeerState)
	// LayersWanted tells which layers of a published track anybody watches, by
	// rid, when that changes: "" is the layer of a track without rids, none
	// means that nobody watches. Until the first call all layers are wanted.
	LayersWanted(id track.TrackID, rids []string)
}

// PeerState is the state of a peer's transport.
type PeerState uint8

// The states.
const (
	PeerConnecting PeerState = iota + 1
	PeerConnected
	PeerDisconnected // may come back by itself
	PeerFailed       // comes back by an ICE restart, which the page offers
	PeerClosed       // does not come back
)

// Peer is one PeerConnection.
type Peer interface {
	track.Down
	// Answer takes an offer, the first or a later one, and returns the answer.
	// tracks maps the mid of each sendonly m-line to its source. An offer that
	// cannot be used is a *Error of KindUser.
	Answer(ctx context.Context, sdp string, tracks map[string]track.Source) (string, error)
	// AddCandidate takes a trickled candidate of the page.
	AddCandidate(candidate string, mid *string, mline *uint16, ufrag *string) error
	// Close ends the connection and waits.
	Close() error
}

// RoomHandle is what the broadcaster gets of a room.
type RoomHandle interface{ track.Room }

// Broadcaster runs the broadcasts of rooms. Its errors that are no *Error count
// as KindOurs.
type Broadcaster interface {
	// Start goes live and returns when every ingest has accepted the stream.
	Start(context.Context, BroadcastRequest) (BroadcastStatus, error)
	// Stop returns when the recording is safe.
	Stop(context.Context, track.RoomID) (BroadcastStatus, error)
	// SetLayout switches the layout of a running broadcast.
	SetLayout(track.RoomID, string) error
	// Status returns the present state, BroadcastIdle when there is none. It
	// does not block.
	Status(track.RoomID) BroadcastStatus
	// Watch calls changed with each new status of the room, in order and holding
	// no lock that Status needs. cancel waits until no call is under way.
	Watch(room track.RoomID, changed func(BroadcastStatus)) (cancel func())
}

// BroadcastRequest is what a moderator asks for.
type BroadcastRequest struct {
	Room RoomHandle
	// Stream is the stream name of the moderator's token.
	Stream string
	Record bool
	// Layout is a name of a layout, empty for the default.
	Layout string
	// Destination is an rtmp:// or rtmps:// URL, empty for the default.
	Destination string
}

// BroadcastStatus is the state of a room's broadcast.
type BroadcastStatus struct {
	State  string // one of wire.Broadcast…; empty is idle
	Reason string // a sentence for people
	Since  time.Time
	Record bool
	Layout string
	// Live and VOD are links to watch; NanoStream is the ingest URL.
	Live, VOD, NanoStream string
	Destinations          []DestinationStatus
}

// DestinationStatus is the state of one push.
type DestinationStatus struct {
	URL    string // without the stream key
	State  string
	Reason string
}
