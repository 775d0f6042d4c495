// Package track is the contract between those who publish media into a room
// and those who receive it. It knows neither WebRTC nor sockets: a browser, a
// WHIP publisher, the broadcaster's tap, a load-test bot and a relay to another
// node all meet here.
//
// "Up" is media on its way into the server, "down" is media on its way out;
// the two words mean the same in Go, in TypeScript and in the documents.
//
//	publisher --> Up ----- UpTrack ---> DownTrack ----- Down --> subscriber
//	             (member)  (source,      (slot)        (member)
//	                        layers)
package track

import (
	"time"

	"github.com/meetcast/meetcast/sfu/packet"
)

// RoomID names a room: organisation and room name, as in "acme/standup".
type RoomID string

// MemberID names one member of one room for as long as it is a member; it
// survives a resumed socket.
type MemberID string

// TrackID names one published source of one member.
type TrackID string

// Kind tells sound from picture.
type Kind uint8

// The kinds of media.
const (
	Audio Kind = iota + 1
	Video
)

// String returns "audio" or "video", the words of SDP.
func (k Kind) String() string {
	switch k {
	case Audio:
		return "audio"
	case Video:
		return "video"
	}
	return "unknown"
}

// Source says what a published track shows or lets hear.
type Source string

// The sources a member may publish, at most one track each.
const (
	Microphone  Source = "microphone"
	Camera      Source = "camera"
	Screen      Source = "screen"
	ScreenAudio Source = "screen-audio"
)

// Kind returns the kind of media a source carries, and false for a source that
// does not exist.
func (s Source) Kind() (Kind, bool) {
	switch s {
	case Microphone, ScreenAudio:
		return Audio, true
	case Camera, Screen:
		return Video, true
	}
	return 0, false
}

// Size is a picture size in pixels. The zero Size means "unknown" for what is
// published and "do not send" for what is wanted.
type Size struct {
	Width, Height int
}

// Layer is one simulcast encoding of an UpTrack, or one spatial layer of a stream
// that has several (SVC).
type Layer struct {
	Index int    // 0 is the smallest
	RID   string // RFC 8851 restriction id; empty without simulcast
	Size  Size   // as seen in the last key frame; zero until then
	// Bitrate is what its receivers are sent, the spatial layers below included,
	// bit/s; measured over the last second, or before the layer was paused.
	Bitrate int
	// Temporal has the part of Bitrate that is left when nothing above a temporal
	// layer is sent, by temporal layer; nil when there is but one.
	Temporal []int
	// Active tells that the layer can be had: packets arrived within the last
	// second, or it is Paused, or was until just now.
	Active bool
	// Paused tells that the publisher does not send it because nobody wants it;
	// RequestKeyFrame of who does turns it on again.
	Paused bool
}

// Info is what never changes about an UpTrack.
type Info struct {
	ID     TrackID
	Member MemberID
	Kind   Kind
	Source Source
	Codec  packet.Codec
	// ClockRate of the RTP timestamps, Hz.
	ClockRate uint32
}

// ClockRef ties an RTP timestamp to the publisher's wall clock, from an RTCP
// sender report (RFC 3550 §6.4.1).
type ClockRef struct {
	NTP time.Time
	RTP uint32
}

// UpTrack is one published source with all its layers. It is safe for
// concurrent use.
type UpTrack interface {
	Info() Info
	// Layers returns the simulcast layers known so far, lowest first; an audio
	// track has one.
	Layers() []Layer
	// Attach makes d receive the packets of every layer from now on; d picks
	// the layer it forwards. Attaching twice is the same as once.
	Attach(d DownTrack)
	// Detach stops it. After Detach returned, d gets no more packets.
	Detach(d DownTrack)
	// RequestKeyFrame asks the publisher for a key frame of one layer; requests
	// are merged so that a publisher gets at most one PLI per 500 ms and layer.
	RequestKeyFrame(layer int)
	// ClockRef returns the newest sender report of a layer, false before the first.
	ClockRef(layer int) (ClockRef, bool)
	// Loudness is the smoothed audio level from RFC 6464 in 0 (silence) .. 1
	// (0 dBov); always 0 for video.
	Loudness() float64
}

// DownTrack receives the packets of one UpTrack at a time.
type DownTrack interface {
	// WritePacket is called on the publisher's read loop: it must not block and
	// must not keep p or its payload after it returned.
	WritePacket(p *packet.Packet)
	// UpClosed tells that the attached track has ended; no packet follows.
	UpClosed(TrackID)
}

// Wanter is what a DownTrack may offer besides: which layers it needs. The
// publisher need not send layers that nobody wants.
type Wanter interface {
	// Wants returns the set of layers, bit i for Layer.Index i. It is called at any
	// time and must not block. Who wants another layer calls RequestKeyFrame then.
	Wants() uint32
}

// Up is the publishing side of a member.
type Up interface {
	UpTracks() []UpTrack
}

// Slot is one receive m-line of a member. Its source changes over its life; its
// SSRC, sequence numbers and timestamps go on as one stream.
type Slot struct {
	Mid  string // RFC 8843 media identification tag
	Kind Kind
}

// Down is the receiving side of a member: its slots. The room decides which
// UpTrack each slot carries.
type Down interface {
	// Slots lists the slots in m-line order.
	Slots() []Slot
	// Bind lets the slot carry up at no more than size from the next key frame
	// on; a nil up empties the slot. It must not block.
	Bind(mid string, up UpTrack, size Size)
}
