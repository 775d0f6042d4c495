package avproc

import (
	"context"
	"testing"
	"time"

	"github.com/meetcast/meetcast/internal/unittest"
)

// TestOpusBeginsInTheMiddle: an encoder for a viewer who came late numbers its
// packets by the output clock, and loses none when its child dies.
func TestOpusBeginsInTheMiddle(t *testing.T) {
	const first = 150 // packets before it was started
	var c collector
	e := NewAudioEncoder(AudioConfig{FFmpeg: ffmpegPath(), Format: Opus, Bitrate: 64_000, Start: first * 960}, &c, quiet)
	write := func(blocks int) {
		for range blocks {
			e.Write(make([]float32, 960*2))
		}
	}
	write(30)
	unittest.Until(t, "packets", func() bool { _, a := c.counts(); return a >= 10 })
	e.mu.Lock()
	e.child.Kill()
	e.mu.Unlock()
	write(20)
	e.Close(context.Background())
	if n := len(c.audio); n < 50 || n > 51 {
		t.Errorf("%d packets of 50 blocks", n)
	}
	for i, s := range c.audio {
		if want := (first + time.Duration(i)) * 20 * time.Millisecond; s.PTS != want {
			t.Fatalf("packet %d has PTS %v, want %v", i, s.PTS, want)
		}
		if len(s.Data) == 0 {
			t.Errorf("packet %d is empty", i)
		}
	}
	if c.abegin[0].Config != nil {
		t.Errorf("Opus has an audio config of AAC: %x", c.abegin[0].Config)
	}
}

// TestSamplesTime: no overflow in a broadcast of weeks.
func TestSamplesTime(t *testing.T) {
	const month = 31 * 24 * time.Hour
	if got := samplesTime(int64(month/time.Second) * 48000); got != month {
		t.Errorf("a month of samples lasts %v", got)
	}
	if got := samplesTime(1024); got != 1024*time.Second/48000 {
		t.Errorf("a frame lasts %v", got)
	}
}
