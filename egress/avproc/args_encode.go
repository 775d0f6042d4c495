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

// AudioConfig says how the sound is encoded: AAC-LC, 48 kHz stereo.
type AudioConfig struct {
	FFmpeg  string // path of the program
	Bitrate int    // bit/s
	Nice    int    // see Command
}

// audioArgs builds the arguments of the audio encoder child: interleaved
// little-endian floats in, NUT with AAC out.
func audioArgs(c AudioConfig) []string {
	return []string{
		"-hide_banner", "-nostdin", "-nostats", "-loglevel", "error",
		"-probesize", "32", "-analyzeduration", "0",
		"-f", "f32le", "-ar", "48000", "-ac", "2", "-i", "pipe:0",
		"-vn", "-c:a", "aac", "-profile:a", "aac_low", "-b:a", strconv.Itoa(c.Bitrate),
		"-flush_packets", "1", "-muxdelay", "0", "-muxpreload", "0",
		"-write_index", "0", "-f", "nut", "pipe:1",
	}
}
