package testkit

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// TimedFrame is a decoded picture and when it is shown, counted from the
// beginning of the file.
type TimedFrame struct {
	Frame
	At time.Duration
}

// Decoded is a piece of a programme: pictures with times, and mono sound at
// 48 kHz whose first sample is at time zero of the same clock.
type Decoded struct {
	Frames []TimedFrame
	PCM    []float32
}

// Record copies a stream for some seconds into a file, without decoding it:
// from rtmp://, http:// (HLS, MP4) or a file. The name's ending chooses the
// container; .mkv keeps everything. It fails when nothing can be read.
func Record(ctx context.Context, url, path string, duration time.Duration) error {
	args := []string{"-y", "-nostdin", "-hide_banner", "-loglevel", "warning"}
	if strings.HasPrefix(url, "rtmp") {
		// FLV says in its first packets what it holds: no need to look for 5 s.
		args = append(args, "-rw_timeout", "10000000", "-analyzeduration", "1000000")
	}
	args = append(args, "-i", url, "-t", fmt.Sprintf("%.3f", duration.Seconds()), "-map", "0", "-c", "copy", path)
	if _, err := run(ctx, "ffmpeg", args...); err != nil {
		return fmt.Errorf("record %s: %w", url, err)
	}
	return nil
}

// Decode decodes a file. Pictures are scaled to the size, zero keeps theirs.
func Decode(ctx context.Context, path string, width, height int) (*Decoded, error) {
	probe, err := Probe(ctx, path)
	if err != nil {
		return nil, err
	}
	d := &Decoded{}
	if v := probe.Video(); v != nil {
		if width == 0 {
			width, height = v.Width, v.Height
		}
		if d.Frames, err = decodeFrames(ctx, path, width, height); err != nil {
			return nil, err
		}
	}
	if probe.Audio() != nil {
		if d.PCM, err = decodeSound(ctx, path); err != nil {
			return nil, err
		}
	}
	return d, nil
}

func decodeFrames(ctx context.Context, path string, width, height int) ([]TimedFrame, error) {
	raw, err := run(ctx, "ffmpeg", "-nostdin", "-v", "error", "-copyts", "-i", path, "-map", "0:v:0",
		"-vf", fmt.Sprintf("scale=%d:%d:flags=area", width, height), "-fps_mode", "passthrough",
		"-f", "rawvideo", "-pix_fmt", "rgba", "pipe:1")
	if err != nil {
		return nil, fmt.Errorf("decode pictures: %w", err)
	}
	times, err := frameTimes(ctx, path)
	if err != nil {
		return nil, err
	}
	size := width * height * 4
	var frames []TimedFrame
	for i := 0; (i+1)*size <= len(raw) && i < len(times); i++ {
		frames = append(frames, TimedFrame{Frame{width, height, raw[i*size : (i+1)*size]}, times[i]})
	}
	return frames, nil
}

func frameTimes(ctx context.Context, path string) ([]time.Duration, error) {
	out, err := run(ctx, "ffprobe", "-v", "error", "-select_streams", "v:0",
		"-show_entries", "frame=best_effort_timestamp_time", "-of", "csv=p=0", path)
	if err != nil {
		return nil, fmt.Errorf("read picture times: %w", err)
	}
	var times []time.Duration
	for line := range strings.Lines(string(out)) {
		s, err := strconv.ParseFloat(strings.Trim(strings.TrimSpace(line), ","), 64)
		if err != nil {
			continue
		}
		times = append(times, fromSeconds(s))
	}
	return times, nil
}

// decodeSound pads the beginning so that sample 0 is at time 0 of the file.
func decodeSound(ctx context.Context, path string) ([]float32, error) {
	raw, err := run(ctx, "ffmpeg", "-nostdin", "-v", "error", "-copyts", "-i", path, "-map", "0:a:0",
		"-af", "aresample=async=1:first_pts=0", "-ac", "1", "-ar", strconv.Itoa(sampleRate), "-f", "f32le", "pipe:1")
	if err != nil {
		return nil, fmt.Errorf("decode sound: %w", err)
	}
	pcm := make([]float32, len(raw)/4)
	for i := range pcm {
		pcm[i] = math.Float32frombits(binary.LittleEndian.Uint32(raw[i*4:]))
	}
	return pcm, nil
}

// fromSeconds rounds, so that 0.1 s is 100 ms and no nanosecond less.
func fromSeconds(s float64) time.Duration { return time.Duration(math.Round(s * 1e9)) }

// run runs a program to its end and returns its output. The child dies with
// the test process.
func run(ctx context.Context, name string, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
	cmd.WaitDelay = 5 * time.Second
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		return out.Bytes(), fmt.Errorf("run %s: %w: %s", name, err, tail(errs.String(), 5))
	}
	return out.Bytes(), nil
}

// tail returns the last lines of a text.
func tail(text string, lines int) string {
	all := strings.Split(strings.TrimSpace(text), "\n")
	return strings.Join(all[max(len(all)-lines, 0):], "\n")
}

// decodeJSON reads one JSON document.
func decodeJSON(r io.Reader, into any) error {
	if err := json.NewDecoder(r).Decode(into); err != nil {
		return fmt.Errorf("decode JSON: %w", err)
	}
	return nil
}

// PictureSizes counts the sizes of the decoded pictures: a constant programme
// has one.
func PictureSizes(ctx context.Context, path string) (map[[2]int]int, error) {
	out, err := run(ctx, "ffprobe", "-v", "error", "-select_streams", "v:0",
		"-show_entries", "frame=width,height", "-of", "csv=p=0", path)
	if err != nil {
		return nil, fmt.Errorf("read picture sizes: %w", err)
	}
	sizes := map[[2]int]int{}
	for line := range strings.Lines(string(out)) {
		var w, h int
		if n, _ := fmt.Sscanf(strings.TrimSpace(line), "%d,%d", &w, &h); n == 2 {
			sizes[[2]int{w, h}]++
		}
	}
	return sizes, nil
}
