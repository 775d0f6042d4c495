// Package media holds what passes between the composer, the encoder and the
// sinks of a broadcast: raw pictures, raw sound, encoded samples.
package media

import "time"

// Kind tells sound from picture.
type Kind uint8

// The kinds of samples.
const (
	Video Kind = iota + 1
	Audio
)

// VideoParams describe the encoded picture. They are constant for a broadcast.
type VideoParams struct {
	SPS, PPS      []byte // H.264 parameter sets without start code or length
	Width, Height int    // pixels
	FPS           int    // frames per second, constant
}

// AudioParams describe the encoded sound.
type AudioParams struct {
	Config     []byte // AudioSpecificConfig, ISO/IEC 14496-3 §1.6.2.1
	SampleRate int    // Hz
	Channels   int
}

// Params describe an encoded programme. A nil part is absent: an encoder may
// publish picture or sound alone.
type Params struct {
	Video *VideoParams
	Audio *AudioParams
}

// Sample is one encoded picture or one AAC frame. It is immutable once written:
// all sinks share its Data.
type Sample struct {
	Kind Kind
	// PTS and DTS count from the first sample of the broadcast and never jump.
	PTS, DTS time.Duration
	// Key marks a picture that decodes by itself (IDR). Always true for sound.
	Key bool
	// Data is AVCC (4-byte big-endian length before each NAL unit; no SPS, PPS
	// or access unit delimiter) for H.264, a raw_data_block for AAC.
	Data []byte
}

// Sink takes an encoded programme: an RTMP push, a recorder, a live playout.
type Sink interface {
	// Begin says what follows. It is called before the first Write, and again
	// when the parameters change; the next video sample is then a key frame.
	Begin(Params)
	// Write never blocks: the sink has a bounded queue, and when that is full
	// drops to the next key frame and counts what it dropped.
	Write(Sample)
	// Close writes out what is queued, as far as its context allows, and stops.
	// It is idempotent and waits.
	Close() error
}

// Picture is an 8-bit 4:2:0 planar picture (I420, BT.601 limited range, as
// WebRTC cameras send; docs/adr/0042).
type Picture struct {
	Width, Height             int // even
	Y, U, V                   []byte
	StrideY, StrideU, StrideV int // bytes per row
}

// NewPicture allocates a black picture; odd sizes are rounded up.
func NewPicture(width, height int) *Picture {
	width, height = (width+1)&^1, (height+1)&^1
	n := width * height
	buf := make([]byte, n+n/2)
	p := &Picture{
		Width: width, Height: height,
		Y: buf[:n], U: buf[n : n+n/4], V: buf[n+n/4:],
		StrideY: width, StrideU: width / 2, StrideV: width / 2,
	}
	for i := range p.Y {
		p.Y[i] = 16
	}
	for i := n; i < len(buf); i++ {
		buf[i] = 128
	}
	return p
}

// SampleRate and Channels of all raw sound in a broadcast: interleaved float32.
const (
	SampleRate = 48000
	Channels   = 2
)
