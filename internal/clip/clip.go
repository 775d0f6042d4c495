// Package clip holds short endless pieces of encoded media in memory: what a
// simulated participant sends. A clip comes out of ffmpeg once (Maker) and is
// then shared by any number of senders, so that a load test spends its CPU on
// packets and not on encoding.
package clip

import (
	"errors"
	"time"

	"github.com/meetcast/meetcast/sfu/packet"
)

// ErrEmpty is returned for media without a single frame.
var ErrEmpty = errors.New("media has no frames")

// Frame is one encoded picture, or one Opus packet.
type Frame struct {
	// Data is a VP8 frame, an H.264 access unit in Annex B form, or an Opus packet.
	Data []byte
	// Key marks a picture that decodes by itself; always true for sound.
	Key bool
}

// Clip is an endless loop of frames at a constant rate. It is immutable once
// made and therefore safe to share.
type Clip struct {
	Codec         packet.Codec
	Width, Height int           // pixels; zero for sound
	FrameDuration time.Duration // constant
	Frames        []Frame       // the first is a key frame
}

// ClockRate of the RTP timestamps of the clip's codec, Hz.
func (c *Clip) ClockRate() uint32 {
	if c.Codec == packet.Opus {
		return 48000
	}
	return 90000
}

// Duration of one turn of the loop.
func (c *Clip) Duration() time.Duration {
	return time.Duration(len(c.Frames)) * c.FrameDuration
}

// Bitrate is the mean of the payload in bit/s.
func (c *Clip) Bitrate() int {
	n := 0
	for _, f := range c.Frames {
		n += len(f.Data)
	}
	if d := c.Duration(); d > 0 {
		return int(float64(n*8) / d.Seconds())
	}
	return 0
}

// NextKey returns the first key frame at or after position i, going round the
// end: where a sender continues after a picture loss indication.
func (c *Clip) NextKey(i int) int {
	n := len(c.Frames)
	for k := range n {
		if p := (i + k) % n; c.Frames[p].Key {
			return p
		}
	}
	return 0
}
