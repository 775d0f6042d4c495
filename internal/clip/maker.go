package clip

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/meetcast/meetcast/sfu/packet"
)

// ErrNoFFmpeg is returned when ffmpeg cannot be found.
var ErrNoFFmpeg = errors.New("ffmpeg is not installed (Debian: apt-get install ffmpeg)")

// Maker encodes clips with ffmpeg and keeps the files for next time.
type Maker struct {
	FFmpeg string // program; empty means ffmpeg in PATH
	Dir    string // where encoded files are kept; empty means the user's cache directory
}

// VideoSpec describes a moving test picture, or a file, as VP8 or H.264.
type VideoSpec struct {
	Codec         packet.Codec // VP8 or H264
	Width, Height int          // pixels
	FPS           int
	Bitrate       int // bit/s
	KeyInterval   int // frames between key frames; zero means one second
	Duration      time.Duration
	// Input is a file that ffmpeg reads, such as Y4M; empty means a test picture.
	Input string
	// Hue turns the colours of the test picture, degrees: makes publishers differ.
	Hue int
}

// AudioSpec describes a tone, or a file, as Opus.
type AudioSpec struct {
	Frequency int // Hz, of the tone
	Bitrate   int // bit/s
	Duration  time.Duration
	// Input is a file that ffmpeg reads, such as WAV; empty means a tone.
	Input string
}

// Video returns the clip, encoding it unless it is in the cache.
func (m *Maker) Video(ctx context.Context, s VideoSpec) (*Clip, error) {
	if s.Width <= 0 || s.Height <= 0 || s.FPS <= 0 || s.Bitrate <= 0 || s.Duration <= 0 {
		return nil, fmt.Errorf("encode video: %dx%d, %d fps, %d bit/s, %v is no video", s.Width, s.Height, s.FPS, s.Bitrate, s.Duration)
	}
	ext := "ivf"
	if s.Codec == packet.H264 {
		ext = "h264"
	}
	data, err := m.encode(ctx, s.Input, videoArgs(s), ext)
	if err != nil {
		return nil, fmt.Errorf("encode video: %w", err)
	}
	if s.Codec == packet.H264 {
		return ReadH264(bytes.NewReader(data), s.Width, s.Height, s.FPS)
	}
	return ReadIVF(bytes.NewReader(data))
}

// Audio returns the clip, encoding it unless it is in the cache.
func (m *Maker) Audio(ctx context.Context, s AudioSpec) (*Clip, error) {
	if s.Duration <= 0 || s.Bitrate <= 0 {
		return nil, fmt.Errorf("encode audio: %d bit/s, %v is no sound", s.Bitrate, s.Duration)
	}
	data, err := m.encode(ctx, s.Input, audioArgs(s), "ogg")
	if err != nil {
		return nil, fmt.Errorf("encode audio: %w", err)
	}
	return ReadOpus(bytes.NewReader(data))
}

func videoArgs(s VideoSpec) []string {
	var args []string
	if s.Input != "" {
		args = append(args, "-i", s.Input)
	} else {
		picture := fmt.Sprintf("testsrc2=size=%dx%d:rate=%d", s.Width, s.Height, s.FPS)
		if s.Hue != 0 {
			picture += fmt.Sprintf(",hue=h=%d", s.Hue)
		}
		args = append(args, "-f", "lavfi", "-i", picture)
	}
	key := s.KeyInterval
	if key <= 0 {
		key = s.FPS
	}
	rate := strconv.Itoa(s.Bitrate)
	args = append(args, "-t", seconds(s.Duration), "-an",
		"-vf", fmt.Sprintf("scale=%d:%d,fps=%d", s.Width, s.Height, s.FPS), "-pix_fmt", "yuv420p",
		"-b:v", rate, "-maxrate", rate, "-bufsize", strconv.Itoa(s.Bitrate/2),
		"-g", strconv.Itoa(key), "-keyint_min", strconv.Itoa(key))
	if s.Codec == packet.H264 {
		return append(args, "-c:v", "libx264", "-preset", "veryfast", "-tune", "zerolatency",
			"-profile:v", "baseline", "-x264-params", "aud=1:scenecut=0:repeat-headers=1:sliced-threads=0", "-f", "h264")
	}
	return append(args, "-c:v", "libvpx", "-deadline", "realtime", "-cpu-used", "8",
		"-auto-alt-ref", "0", "-lag-in-frames", "0", "-error-resilient", "1", "-f", "ivf")
}

func audioArgs(s AudioSpec) []string {
	var args []string
	if s.Input != "" {
		args = append(args, "-i", s.Input)
	} else {
		args = append(args, "-f", "lavfi", "-i", fmt.Sprintf("sine=frequency=%d:sample_rate=48000", s.Frequency))
	}
	// One packet a page: the reader gets packets by page.
	return append(args, "-t", seconds(s.Duration), "-vn", "-ac", "1", "-ar", "48000", "-c:a", "libopus",
		"-b:a", strconv.Itoa(s.Bitrate), "-frame_duration", "20", "-page_duration", "20000", "-f", "ogg")
}

func seconds(d time.Duration) string {
	return strconv.FormatFloat(d.Seconds(), 'f', 3, 64)
}

// encode runs ffmpeg with args into the cache, or reads what is there. Clips of
// an input file are cached by the file's size and time as well.
func (m *Maker) encode(ctx context.Context, input string, args []string, ext string) ([]byte, error) {
	dir, err := m.dir()
	if err != nil {
		return nil, err
	}
	key := strings.Join(args, "\x00")
	if input != "" {
		info, err := os.Stat(input)
		if err != nil {
			return nil, fmt.Errorf("find input: %w", err)
		}
		key += fmt.Sprint(info.Size(), info.ModTime().UnixNano())
	}
	sum := sha256.Sum256([]byte(key))
	path := filepath.Join(dir, hex.EncodeToString(sum[:12])+"."+ext)
	if data, err := os.ReadFile(path); err == nil && len(data) > 0 {
		return data, nil
	}
	if err := m.run(ctx, args, path); err != nil {
		return nil, err
	}
	return os.ReadFile(path)
}

// run writes to a name of its own first, so that two load tests at once and a
// killed one never leave half a file under the final name.
func (m *Maker) run(ctx context.Context, args []string, path string) error {
	program := m.FFmpeg
	if program == "" {
		program = "ffmpeg"
	}
	program, err := exec.LookPath(program)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrNoFFmpeg, err)
	}
	tmp, err := os.CreateTemp(filepath.Dir(path), "making-*")
	if err != nil {
		return fmt.Errorf("create cache file: %w", err)
	}
	tmp.Close()
	defer os.Remove(tmp.Name())

	full := append([]string{"-hide_banner", "-loglevel", "error", "-nostdin", "-y"}, args...)
	cmd := exec.CommandContext(ctx, program, append(full, tmp.Name())...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("run ffmpeg: %w: %s", err, lastLine(out))
	}
	if err := os.Rename(tmp.Name(), path); err != nil {
		return fmt.Errorf("keep encoded file: %w", err)
	}
	return nil
}

func (m *Maker) dir() (string, error) {
	dir := m.Dir
	if dir == "" {
		base, err := os.UserCacheDir()
		if err != nil {
			base = os.TempDir()
		}
		dir = filepath.Join(base, "meetcast", "clips")
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", fmt.Errorf("make cache directory: %w", err)
	}
	return dir, nil
}

func lastLine(out []byte) string {
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	return lines[len(lines)-1]
}
