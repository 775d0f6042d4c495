package clip

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/meetcast/meetcast/internal/unittest"
	"github.com/meetcast/meetcast/sfu/packet"
)

func TestMakerVideo(t *testing.T) {
	unittest.Program(t, "ffmpeg", "ffmpeg")
	for _, codec := range []packet.Codec{packet.VP8, packet.H264} {
		t.Run(codec.String(), func(t *testing.T) {
			m := &Maker{Dir: t.TempDir()}
			spec := VideoSpec{Codec: codec, Width: 320, Height: 180, FPS: 15, Bitrate: 200_000, KeyInterval: 5, Duration: 2 * time.Second}
			c, err := m.Video(context.Background(), spec)
			if err != nil {
				t.Fatal(err)
			}
			if len(c.Frames) != 30 || c.Width != 320 || c.Height != 180 || c.FrameDuration != time.Second/15 {
				t.Fatalf("clip: %d frames, %dx%d, %v a frame", len(c.Frames), c.Width, c.Height, c.FrameDuration)
			}
			for i, f := range c.Frames {
				if f.Key != (i%5 == 0) {
					t.Errorf("frame %d: key = %v", i, f.Key)
				}
			}
			if b := c.Bitrate(); b < 50_000 || b > 500_000 {
				t.Errorf("bitrate %d, want about 200000", b)
			}
			if codec == packet.VP8 {
				if w, h, ok := vp8Size(c.Frames[0].Data); !ok || w != 320 || h != 180 {
					t.Errorf("VP8 size = %d, %d, %v", w, h, ok)
				}
			}
			// The second time must not need ffmpeg.
			m.FFmpeg = "no-such-program"
			again, err := m.Video(context.Background(), spec)
			if err != nil || len(again.Frames) != len(c.Frames) {
				t.Errorf("from cache: %v", err)
			}
		})
	}
}

func TestMakerAudio(t *testing.T) {
	unittest.Program(t, "ffmpeg", "ffmpeg")
	m := &Maker{Dir: t.TempDir()}
	c, err := m.Audio(context.Background(), AudioSpec{Frequency: 440, Bitrate: 32_000, Duration: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	if c.FrameDuration != 20*time.Millisecond || len(c.Frames) < 48 || len(c.Frames) > 51 {
		t.Fatalf("%d packets of %v", len(c.Frames), c.FrameDuration)
	}
}

func TestMakerRefuses(t *testing.T) {
	ok := VideoSpec{Codec: packet.VP8, Width: 64, Height: 64, FPS: 5, Bitrate: 50_000, Duration: time.Second}
	_, err := (&Maker{Dir: t.TempDir(), FFmpeg: "no-such-program"}).Video(context.Background(), ok)
	if !errors.Is(err, ErrNoFFmpeg) {
		t.Errorf("without ffmpeg: %v", err)
	}
	for _, s := range []VideoSpec{{}, {Width: 64, Height: 64, FPS: 0, Bitrate: 1, Duration: 1}} {
		if _, err := (&Maker{Dir: t.TempDir()}).Video(context.Background(), s); err == nil {
			t.Errorf("%+v: no error", s)
		}
	}
	bad := ok
	bad.Input = "/no/such/file.y4m"
	if _, err := (&Maker{Dir: t.TempDir()}).Video(context.Background(), bad); err == nil || !strings.Contains(err.Error(), "find input") {
		t.Errorf("missing input: %v", err)
	}
}

func TestReadH264(t *testing.T) {
	stream := []byte{
		0, 0, 0, 1, 9, 0xf0, 0, 0, 0, 1, 0x67, 1, 2, 0, 0, 1, 0x68, 3, 0, 0, 1, 0x65, 4, 5,
		0, 0, 0, 1, 9, 0xf0, 0, 0, 0, 1, 0x41, 6,
	}
	c, err := ReadH264(bytes.NewReader(stream), 16, 16, 10)
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Frames) != 2 || !c.Frames[0].Key || c.Frames[1].Key {
		t.Fatalf("frames: %+v", c.Frames)
	}
	want := []byte{0, 0, 0, 1, 0x67, 1, 2, 0, 0, 0, 1, 0x68, 3, 0, 0, 0, 1, 0x65, 4, 5}
	if !bytes.Equal(c.Frames[0].Data, want) {
		t.Errorf("first access unit = %x", c.Frames[0].Data)
	}
	for name, bad := range map[string][]byte{"nothing": nil, "no delimiter": {0, 0, 1, 0x65, 1}, "no key": {0, 0, 1, 9, 1, 0, 0, 1, 0x41, 1}} {
		if _, err := ReadH264(bytes.NewReader(bad), 16, 16, 10); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestReadersRefuseGarbage(t *testing.T) {
	garbage := bytes.Repeat([]byte("not media "), 100)
	if _, err := ReadIVF(bytes.NewReader(garbage)); err == nil {
		t.Error("IVF: no error")
	}
	if _, err := ReadOpus(bytes.NewReader(garbage)); err == nil {
		t.Error("Ogg: no error")
	}
}

func TestPlaceholder(t *testing.T) {
	c := Placeholder(packet.VP8, 640, 360, 10, 80_000)
	if w, h, ok := vp8Size(c.Frames[0].Data); !ok || w != 640 || h != 360 {
		t.Errorf("size %dx%d, %v", w, h, ok)
	}
	if b := c.Bitrate(); b < 79_000 || b > 81_000 {
		t.Errorf("bitrate %d", b)
	}
	for from, want := range map[int]int{0: 0, 1: 10, 10: 10, 11: 0, 19: 0} {
		if got := c.NextKey(from); got != want {
			t.Errorf("NextKey(%d) = %d, want %d", from, got, want)
		}
	}
	if a := Placeholder(packet.Opus, 0, 0, 0, 0); a.Duration() != time.Second || a.ClockRate() != 48000 {
		t.Errorf("opus: %v, %d Hz", a.Duration(), a.ClockRate())
	}
}

// vp8Size returns the picture size in a VP8 key frame (RFC 6386 §9.1).
func vp8Size(frame []byte) (width, height int, ok bool) {
	if len(frame) < 10 || frame[0]&1 != 0 || frame[3] != 0x9d || frame[4] != 0x01 || frame[5] != 0x2a {
		return 0, 0, false
	}
	w, h := binary.LittleEndian.Uint16(frame[6:]), binary.LittleEndian.Uint16(frame[8:])
	return int(w & 0x3fff), int(h & 0x3fff), true
}
