package egress

import (
	"context"
	"log/slog"
	"time"

	"github.com/meetcast/meetcast/egress/media"
)

// PushPhase is where an RTMP push stands.
type PushPhase string

// The phases of a push.
const (
	PushConnecting   PushPhase = "connecting"   // not yet accepted by the ingest
	PushLive         PushPhase = "live"         // the ingest answered NetStream.Publish.Start and takes bytes
	PushReconnecting PushPhase = "reconnecting" // was live, lost, being tried again
	PushFailed       PushPhase = "failed"       // given up: the destination refuses for good
)

// PushState is where a push stands and why.
type PushState struct {
	Phase PushPhase
	// Err is why it is not live: a sentence for a moderator in its Error, made by
	// DestinationError when the destination is to blame. Nil while live.
	Err error
}

// PushConfig says where a push goes.
type PushConfig struct {
	// URL with the stream key, rtmp:// or rtmps://.
	URL string
	// Internal is set for the server's own ingest, which no destination policy
	// may refuse.
	Internal bool
	// Epoch is the wall time at which the picture with PTS 0 was composed.
	Epoch time.Time
	// OnState is called after each change, in order, from the push's own
	// goroutine; it does not block.
	OnState func(PushState)
	Logger  *slog.Logger
}

// Push is one RTMP destination of a running broadcast. It starts to connect
// when it is made, and reconnects by itself until it is closed; Close tells the
// ingest that the stream has ended.
type Push interface {
	media.Sink
}

// Recorder writes a recording. Close finalises the file and returns when it is
// safe on disk.
type Recorder interface {
	media.Sink
	// File is the name of the recording under /vod/, as "NAME.mp4".
	File() string
	// Err is why nothing is recorded at the moment (disk full), or nil.
	Err() error
}

// Policy judges the destinations that a client may name. The resolved address
// is judged again by the push when it dials.
type Policy interface {
	// Check returns the URL to push to, aliases resolved, or a destination error.
	Check(ctx context.Context, url string) (string, error)
}
