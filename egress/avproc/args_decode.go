package avproc

import (
	"fmt"

	"github.com/meetcast/meetcast/sfu/packet"
)

// Fit says how a picture fills a tile of another shape.
type Fit uint8

// The ways to fit.
const (
	Fill    Fit = iota // crop what sticks out
	Contain            // show everything, bars at two sides
)

// DecodeConfig says what a decoder child decodes, and to what.
type DecodeConfig struct {
	FFmpeg        string // path of the program
	Codec         packet.Codec
	Width, Height int // of the pictures wanted, even
	Fit           Fit
	Nice          int // see Command
}

// decodeArgs builds the arguments of a decoder child: IVF in, NUT with raw
// I420 pictures of one size out, timestamps in microseconds through both.
//
//   - probesize and analyzeduration keep ffmpeg from reading ahead to guess
//     what IVF already says; "nobuffer" would throw the first key frame away.
//   - threads is given for both sides: frame threads hold a frame back for each
//     thread, and the "encoder" of raw pictures has them too.
//   - low_delay makes the H.264 decoder give a picture out with its packet
//     instead of keeping some for re-ordering (WebRTC sends no B frames).
//   - copyts and passthrough let the timestamps through untouched.
func decodeArgs(c DecodeConfig) []string {
	return []string{
		"-hide_banner", "-nostdin", "-nostats", "-loglevel", "error",
		"-probesize", "32", "-analyzeduration", "0", "-fpsprobesize", "0",
		"-threads", "1", "-flags", "low_delay", "-copyts",
		"-f", "ivf", "-i", "pipe:0",
		"-an", "-sn", "-dn",
		"-filter_threads", "1", "-vf", decodeFilter(c),
		"-threads", "1", "-fps_mode", "passthrough", "-enc_time_base", "1:1000000",
		"-c:v", "rawvideo", "-pix_fmt", "yuv420p",
		"-flush_packets", "1", "-muxdelay", "0", "-muxpreload", "0",
		"-write_index", "0", "-f", "nut", "pipe:1",
	}
}

// decodeFilter scales and crops, or scales and pads, to the tile. Either costs
// nothing when the picture has the tile's size already.
func decodeFilter(c DecodeConfig) string {
	w, h := c.Width, c.Height
	if c.Fit == Contain {
		return fmt.Sprintf("scale=%d:%d:flags=bilinear:force_original_aspect_ratio=decrease:force_divisible_by=2,"+
			"pad=%d:%d:-1:-1:color=0x101418,setsar=1", w, h, w, h)
	}
	return fmt.Sprintf("scale=%d:%d:flags=fast_bilinear:force_original_aspect_ratio=increase:force_divisible_by=2,"+
		"crop=%d:%d,setsar=1", w, h, w, h)
}
