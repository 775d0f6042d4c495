// Package mediatest makes encoded programmes for tests with ffmpeg, and looks
// at what came out with ffprobe. Only tests import it.
package mediatest

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"os/exec"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/meetcast/meetcast/egress/media"
	"github.com/meetcast/meetcast/egress/rtmp/flv"
)

// Config of a programme. Zero parts have small defaults.
type Config struct {
	Seconds       int // 4
	FPS           int // 15
	Width, Height int // 160x120
	Group         int // pictures from key to key; FPS
	BFrames       int
	NoVideo       bool
	NoAudio       bool
}

func (c Config) withDefaults() Config {
	c.Seconds = cmp.Or(c.Seconds, 4)
	c.FPS = cmp.Or(c.FPS, 15)
	c.Width = cmp.Or(c.Width, 160)
	c.Height = cmp.Or(c.Height, 120)
	c.Group = cmp.Or(c.Group, c.FPS)
	return c
}

var cache sync.Map // Config → programme

type programme struct {
	once    sync.Once
	params  media.Params
	samples []media.Sample
	err     error
}

// Programme returns an encoded test picture with a 440 Hz tone, in the order of
// decode times. The samples are shared: do not change them.
func Programme(t testing.TB, cfg Config) (media.Params, []media.Sample) {
	t.Helper()
	RequireFFmpeg(t)
	cfg = cfg.withDefaults()
	v, _ := cache.LoadOrStore(cfg, &programme{})
	p := v.(*programme)
	p.once.Do(func() { p.params, p.samples, p.err = encode(cfg) })
	if p.err != nil {
		t.Fatalf("make test media: %v", p.err)
	}
	return p.params, p.samples
}

// RequireFFmpeg fails the test with what to install when ffmpeg is missing.
func RequireFFmpeg(t testing.TB) {
	t.Helper()
	for _, name := range []string{"ffmpeg", "ffprobe"} {
		if _, err := exec.LookPath(name); err != nil {
			t.Fatalf("%s is missing: apt-get install ffmpeg", name)
		}
	}
}

// Input returns ffmpeg arguments for the test picture and tone of cfg, encoded.
func Input(cfg Config) []string {
	cfg = cfg.withDefaults()
	args := []string{"-hide_banner", "-loglevel", "error", "-nostdin"}
	if !cfg.NoVideo {
		args = append(args, "-f", "lavfi", "-i", fmt.Sprintf("testsrc2=size=%dx%d:rate=%d", cfg.Width, cfg.Height, cfg.FPS))
	}
	if !cfg.NoAudio {
		args = append(args, "-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000")
	}
	args = append(args, "-t", strconv.Itoa(cfg.Seconds))
	if !cfg.NoVideo {
		args = append(args, "-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-threads", "1",
			"-g", strconv.Itoa(cfg.Group), "-keyint_min", strconv.Itoa(cfg.Group), "-sc_threshold", "0",
			"-bf", strconv.Itoa(cfg.BFrames))
	}
	if !cfg.NoAudio {
		args = append(args, "-c:a", "aac", "-ac", "2", "-b:a", "64k")
	}
	return args
}

func encode(cfg Config) (media.Params, []media.Sample, error) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "ffmpeg", append(Input(cfg), "-f", "flv", "-flvflags", "no_duration_filesize", "pipe:1")...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return media.Params{}, nil, fmt.Errorf("ffmpeg: %w: %s", err, stderr.String())
	}
	return parseFLV(out)
}

// parseFLV reads an FLV file, §E.2.
func parseFLV(b []byte) (p media.Params, samples []media.Sample, err error) {
	if len(b) < 13 {
		return p, nil, fmt.Errorf("flv file of %d bytes", len(b))
	}
	for b = b[13:]; len(b) >= 15; {
		size := int(b[1])<<16 | int(b[2])<<8 | int(b[3])
		stamp := uint32(b[7])<<24 | uint32(b[4])<<16 | uint32(b[5])<<8 | uint32(b[6])
		if len(b) < 11+size {
			break
		}
		body := b[11 : 11+size]
		dts := time.Duration(stamp) * time.Millisecond
		switch b[0] {
		case 9:
			v, err := flv.ParseVideo(body)
			if err != nil {
				return p, nil, err
			}
			if v.Params != nil {
				p.Video = v.Params
			} else if len(v.Data) > 0 {
				samples = append(samples, media.Sample{Kind: media.Video, DTS: dts,
					PTS: dts + time.Duration(v.Composition)*time.Millisecond, Key: v.Key, Data: v.Data})
			}
		case 8:
			a, err := flv.ParseAudio(body)
			if err != nil {
				return p, nil, err
			}
			if a.Params != nil {
				p.Audio = a.Params
			} else if len(a.Data) > 0 {
				samples = append(samples, media.Sample{Kind: media.Audio, DTS: dts, PTS: dts, Key: true, Data: a.Data})
			}
		}
		b = b[11+size+4:]
	}
	return p, samples, nil
}

// Shift returns the samples later by d.
func Shift(samples []media.Sample, d time.Duration) []media.Sample {
	out := make([]media.Sample, len(samples))
	for i, s := range samples {
		s.DTS += d
		s.PTS += d
		out[i] = s
	}
	return out
}

// Packet is one packet as ffprobe sees it.
type Packet struct {
	Video    bool
	PTS, DTS float64 // seconds
	Duration float64
	Key      bool
	Size     int
}

// Probe returns the packets of a file or URL, in file order, and the duration
// of the whole that its header tells (0 when it does not).
func Probe(t testing.TB, input string, extra ...string) (packets []Packet, seconds float64) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	args := append([]string{"-v", "error", "-show_packets", "-show_format", "-of", "json"}, extra...)
	cmd := exec.CommandContext(ctx, "ffprobe", append(args, input)...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("ffprobe %s: %v: %s", input, err, stderr.String())
	}
	if stderr.Len() > 0 {
		t.Errorf("ffprobe %s: %s", input, stderr.String())
	}
	return parseProbe(t, out)
}

func parseProbe(t testing.TB, out []byte) ([]Packet, float64) {
	t.Helper()
	var doc struct {
		Packets []struct {
			Type     string `json:"codec_type"`
			PTS      string `json:"pts_time"`
			DTS      string `json:"dts_time"`
			Duration string `json:"duration_time"`
			Flags    string `json:"flags"`
			Size     string `json:"size"`
		}
		Format struct {
			Duration string
		}
	}
	if err := json.Unmarshal(out, &doc); err != nil {
		t.Fatalf("ffprobe output: %v", err)
	}
	num := func(s string) float64 {
		v, err := strconv.ParseFloat(s, 64)
		if err != nil {
			return math.NaN()
		}
		return v
	}
	var packets []Packet
	for _, p := range doc.Packets {
		size, _ := strconv.Atoi(p.Size)
		packets = append(packets, Packet{Video: p.Type == "video", PTS: num(p.PTS), DTS: num(p.DTS),
			Duration: num(p.Duration), Key: len(p.Flags) > 0 && p.Flags[0] == 'K', Size: size})
	}
	seconds := num(doc.Format.Duration)
	if math.IsNaN(seconds) {
		seconds = 0
	}
	return packets, seconds
}

// Decode decodes a file or URL completely and returns the number of pictures;
// any decoder message fails the test.
func Decode(t testing.TB, input string) int {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, "ffmpeg", "-v", "error", "-nostdin", "-i", input,
		"-map", "0:v?", "-pix_fmt", "gray", "-s", "16x16", "-vsync", "passthrough", "-enc_time_base", "1:90000", "-f", "rawvideo", "pipe:1")
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil || stderr.Len() > 0 {
		t.Fatalf("decode %s: %v: %s", input, err, stderr.String())
	}
	return stdout.Len() / 256
}

// Boxes lists the names of the top-level boxes of an MP4 file in memory.
func Boxes(b []byte) []string {
	var names []string
	for len(b) >= 8 {
		size := uint64(binary.BigEndian.Uint32(b))
		names = append(names, string(b[4:8]))
		if size == 1 && len(b) >= 16 {
			size = binary.BigEndian.Uint64(b[8:])
		}
		if size < 8 || size > uint64(len(b)) {
			break
		}
		b = b[size:]
	}
	return names
}
