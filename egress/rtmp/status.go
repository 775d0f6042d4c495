package rtmp

import "time"

// State of a push.
type State string

// The states. A push is live only while the server has accepted the stream and
// takes bytes.
const (
	Connecting   State = "connecting"
	Live         State = "live"
	Reconnecting State = "reconnecting"
	Failed       State = "failed" // never was live and trying again cannot help
	Closed       State = "closed"
)

// Status is what is true about a push now.
type Status struct {
	State State
	// Reason why it is not live, nil when there is none.
	Reason *Error
	// Accepted is true when the server answered NetStream.Publish.Start to the
	// present connection. With State Connecting it waits for media.
	Accepted bool
	// Since is when State began.
	Since time.Time
	Stats Stats
}

// Stats count since the start of the push.
type Stats struct {
	Attempts   int    // connections tried
	Reconnects int    // connections lost after having been live
	Bytes      uint64 // media handed to the connections
	Unacked    int    // bytes sent and not yet acknowledged by the peer's TCP
	Samples    uint64 // sent
	// Dropped samples by reason: QueueFull because the peer was too slow,
	// Offline because there was no connection, Unready before Begin or before
	// the first key picture.
	QueueFull, Offline, Unready uint64
	// QueueAge is the media time that waits in the queue.
	QueueAge time.Duration
}
