package testkit

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"os"
	"time"
)

// Camera describes a fake camera's film. Chromium plays it round and round.
type Camera struct {
	Width, Height int // pixels; zero means 320×180
	FPS           int // zero means 15
	Colour        Colour
	// FirstCode is the code of the first frame; each frame adds one. Cameras
	// with different ranges can be told apart by their code alone.
	FirstCode int
	Duration  time.Duration // zero means 8 s
	// FlashEvery turns the picture white for FlashLength at its beginning and
	// then regularly; zero means never.
	FlashEvery time.Duration
}

// FlashLength is how long a flash, and a clap, lasts.
const FlashLength = 200 * time.Millisecond

func (c *Camera) setDefaults() {
	if c.Width == 0 {
		c.Width, c.Height = 320, 180
	}
	if c.FPS == 0 {
		c.FPS = 15
	}
	if c.Duration == 0 {
		c.Duration = 8 * time.Second
	}
}

// Frames is the number of frames of the film.
func (c Camera) Frames() int {
	c.setDefaults()
	return int(c.Duration.Seconds() * float64(c.FPS))
}

// Shows tells whether a code belongs to this camera.
func (c Camera) Shows(code int) bool {
	return (code-c.FirstCode+CodeModulus)%CodeModulus < c.Frames()
}

// Write writes the film as YUV4MPEG2, 4:2:0.
func (c Camera) Write(w io.Writer) error {
	c.setDefaults()
	out := bufio.NewWriterSize(w, 1<<20)
	fmt.Fprintf(out, "YUV4MPEG2 W%d H%d F%d:1 Ip A1:1\n", c.Width, c.Height, c.FPS)
	n := c.Width * c.Height
	buf := make([]byte, n+n/2)
	for i := range c.Frames() {
		c.draw(buf, i)
		out.WriteString("FRAME\n")
		if _, err := out.Write(buf); err != nil {
			return fmt.Errorf("write camera film: %w", err)
		}
	}
	if err := out.Flush(); err != nil {
		return fmt.Errorf("write camera film: %w", err)
	}
	return nil
}

// draw paints frame i as I420.
func (c Camera) draw(buf []byte, i int) {
	n := c.Width * c.Height
	y, u, v := c.Colour.yuv()
	at := time.Duration(i) * time.Second / time.Duration(c.FPS)
	if c.FlashEvery > 0 && at%c.FlashEvery < FlashLength {
		y, u, v = 235, 128, 128
	}
	planes := [][]byte{buf[:n], buf[n : n+n/4], buf[n+n/4:]}
	for k, level := range []byte{y, u, v} {
		for p := range planes[k] {
			planes[k][p] = level
		}
	}
	drawCode(planes[0], planes[1], planes[2], c.Width, c.Height, (c.FirstCode+i)%CodeModulus)
}

// WriteFile writes the film to a file.
func (c Camera) WriteFile(path string) error { return writeFile(path, c.Write) }

// Microphone describes a fake microphone's sound, mono.
type Microphone struct {
	Frequency float64       // Hz
	Duration  time.Duration // zero means 8 s
	// BeepEvery lets the tone sound only for FlashLength at its beginning and
	// then regularly: with a Camera's FlashEvery, a clap. Zero means always.
	BeepEvery time.Duration
	Amplitude float64 // zero means 0.3
}

// sampleRate of all generated and decoded sound, Hz.
const sampleRate = 48000

func (m Microphone) length() time.Duration {
	if m.Duration == 0 {
		return 8 * time.Second
	}
	return m.Duration
}

// Samples returns the sound.
func (m Microphone) Samples() []float32 {
	m.Duration = m.length()
	if m.Amplitude == 0 {
		m.Amplitude = 0.3
	}
	pcm := make([]float32, int(m.Duration.Seconds()*sampleRate))
	for i := range pcm {
		at := time.Duration(i) * time.Second / sampleRate
		if m.BeepEvery > 0 && at%m.BeepEvery >= FlashLength {
			continue
		}
		pcm[i] = float32(m.Amplitude * math.Sin(2*math.Pi*m.Frequency*float64(i)/sampleRate))
	}
	return pcm
}

// Write writes the sound as a 16-bit WAV file.
func (m Microphone) Write(w io.Writer) error {
	pcm := m.Samples()
	size := uint32(len(pcm) * 2)
	header := []any{
		[4]byte{'R', 'I', 'F', 'F'}, 36 + size, [8]byte{'W', 'A', 'V', 'E', 'f', 'm', 't', ' '},
		uint32(16), uint16(1), uint16(1), uint32(sampleRate), uint32(sampleRate * 2), uint16(2), uint16(16),
		[4]byte{'d', 'a', 't', 'a'}, size,
	}
	out := bufio.NewWriter(w)
	for _, field := range header {
		binary.Write(out, binary.LittleEndian, field)
	}
	for _, s := range pcm {
		binary.Write(out, binary.LittleEndian, int16(s*32767))
	}
	if err := out.Flush(); err != nil {
		return fmt.Errorf("write microphone sound: %w", err)
	}
	return nil
}

// WriteFile writes the sound to a file.
func (m Microphone) WriteFile(path string) error { return writeFile(path, m.Write) }

func writeFile(path string, write func(io.Writer) error) error {
	f, err := os.Create(path)
	if err != nil {
		return fmt.Errorf("create fake device's file: %w", err)
	}
	if err := write(f); err != nil {
		f.Close()
		return err
	}
	return f.Close()
}
