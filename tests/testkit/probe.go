package testkit

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// Programme is what ffprobe says about a file or stream.
type Programme struct {
	Streams []Stream
	Packets []Packet // in the order of the file
	// Duration of the container, zero when it does not say.
	Duration time.Duration
}

// Stream is one elementary stream.
type Stream struct {
	Index         int
	Type          string // "video" or "audio"
	Codec         string // "h264", "aac"
	Profile       string
	Width, Height int
	FPS           float64 // as measured from the packets
	SampleRate    int     // Hz
	Channels      int
}

// Packet is one coded picture or sound frame.
type Packet struct {
	Stream   int
	PTS, DTS time.Duration
	Size     int // bytes
	Key      bool
}

type ffprobeOutput struct {
	Streams []struct {
		Index      int    `json:"index"`
		Type       string `json:"codec_type"`
		Codec      string `json:"codec_name"`
		Profile    string `json:"profile"`
		Width      int    `json:"width"`
		Height     int    `json:"height"`
		SampleRate string `json:"sample_rate"`
		Channels   int    `json:"channels"`
	} `json:"streams"`
	Packets []struct {
		Stream int    `json:"stream_index"`
		PTS    string `json:"pts_time"`
		DTS    string `json:"dts_time"`
		Size   string `json:"size"`
		Flags  string `json:"flags"`
	} `json:"packets"`
	Format struct {
		Duration string `json:"duration"`
	} `json:"format"`
}

// Probe reads a file's streams and packets with ffprobe.
func Probe(ctx context.Context, path string) (*Programme, error) {
	raw, err := run(ctx, "ffprobe", "-v", "error", "-show_streams", "-show_packets", "-show_format", "-of", "json", path)
	if err != nil {
		return nil, fmt.Errorf("probe %s: %w", path, err)
	}
	var out ffprobeOutput
	if err := decodeJSON(bytes.NewReader(raw), &out); err != nil {
		return nil, fmt.Errorf("probe %s: %w", path, err)
	}
	p := &Programme{Duration: parseSeconds(out.Format.Duration)}
	for _, k := range out.Packets {
		size, _ := strconv.Atoi(k.Size)
		dts := k.DTS
		if dts == "" || dts == "N/A" {
			dts = k.PTS
		}
		p.Packets = append(p.Packets, Packet{
			Stream: k.Stream, PTS: parseSeconds(k.PTS), DTS: parseSeconds(dts), Size: size, Key: strings.HasPrefix(k.Flags, "K"),
		})
	}
	for _, s := range out.Streams {
		rate, _ := strconv.Atoi(s.SampleRate)
		p.Streams = append(p.Streams, Stream{
			Index: s.Index, Type: s.Type, Codec: s.Codec, Profile: s.Profile, Width: s.Width, Height: s.Height,
			FPS: p.rate(s.Index), SampleRate: rate, Channels: s.Channels,
		})
	}
	return p, nil
}

func parseSeconds(s string) time.Duration {
	f, err := strconv.ParseFloat(s, 64)
	if err != nil {
		return 0
	}
	return fromSeconds(f)
}

// rate is the mean packet rate of a stream, per second.
func (p *Programme) rate(stream int) float64 {
	packets := p.Of(stream)
	if len(packets) < 2 {
		return 0
	}
	span := packets[len(packets)-1].DTS - packets[0].DTS
	if span <= 0 {
		return 0
	}
	return float64(len(packets)-1) / span.Seconds()
}

// Of returns the packets of one stream.
func (p *Programme) Of(stream int) []Packet {
	var out []Packet
	for _, k := range p.Packets {
		if k.Stream == stream {
			out = append(out, k)
		}
	}
	return out
}

// Video returns the first video stream, nil without one.
func (p *Programme) Video() *Stream { return p.first("video") }

// Audio returns the first audio stream, nil without one.
func (p *Programme) Audio() *Stream { return p.first("audio") }

func (p *Programme) first(kind string) *Stream {
	for i := range p.Streams {
		if p.Streams[i].Type == kind {
			return &p.Streams[i]
		}
	}
	return nil
}

// Want is what a broadcast must look like.
type Want struct {
	Width, Height int
	FPS           float64
	// MaxGap between two packets of a stream; zero means one and a half frames
	// of video, and 100 ms of sound.
	MaxGap time.Duration
	// MinDuration of each stream.
	MinDuration time.Duration
}

// Check returns everything that is wrong with a programme: codecs, size, frame
// rate, holes or steps back in its timestamps, length. Nil means all is well.
func (p *Programme) Check(want Want) error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	video, audio := p.Video(), p.Audio()
	if video == nil || audio == nil {
		return fmt.Errorf("streams: video %v, audio %v", video != nil, audio != nil)
	}
	if video.Codec != "h264" || audio.Codec != "aac" {
		bad("codecs %s and %s, want h264 and aac", video.Codec, audio.Codec)
	}
	if video.Width != want.Width || video.Height != want.Height {
		bad("size %dx%d, want %dx%d", video.Width, video.Height, want.Width, want.Height)
	}
	if math.Abs(video.FPS-want.FPS) > want.FPS*0.02 {
		bad("%.2f frames per second, want %.2f", video.FPS, want.FPS)
	}
	for _, s := range []*Stream{video, audio} {
		gap := want.MaxGap
		if gap == 0 && s == video {
			gap = time.Duration(1.5 * float64(time.Second) / want.FPS)
		} else if gap == 0 {
			gap = 100 * time.Millisecond
		}
		if err := p.gapless(s.Index, gap); err != nil {
			bad("%s: %w", s.Type, err)
		}
		if d := p.span(s.Index); d < want.MinDuration {
			bad("%s lasts %v, want %v", s.Type, d, want.MinDuration)
		}
	}
	return errors.Join(errs...)
}

// span is the time from the first to the last packet of a stream.
func (p *Programme) span(stream int) time.Duration {
	packets := p.Of(stream)
	if len(packets) == 0 {
		return 0
	}
	return packets[len(packets)-1].DTS - packets[0].DTS
}

// gapless checks that decoding times only go forward and leave no hole.
func (p *Programme) gapless(stream int, gap time.Duration) error {
	packets := p.Of(stream)
	for i := 1; i < len(packets); i++ {
		d := packets[i].DTS - packets[i-1].DTS
		if d <= 0 {
			return fmt.Errorf("timestamp steps by %v at %v", d, packets[i-1].DTS)
		}
		if d > gap {
			return fmt.Errorf("hole of %v at %v", d, packets[i-1].DTS)
		}
	}
	return nil
}
