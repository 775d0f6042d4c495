// Package proto is RTMP 1.0 below its commands: handshake, chunks, messages and
// AMF0, for a client and for a server.
//
// It stands on go-rtmp's handshake and message vocabulary and on go-amf0's
// encoder, and replaces go-rtmp's chunk streamer and AMF0 decoder, which a
// hostile peer can make panic, recurse without end or allocate gigabytes, and
// which misread type 3 chunks with an extended timestamp (docs/adr/0050).
// Section numbers are those of Adobe's RTMP specification 1.0.
package proto

import (
	"cmp"
	"errors"
	"fmt"

	"github.com/yutopp/go-rtmp/message"
)

// Type is the message type id, §5.4 and §7.1.
type Type = message.TypeID

// The message types in use.
const (
	TypeSetChunkSize     = message.TypeIDSetChunkSize
	TypeAbort            = message.TypeIDAbortMessage
	TypeAck              = message.TypeIDAck
	TypeUserControl      = message.TypeIDUserCtrl
	TypeWindowAckSize    = message.TypeIDWinAckSize
	TypeSetPeerBandwidth = message.TypeIDSetPeerBandwidth
	TypeAudio            = message.TypeIDAudioMessage
	TypeVideo            = message.TypeIDVideoMessage
	TypeDataAMF3         = message.TypeIDDataMessageAMF3
	TypeCommandAMF3      = message.TypeIDCommandMessageAMF3
	TypeDataAMF0         = message.TypeIDDataMessageAMF0
	TypeCommandAMF0      = message.TypeIDCommandMessageAMF0
)

// Chunk streams on which we send. The numbers are free (§5.3.1.1) except that
// protocol control messages go on 2 (§5.4).
const (
	ChunkStreamControl = 2
	ChunkStreamCommand = 3
	ChunkStreamAudio   = 4
	ChunkStreamData    = 5
	ChunkStreamVideo   = 6
)

// Message is one RTMP message.
type Message struct {
	ChunkStream uint32
	Type        Type
	StreamID    uint32
	// Timestamp in milliseconds modulo 2^32.
	Timestamp uint32
	Body      []byte
}

// Limits bound what a peer can make us hold. The zero Limits are the defaults.
type Limits struct {
	Media        int // largest audio or video message, bytes; default 8 MiB
	Command      int // largest message of any other type, bytes; default 64 KiB
	ChunkStreams int // default 32
	Partial      int // bytes of unfinished messages over all chunk streams; default 12 MiB
}

func (l Limits) withDefaults() Limits {
	l.Media = cmp.Or(l.Media, 8<<20)
	l.Command = cmp.Or(l.Command, 64<<10)
	l.ChunkStreams = cmp.Or(l.ChunkStreams, 32)
	l.Partial = cmp.Or(l.Partial, 12<<20)
	return l
}

// ErrProtocol is wrapped by every error that means the peer does not speak
// RTMP, or not as the specification says.
var ErrProtocol = errors.New("not valid rtmp")

func protocolErrorf(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrProtocol, fmt.Sprintf(format, args...))
}
