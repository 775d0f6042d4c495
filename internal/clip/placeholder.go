package clip

import (
	"encoding/binary"
	"time"

	"github.com/meetcast/meetcast/sfu/packet"
)

// Placeholder makes a clip of frames that carry true VP8 headers and no
// picture, or Opus packets that decode to silence. An SFU cannot tell it from
// real media, a decoder can: it is for tests of forwarding on machines without
// ffmpeg.
func Placeholder(codec packet.Codec, width, height, fps, bitrate int) *Clip {
	if codec == packet.Opus {
		return placeholderOpus()
	}
	c := &Clip{Codec: packet.VP8, Width: width, Height: height, FrameDuration: time.Second / time.Duration(fps)}
	size := max(bitrate/8/fps, 16)
	for i := range fps * 2 {
		data := make([]byte, size)
		for k := range data {
			data[k] = byte(k*31 + i*7 + 1)
		}
		key := i%fps == 0
		vp8Tag(data, key, width, height)
		c.Frames = append(c.Frames, Frame{Data: data, Key: key})
	}
	return c
}

// vp8Tag writes the frame tag and, on key frames, start code and size
// (RFC 6386 §9.1).
func vp8Tag(data []byte, key bool, width, height int) {
	tag := uint32(1)<<4 | uint32(len(data)/4)<<5 // show_frame, first partition
	if !key {
		tag |= 1
	}
	data[0], data[1], data[2] = byte(tag), byte(tag>>8), byte(tag>>16)
	if key {
		data[3], data[4], data[5] = 0x9d, 0x01, 0x2a
		binary.LittleEndian.PutUint16(data[6:], uint16(width))
		binary.LittleEndian.PutUint16(data[8:], uint16(height))
	}
}

// placeholderOpus is a second of 20 ms CELT packets without content
// (RFC 6716 §3.1: configuration 31, mono, one frame).
func placeholderOpus() *Clip {
	c := &Clip{Codec: packet.Opus, FrameDuration: 20 * time.Millisecond}
	for range 50 {
		data := make([]byte, 60)
		data[0], data[1], data[2] = 0xf8, 0xff, 0xfe
		c.Frames = append(c.Frames, Frame{Data: data, Key: true})
	}
	return c
}
