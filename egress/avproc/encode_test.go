package avproc

import (
	"context"
	"log/slog"
	"math"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/meetcast/meetcast/egress/media"
	"github.com/meetcast/meetcast/internal/unittest"
)

// ffmpegPath returns the program that tests run; MEETCAST_FFMPEG names another
// version to try.
func ffmpegPath() string {
	if p := os.Getenv("MEETCAST_FFMPEG"); p != "" {
		return p
	}
	return "ffmpeg"
}

// collector keeps samples and says when there are enough.
type collector struct {
	mu     sync.Mutex
	video  []media.Sample
	audio  []media.Sample
	vbegin []media.VideoParams
	abegin []media.AudioParams
}

func (c *collector) VideoBegin(p media.VideoParams) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.vbegin = append(c.vbegin, p)
}

func (c *collector) AudioBegin(p media.AudioParams) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.abegin = append(c.abegin, p)
}

func (c *collector) Video(s media.Sample) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.video = append(c.video, s)
}

func (c *collector) Audio(s media.Sample) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.audio = append(c.audio, s)
}

func (c *collector) counts() (v, a int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.video), len(c.audio)
}

var quiet = slog.New(slog.DiscardHandler)

func TestVideoEncoderGoesOnAfterACrash(t *testing.T) {
	const fps = 15
	var c collector
	e := NewVideoEncoder(VideoConfig{FFmpeg: ffmpegPath(), Encoder: "libx264",
		Width: 320, Height: 180, FPS: fps, Bitrate: 300_000}, &c, quiet)
	pic := media.NewPicture(320, 180)
	n := int64(0)
	write := func(count int) {
		for range count {
			pic.Y[n%1000] = byte(n)
			e.Write(pic, n)
			n++
			unittest.Until(t, "the picture is taken", func() bool { return e.Stats().Lag < 8 })
		}
	}
	write(20)
	unittest.Until(t, "samples", func() bool { v, _ := c.counts(); return v >= 20 })
	pid := e.PID()
	e.mu.Lock()
	e.child.Kill()
	e.mu.Unlock()
	write(20)
	e.Close(t.Context())
	if e.PID() != 0 || pid == 0 {
		t.Errorf("pid %d after close, %d before", e.PID(), pid)
	}
	if len(c.video) != 40 {
		t.Fatalf("%d samples of 40", len(c.video))
	}
	for i, s := range c.video {
		if want := time.Duration(i) * time.Second / fps; s.PTS != want || s.DTS != want {
			t.Fatalf("sample %d has PTS %v, want %v", i, s.PTS, want)
		}
	}
	if len(c.vbegin) != 2 || e.Stats().Crashes != 1 {
		t.Errorf("begun %d times, %d crashes", len(c.vbegin), e.Stats().Crashes)
	}
	for _, i := range []int{0, 15, 20} {
		if !c.video[i].Key {
			t.Errorf("sample %d is no key frame", i)
		}
	}
}

func TestVideoEncoderLatency(t *testing.T) {
	if testing.Short() {
		t.Skip("real time")
	}
	const fps = 30
	var c collector
	e := NewVideoEncoder(VideoConfig{FFmpeg: ffmpegPath(), Encoder: "libx264",
		Width: 640, Height: 360, FPS: fps, Bitrate: 1_000_000}, &c, quiet)
	defer e.Close(context.Background())
	pic := media.NewPicture(640, 360)
	began := time.Now()
	e.Write(pic, 0)
	unittest.Until(t, "first", func() bool { v, _ := c.counts(); return v == 1 })
	t.Logf("first picture %v after start", time.Since(began))
	var worst time.Duration
	for n := int64(1); n < 15; n++ {
		at := time.Now()
		e.Write(pic, n)
		unittest.Until(t, "next", func() bool { v, _ := c.counts(); return v == int(n)+1 })
		worst = max(worst, time.Since(at))
	}
	t.Logf("worst latency of a picture %v", worst)
	if worst > 300*time.Millisecond {
		t.Errorf("a picture waits in the encoder: %v", worst)
	}
}

func TestAudioEncoderGoesOnAfterACrash(t *testing.T) {
	var c collector
	e := NewAudioEncoder(AudioConfig{FFmpeg: ffmpegPath(), Bitrate: 128_000}, &c, quiet)
	pos := 0
	write := func(blocks int) {
		for range blocks {
			pcm := make([]float32, 960*2)
			for i := range 960 {
				v := float32(0.3 * math.Sin(2*math.Pi*440*float64(pos+i)/48000))
				pcm[2*i], pcm[2*i+1] = v, v
			}
			pos += 960
			e.Write(pcm)
		}
	}
	write(40)
	unittest.Until(t, "frames", func() bool { _, a := c.counts(); return a >= 20 })
	e.mu.Lock()
	e.child.Kill()
	e.mu.Unlock()
	write(35)
	e.Close(t.Context())
	if got, want := len(c.audio), 75*960/1024; got < want || got > want+1 {
		t.Errorf("%d frames, want %d", got, want)
	}
	for i, s := range c.audio {
		if want := time.Duration(i) * 1024 * time.Second / 48000; s.PTS != want {
			t.Fatalf("frame %d has PTS %v, want %v", i, s.PTS, want)
		}
	}
	if len(c.abegin) != 2 || string(c.abegin[0].Config) != "\x11\x90" {
		t.Errorf("begun %d times: %x", len(c.abegin), c.abegin[0].Config)
	}
}
