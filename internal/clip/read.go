package clip

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/pion/webrtc/v4/pkg/media/ivfreader"
	"github.com/pion/webrtc/v4/pkg/media/oggreader"

	"github.com/meetcast/meetcast/sfu/packet"
)

// ReadIVF reads VP8 in an IVF file.
func ReadIVF(r io.Reader) (*Clip, error) {
	in, header, err := ivfreader.NewWith(r)
	if err != nil {
		return nil, fmt.Errorf("read IVF header: %w", err)
	}
	if header.FourCC != "VP80" {
		return nil, fmt.Errorf("read IVF header: codec %q is not VP8", header.FourCC)
	}
	if header.TimebaseDenominator == 0 || header.TimebaseNumerator == 0 {
		return nil, errors.New("read IVF header: no frame rate")
	}
	c := &Clip{
		Codec: packet.VP8, Width: int(header.Width), Height: int(header.Height),
		FrameDuration: time.Second * time.Duration(header.TimebaseNumerator) / time.Duration(header.TimebaseDenominator),
	}
	for {
		data, _, err := in.ParseNextFrame()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("read IVF frame %d: %w", len(c.Frames), err)
		}
		// RFC 6386 §9.1: the lowest bit of the frame tag is 0 on key frames.
		c.Frames = append(c.Frames, Frame{Data: data, Key: len(data) > 0 && data[0]&1 == 0})
	}
	return c.checked()
}

// H.264 NAL unit types, ITU-T H.264 table 7-1.
const (
	nalIDR = 5
	nalAUD = 9
)

// ReadH264 reads an Annex B stream whose access units begin with delimiters
// (x264's aud=1) and whose rate is known from elsewhere.
func ReadH264(r io.Reader, width, height, fps int) (*Clip, error) {
	if fps <= 0 {
		return nil, fmt.Errorf("read H.264: %d frames per second", fps)
	}
	data, err := io.ReadAll(r)
	if err != nil {
		return nil, fmt.Errorf("read H.264: %w", err)
	}
	c := &Clip{Codec: packet.H264, Width: width, Height: height, FrameDuration: time.Second / time.Duration(fps)}
	for _, nal := range splitAnnexB(data) {
		kind := nal[0] & 0x1f
		if kind == nalAUD {
			c.Frames = append(c.Frames, Frame{})
			continue
		}
		if len(c.Frames) == 0 {
			return nil, errors.New("read H.264: first access unit has no delimiter")
		}
		f := &c.Frames[len(c.Frames)-1]
		f.Data = append(append(f.Data, 0, 0, 0, 1), nal...)
		f.Key = f.Key || kind == nalIDR
	}
	return c.checked()
}

// splitAnnexB cuts a byte stream at its start codes (ITU-T H.264 annex B).
func splitAnnexB(b []byte) [][]byte {
	var nals [][]byte
	start := -1
	for i := 0; i+2 < len(b); i++ {
		if b[i] != 0 || b[i+1] != 0 || b[i+2] != 1 {
			continue
		}
		if start >= 0 {
			nals = appendNAL(nals, b[start:i])
		}
		start = i + 3
		i += 2
	}
	if start >= 0 {
		nals = appendNAL(nals, b[start:])
	}
	return nals
}

// appendNAL drops the zero byte that belongs to a four-byte start code behind
// the unit: a NAL unit never ends with zero.
func appendNAL(nals [][]byte, nal []byte) [][]byte {
	nal = bytes.TrimRight(nal, "\x00")
	if len(nal) == 0 {
		return nals
	}
	return append(nals, nal)
}

// ReadOpus reads Ogg Opus with one packet per page and a constant packet duration.
func ReadOpus(r io.Reader) (*Clip, error) {
	in, err := oggreader.NewWithOptions(r)
	if err != nil {
		return nil, fmt.Errorf("read Ogg header: %w", err)
	}
	c := &Clip{Codec: packet.Opus}
	var previous uint64
	for {
		data, page, err := in.ParseNextPage()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("read Ogg page: %w", err)
		}
		if bytes.HasPrefix(data, []byte("OpusTags")) || bytes.HasPrefix(data, []byte("OpusHead")) {
			continue
		}
		if d := page.GranulePosition - previous; c.FrameDuration == 0 && previous != 0 {
			c.FrameDuration = time.Duration(d) * time.Second / 48000
		}
		previous = page.GranulePosition
		c.Frames = append(c.Frames, Frame{Data: data, Key: true})
	}
	if len(c.Frames) > 2 {
		// The last page may be cut short by the length of the input.
		c.Frames = c.Frames[:len(c.Frames)-1]
	}
	return c.checked()
}

// checked refuses a clip that no sender could play.
func (c *Clip) checked() (*Clip, error) {
	if len(c.Frames) == 0 {
		return nil, ErrEmpty
	}
	if c.FrameDuration <= 0 {
		return nil, errors.New("media has no frame duration")
	}
	if !c.Frames[0].Key {
		return nil, errors.New("media does not begin with a key frame")
	}
	return c, nil
}
