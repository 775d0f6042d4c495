package avproc

import (
	"fmt"
	"slices"
	"strconv"
)

// VideoConfig says how the picture is encoded.
type VideoConfig struct {
	FFmpeg        string // path of the program
	Encoder       string // see Encoders
	Width, Height int    // even
	FPS           int
	Bitrate       int // bit/s, constant
	Nice          int // see Command
}

// Encoders are the names of video encoders that VideoConfig takes.
func Encoders() []string {
	return []string{"libx264", "libopenh264", "h264_nvenc", "h264_vaapi", "h264_qsv"}
}

// KnownEncoder tells whether a name is among Encoders.
func KnownEncoder(name string) bool { return slices.Contains(Encoders(), name) }

// videoArgs builds the arguments of the video encoder child: raw I420 pictures
// in, NUT with H.264 out. One closed group of pictures a second, no B frames, no
// look-ahead. Cameras send BT.601, the canvas keeps it and the stream says so.
func videoArgs(c VideoConfig) []string {
	fps, rate := strconv.Itoa(c.FPS), strconv.Itoa(c.Bitrate)
	args := []string{"-hide_banner", "-nostdin", "-nostats", "-loglevel", "error"}
	filter := ""
	switch c.Encoder {
	case "h264_vaapi":
		args = append(args, "-init_hw_device", "vaapi=hw", "-filter_hw_device", "hw")
		filter = "format=nv12,hwupload"
	case "h264_qsv":
		args = append(args, "-init_hw_device", "qsv=hw", "-filter_hw_device", "hw")
		filter = "format=nv12"
	}
	args = append(args, colour()...)
	args = append(args,
		"-probesize", "32", "-analyzeduration", "0", "-fpsprobesize", "0",
		"-f", "rawvideo", "-pix_fmt", "yuv420p",
		"-video_size", fmt.Sprintf("%dx%d", c.Width, c.Height), "-framerate", fps,
		"-i", "pipe:0", "-an", "-fps_mode", "passthrough")
	if filter != "" {
		args = append(args, "-vf", filter)
	}
	args = append(args, "-c:v", c.Encoder)
	args = append(args, encoderArgs(c)...)
	args = append(args, "-b:v", rate, "-maxrate", rate, "-bufsize", rate,
		"-g", fps, "-bf", "0")
	args = append(args, colour()...)
	return append(args, "-flush_packets", "1", "-muxdelay", "0", "-muxpreload", "0",
		"-write_index", "0", "-f", "nut", "pipe:1")
}

// encoderArgs are the arguments that only one encoder knows.
func encoderArgs(c VideoConfig) []string {
	switch c.Encoder {
	case "libx264":
		return []string{"-preset", "veryfast", "-tune", "zerolatency", "-profile:v", "main",
			"-threads", strconv.Itoa(encoderThreads(c)), "-pix_fmt", "yuv420p",
			"-keyint_min", strconv.Itoa(c.FPS), "-sc_threshold", "0"}
	case "libopenh264":
		return []string{"-profile:v", "constrained_baseline", "-pix_fmt", "yuv420p", "-allow_skip_frames", "0"}
	case "h264_nvenc":
		return []string{"-preset", "p4", "-tune", "ull", "-rc", "cbr", "-zerolatency", "1",
			"-delay", "0", "-profile:v", "main", "-pix_fmt", "yuv420p", "-no-scenecut", "1", "-strict_gop", "1"}
	case "h264_vaapi":
		return []string{"-profile:v", "main", "-rc_mode", "CBR", "-async_depth", "1"}
	case "h264_qsv":
		return []string{"-preset", "veryfast", "-profile:v", "main", "-async_depth", "1", "-look_ahead", "0"}
	}
	return nil
}

// encoderThreads is how many slices x264 works on at once: each costs bits and
// time, so no more than the picture rate needs on one core of today.
func encoderThreads(c VideoConfig) int {
	switch rate := c.Width * c.Height * c.FPS; {
	case rate <= 1280*720*30:
		return 1
	case rate <= 1920*1080*30:
		return 2
	}
	return 4
}

func colour() []string {
	return []string{"-color_range", "tv", "-colorspace", "smpte170m",
		"-color_primaries", "smpte170m", "-color_trc", "smpte170m"}
}

// AudioFormat is what sound is encoded as.
type AudioFormat uint8

// The formats.
const (
	AAC  AudioFormat = iota // AAC-LC: RTMP, recordings, playout in MP4
	Opus                    // for viewers over WebRTC
)

// frame is how many samples of one channel a packet holds.
func (f AudioFormat) frame() int64 {
	if f == Opus {
		return 960 // 20 ms
	}
	return 1024
}

// lead is how many samples come out before the first that went in.
func (f AudioFormat) lead() int64 {
	if f == Opus {
		return 0 // libopus numbers its packets by what they hold
	}
	return 1024
}

// AudioConfig says how the sound is encoded: 48 kHz stereo.
type AudioConfig struct {
	FFmpeg  string // path of the program
	Format  AudioFormat
	Bitrate int // bit/s
	Nice    int // see Command
	// Start is the position of the first sample on the output clock, a whole
	// number of frames.
	Start int64
}

// audioArgs builds the arguments of the audio encoder child: interleaved
// little-endian floats in, NUT with AAC or Opus out.
func audioArgs(c AudioConfig) []string {
	args := []string{
		"-hide_banner", "-nostdin", "-nostats", "-loglevel", "error",
		"-probesize", "32", "-analyzeduration", "0",
		"-f", "f32le", "-ar", "48000", "-ac", "2", "-i", "pipe:0", "-vn",
	}
	if c.Format == Opus {
		// Half of the greatest effort is inaudible and costs half as much.
		args = append(args, "-c:a", "libopus", "-application", "audio", "-frame_duration", "20", "-compression_level", "5")
	} else {
		args = append(args, "-c:a", "aac", "-profile:a", "aac_low")
	}
	return append(args, "-b:a", strconv.Itoa(c.Bitrate),
		"-flush_packets", "1", "-muxdelay", "0", "-muxpreload", "0",
		"-write_index", "0", "-f", "nut", "pipe:1")
}
