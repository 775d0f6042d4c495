package egress

import (
	"time"

	"github.com/meetcast/meetcast/sfu/track"
)

// State is the state of a broadcast.
type State string

// The states. A broadcast that is not running and never was has state Idle.
const (
	Idle         State = "idle"
	Starting     State = "starting"
	Live         State = "live"         // every destination accepted and takes bytes
	Reconnecting State = "reconnecting" // at least one destination is lost and being tried again
	Stopping     State = "stopping"     // draining, finalising the recording
	Stopped      State = "stopped"
	Failed       State = "failed" // see Reason
)

// Status is the truth about a broadcast at one moment. It is a value: nobody
// changes it afterwards.
type Status struct {
	Room   track.RoomID
	State  State
	Stream string // NAME
	Layout string
	// Reason says in a sentence why the state is reconnecting or failed.
	Reason string
	// Record tells that a recording was asked for; VOD is its file name under
	// /vod/ and RecordError why nothing is being written at the moment.
	Record      bool
	VOD         string
	RecordError string
	// Since is when the state began, Began when the broadcast was asked for and
	// LiveAt when it was first live; zero when not yet.
	Since, Began, LiveAt time.Time
	Destinations         []DestinationStatus
	Stats                Stats
}

// DestinationStatus is one push as the moderator may see it.
type DestinationStatus struct {
	Name   string // "live" for the own ingest, else scheme and host without the key
	Phase  PushPhase
	Reason string
}

// Stats counts what a broadcast did since it began.
type Stats struct {
	FramesOut      uint64 // encoded pictures handed to the sinks
	AudioOut       uint64 // encoded AAC frames handed to the sinks
	Duplicated     uint64 // pictures encoded again because the composer or the encoder was late
	Skipped        uint64 // pictures left out because the encoder was more than ten seconds late
	Late           uint64 // ticks of the output clock that came too late
	DecoderStarts  uint64
	DecoderCrashes uint64 // children that ended without being asked
	EncoderCrashes uint64
	Drops          map[string]uint64 // reason to count, for input packets and pictures
	// EncoderSpeed is pictures encoded per picture due over the last seconds: 1
	// keeps up, below 1 falls behind.
	EncoderSpeed float64
	// EncoderLag is how far the newest encoded picture is behind the clock.
	EncoderLag time.Duration
	// PlayoutDelay is the largest delay of a publisher between capture and canvas.
	PlayoutDelay time.Duration
	Tiles        int // on the canvas now
	Voices       int // mixed now
}
