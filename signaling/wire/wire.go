// Package wire defines the signaling messages between a page and the server:
// JSON text messages over one WebSocket, subprotocol "meetcast.v1". The prose
// and the flows are in docs/protocol.md; testdata/*.json holds one golden
// example of every message, read by the Go and the TypeScript tests alike.
//
// Every message has a "type". A request may carry an "id"; its answer, "ok" or
// "error", carries the same id. Unknown fields are ignored, unknown types are
// answered with an error, so that a newer page can talk to an older server.
package wire

// Version of the protocol, sent in Join and Joined.
//
//	1  2026-11-22  first version
const Version = 1

// Subprotocol is the WebSocket subprotocol (RFC 6455 §1.9) of Version.
const Subprotocol = "meetcast.v1"

// Path is the URL path of the signaling WebSocket.
const Path = "/api/v1/signal"

// Limits of the protocol. A client that breaks one is told so and closed.
const (
	MaxMessage = 256 << 10 // bytes of one message; an SDP of 60 m-lines fits
	MaxName    = 80        // characters of a display name
	MaxChat    = 4000      // characters of a chat text
	MaxSlots   = 49        // video slots of one member
)

// The types of messages from the page to the server.
const (
	TypeJoin            = "join"
	TypeOffer           = "offer"
	TypeCandidate       = "candidate" // both directions
	TypeView            = "view"
	TypeMute            = "mute"
	TypeChat            = "chat" // both directions
	TypeHand            = "hand"
	TypeRename          = "rename"
	TypeKick            = "kick"
	TypeMuteParticipant = "mute-participant"
	TypeMuteEveryone    = "mute-everyone"
	TypeBroadcastStart  = "broadcast-start"
	TypeBroadcastStop   = "broadcast-stop"
	TypeBroadcastLayout = "broadcast-layout"
	TypeLeave           = "leave"
	TypePing            = "ping"
)

// The types of messages from the server to the page.
const (
	TypeJoined       = "joined"
	TypeAnswer       = "answer"
	TypeSlots        = "slots"
	TypeParticipants = "participants"
	TypeSpeakers     = "speakers"
	TypeBroadcast    = "broadcast"
	TypeMuteRequest  = "mute-request"
	TypeLayers       = "layers"
	TypeKicked       = "kicked"
	TypeOK           = "ok"
	TypeError        = "error"
	TypePong         = "pong"
)

// Head is what every message begins with.
type Head struct {
	Type string `json:"type"`
	// ID of a request, chosen by the page, at most 32 characters; empty means
	// no answer is wanted.
	ID string `json:"id,omitempty"`
}

// Join is the first message on every socket, within 10 s.
type Join struct {
	Head
	Version int    `json:"version"`
	Token   string `json:"token"`
	// Room as in the page's URL, "sub/room" or "room". It must match the token.
	Room string `json:"room,omitempty"`
	Name string `json:"name"`
	// Resume is the secret of an earlier Joined: the socket takes over that member.
	Resume string `json:"resume,omitempty"`
}

// Offer carries the page's SDP offer (RFC 8829): its published tracks are
// sendonly m-lines, its slots recvonly m-lines. The page always offers.
type Offer struct {
	Head
	SDP string `json:"sdp"`
	// Tracks says what each sendonly m-line shows.
	Tracks []TrackLine `json:"tracks"`
}

// TrackLine ties a sendonly m-line to a source.
type TrackLine struct {
	Mid    string `json:"mid"`
	Source string `json:"source"` // "microphone", "camera", "screen", "screen-audio"
}

// Candidate is a trickled ICE candidate (RFC 8838), as of
// RTCPeerConnection.onicecandidate; an empty Candidate ends the gathering.
type Candidate struct {
	Head
	Candidate        string  `json:"candidate"`
	SDPMid           *string `json:"sdpMid,omitempty"`
	SDPMLineIndex    *uint16 `json:"sdpMLineIndex,omitempty"`
	UsernameFragment *string `json:"usernameFragment,omitempty"`
}

// View says what the page shows: the wanted pictures, most important first. The
// server maps them onto the video slots and keeps a picture in its slot as long
// as it is wanted. Until the first View the server fills the slots by itself.
type View struct {
	Head
	Want []Want `json:"want"`
	// Fill lets the server fill slots left over, speakers first.
	Fill bool `json:"fill,omitempty"`
}

// Want is one wanted picture and the size at which it is shown, in device pixels.
type Want struct {
	Participant string `json:"participant"`
	Source      string `json:"source"` // "camera" or "screen"
	Width       int    `json:"width"`
	Height      int    `json:"height"`
}

// Mute tells that the page switched a source off or on.
type Mute struct {
	Head
	Source string `json:"source"`
	Muted  bool   `json:"muted"`
}

// Chat from the page has Text only; from the server all fields.
type Chat struct {
	Head
	Text string `json:"text"`
	From string `json:"from,omitempty"` // participant
	Name string `json:"name,omitempty"`
	At   int64  `json:"at,omitempty"` // Unix time, milliseconds
}

// Hand raises or lowers the page's own hand.
type Hand struct {
	Head
	Raised bool `json:"raised"`
}

// Rename changes the page's own display name.
type Rename struct {
	Head
	Name string `json:"name"`
}

// Kick removes a participant and bans its token from the room (moderators).
type Kick struct {
	Head
	Participant string `json:"participant"`
}

// MuteParticipant asks one participant's page to switch a source off (moderators).
type MuteParticipant struct {
	Head
	Participant string `json:"participant"`
	Source      string `json:"source"`
}

// BroadcastStart goes live (moderators). It is answered by "ok" when the ingest
// has accepted the stream, or by "error" with the reason.
type BroadcastStart struct {
	Head
	Record bool `json:"record"`
	// Layout is "grid" or "speaker"; empty means grid.
	Layout string `json:"layout,omitempty"`
	// Destination is an rtmp:// or rtmps:// URL that the server's configuration
	// allows; empty means the configured default.
	Destination string `json:"destination,omitempty"`
}

// BroadcastLayout switches the layout of a running broadcast (moderators).
type BroadcastLayout struct {
	Head
	Layout string `json:"layout"`
}

// Bare is a message without fields of its own: mute-everyone, broadcast-stop, leave.
type Bare struct {
	Head
}

// Ping keeps the socket alive and measures the round trip; T comes back in Pong.
type Ping struct {
	Head
	T float64 `json:"t"`
}

// Joined answers Join.
type Joined struct {
	Head
	Version int `json:"version"`
	// Self is the page's own participant id.
	Self string `json:"self"`
	// Resume is the secret with which a new socket takes over this member.
	Resume string `json:"resume"`
	// Resumed is true when the member, its PeerConnection and its slots live on.
	Resumed      bool          `json:"resumed"`
	Room         Room          `json:"room"`
	Moderator    bool          `json:"moderator"`
	Participants []Participant `json:"participants"` // others and self
	Chat         []Chat        `json:"chat"`         // the newest messages, oldest first
	Broadcast    Broadcast     `json:"broadcast"`
	ICEServers   []ICEServer   `json:"iceServers"`
	// AudioSlots is how many recvonly audio m-lines the page should offer.
	AudioSlots int `json:"audioSlots"`
	// MaxVideoSlots bounds the recvonly video m-lines.
	MaxVideoSlots int `json:"maxVideoSlots"`
	// VideoCodec is what the page should send cameras and screens with, "vp8",
	// "h264", "vp9" or "av1"; empty leaves it to the browser.
	VideoCodec string `json:"videoCodec,omitempty"`
}

// Room describes the room.
type Room struct {
	Name       string `json:"name"`
	Subject    string `json:"subject,omitempty"`
	StreamName string `json:"streamname,omitempty"`
}

// ICEServer is one entry of RTCConfiguration.iceServers.
type ICEServer struct {
	URLs       []string `json:"urls"`
	Username   string   `json:"username,omitempty"`
	Credential string   `json:"credential,omitempty"`
}

// Participant is one member as others see it.
type Participant struct {
	ID        string `json:"id"`
	Name      string `json:"name"`
	Moderator bool   `json:"moderator,omitempty"`
	Hand      int64  `json:"hand,omitempty"` // Unix ms when raised, 0 = down
	// Sources maps each published source to "on" or "muted".
	Sources map[string]string `json:"sources"`
	// Away is true while the member's socket is lost and may yet resume.
	Away bool `json:"away,omitempty"`
}

// Answer answers Offer; it carries all the server's candidates.
type Answer struct {
	Head
	SDP string `json:"sdp"`
}

// Slots is the whole slot map, sent after each change.
type Slots struct {
	Head
	Slots []Slot `json:"slots"`
}

// Slot is one recvonly m-line; Participant is empty while it carries nothing.
type Slot struct {
	Mid         string `json:"mid"`
	Kind        string `json:"kind"` // "audio" or "video"
	Participant string `json:"participant,omitempty"`
	Source      string `json:"source,omitempty"`
	// Codec of what it carries: "vp8", "h264", "vp9", "av1" or "opus". A page
	// that cannot decode it says so where the picture would be.
	Codec string `json:"codec,omitempty"`
}

// Participants brings changes of presence, batched.
type Participants struct {
	Head
	Joined  []Participant `json:"joined,omitempty"`
	Updated []Participant `json:"updated,omitempty"`
	Left    []Left        `json:"left,omitempty"`
}

// Left is one participant gone, with the reason: "left", "kicked", "lost".
type Left struct {
	ID     string `json:"id"`
	Reason string `json:"reason"`
}

// Speakers lists who is heard, loudest first; the first is the dominant speaker
// (with hysteresis).
type Speakers struct {
	Head
	Speakers []string `json:"speakers"`
}

// The states of a broadcast.
const (
	BroadcastIdle         = "idle"
	BroadcastStarting     = "starting"
	BroadcastLive         = "live"
	BroadcastReconnecting = "reconnecting"
	BroadcastStopping     = "stopping"
	BroadcastStopped      = "stopped"
	BroadcastFailed       = "failed"
)

// Broadcast is the state of the room's broadcast. Participants get Status,
// Since and Record; moderators all.
type Broadcast struct {
	Head
	Status string `json:"status"`
	// Reason is a sentence for people when reconnecting or failed.
	Reason string `json:"reason,omitempty"`
	Since  int64  `json:"since,omitempty"` // Unix ms when it went live
	Record bool   `json:"record,omitempty"`
	Layout string `json:"layout,omitempty"`
	// Live and VOD are links to watch; NanoStream is the ingest URL.
	Live         string        `json:"live,omitempty"`
	VOD          string        `json:"vod,omitempty"`
	NanoStream   string        `json:"nanoStream,omitempty"`
	Destinations []Destination `json:"destinations,omitempty"`
}

// Destination is one RTMP push of a broadcast.
type Destination struct {
	URL    string `json:"url"` // without the stream key
	Status string `json:"status"`
	Reason string `json:"reason,omitempty"`
}

// MuteRequest asks the page to switch a source off: a moderator wants it.
type MuteRequest struct {
	Head
	Source string `json:"source"`
	By     string `json:"by"`
}

// Layers tells a page which encodings of a source it publishes anybody watches
// at present; the others are a waste of its uplink. Every layer of a source
// counts as watched until the first such message.
type Layers struct {
	Head
	Source string `json:"source"`
	// Active lists the watched encodings by rid (RFC 8851); one without a rid,
	// SVC included, is named "". Empty: nobody watches.
	Active []string `json:"active"`
}

// Kicked is the last message before close code CloseKicked.
type Kicked struct {
	Head
	By string `json:"by"`
}

// Error answers a request, or tells of a problem before the socket closes.
type Error struct {
	Head
	Code    string `json:"code"`
	Message string `json:"message"`
}

// OK answers a request. Broadcast is set for broadcast-start and -stop.
type OK struct {
	Head
	Broadcast *Broadcast `json:"broadcast,omitempty"`
}

// Pong answers Ping.
type Pong struct {
	Head
	T  float64 `json:"t"`
	At int64   `json:"at"` // server's Unix time, milliseconds
}

// Close codes (RFC 6455 §7.4.2, private range) and what the page should do.
const (
	CloseBadMessage   = 4400 // a bug in the page: do not retry
	CloseUnauthorized = 4401 // token refused: do not retry
	CloseKicked       = 4403 // do not retry
	CloseGone         = 4404 // nothing to resume: join anew
	CloseTimeout      = 4408 // no join in time, or the page reads too slowly: retry
	CloseReplaced     = 4409 // the member was resumed elsewhere: do not retry
	CloseRate         = 4429 // too many messages: retry later
	CloseInternal     = 4500 // retry
	CloseFull         = 4503 // the room or the server is full: say so, retry by hand
)

// Codes of Error.
const (
	CodeBadRequest   = "bad-request"
	CodeUnauthorized = "unauthorized"
	CodeForbidden    = "forbidden"
	CodeNotFound     = "not-found"
	CodeRate         = "rate"
	CodeConflict     = "conflict"
	CodeDestination  = "destination" // the RTMP target refused or cannot be reached
	CodeUnavailable  = "unavailable" // something the server lacks, such as ffmpeg
	CodeInternal     = "internal"
)
