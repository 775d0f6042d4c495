package avproc

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/meetcast/meetcast/egress/media"
	"github.com/meetcast/meetcast/internal/unittest"
	"github.com/meetcast/meetcast/sfu/packet"
)

// encoded makes frames of a colour that begin with a key frame.
func encoded(t *testing.T, codec packet.Codec, colour, size string) (frames [][]byte) {
	t.Helper()
	source := "color=c=" + colour + ":s=" + size + ":r=15:d=1"
	if codec == packet.VP8 {
		b := run(t, "-f", "lavfi", "-i", source, "-c:v", "libvpx", "-b:v", "300k", "-deadline", "realtime",
			"-cpu-used", "8", "-g", "100", "-f", "ivf", "pipe:1")[ivfFileHead:]
		for len(b) > ivfFrameHead {
			n := ivfFrameHead + int(binary.LittleEndian.Uint32(b))
			frames = append(frames, b[ivfFrameHead:n])
			b = b[n:]
		}
		return frames
	}
	b := run(t, "-f", "lavfi", "-i", source, "-c:v", "libx264", "-preset", "ultrafast", "-profile:v", "baseline",
		"-x264-params", "sliced-threads=0:threads=1:aud=1", "-g", "100", "-f", "h264", "pipe:1")
	aud := []byte{0, 0, 0, 1, 9}
	for _, f := range bytes.Split(b, aud)[1:] {
		frames = append(frames, append(slices.Clone(aud), f...))
	}
	return frames
}

// kept is a DecoderHandler that keeps what it gets.
type kept struct {
	mu   sync.Mutex
	dec  *Decoder
	pts  []time.Duration
	last media.Picture // a copy
	at   time.Time
	keys int
}

func (k *kept) Picture(p *media.Picture, pts time.Duration) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.pts, k.at = append(k.pts, pts), time.Now()
	k.last = *p
	k.last.Y, k.last.U, k.last.V = bytes.Clone(p.Y), bytes.Clone(p.U), bytes.Clone(p.V)
	if k.dec != nil {
		k.dec.Release(p)
	}
}

func (k *kept) NeedKey() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.keys++
}

func (k *kept) count() int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return len(k.pts)
}

func (k *kept) needed() int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.keys
}

func newTestDecoder(codec packet.Codec, w, h int, fit Fit) (*Decoder, *kept) {
	k := &kept{}
	d := NewDecoder(DecodeConfig{FFmpeg: ffmpegPath(), Codec: codec, Width: w, Height: h, Fit: fit}, k, quiet)
	k.mu.Lock()
	k.dec = d
	k.mu.Unlock()
	return d, k
}

func TestDecoderKeepsTimesAndAddsNone(t *testing.T) {
	for _, codec := range []packet.Codec{packet.VP8, packet.H264} {
		t.Run(codec.String(), func(t *testing.T) {
			frames := encoded(t, codec, "red", "320x180")
			d, k := newTestDecoder(codec, 160, 120, Fill)
			defer d.Close()
			began := time.Now()
			var want []time.Duration
			var waits []time.Duration
			for i, f := range frames {
				// Uneven times, far from zero.
				pts := 40*time.Hour + time.Duration(i*i)*7*time.Millisecond
				want = append(want, pts)
				sent := time.Now()
				d.Write(f, pts, i == 0)
				// Each picture comes before the next frame is written.
				unittest.Until(t, "the picture", func() bool { return k.count() == i+1 })
				if i == 0 {
					t.Logf("first picture after %v", time.Since(began))
				} else {
					waits = append(waits, k.at.Sub(sent))
				}
			}
			if !slices.Equal(k.pts, want) {
				t.Errorf("times %v, want %v", k.pts, want)
			}
			slices.Sort(waits)
			t.Logf("median latency %v, worst %v", waits[len(waits)/2], waits[len(waits)-1])
			if m := waits[len(waits)/2]; m > 20*time.Millisecond {
				t.Errorf("the child adds %v", m)
			}
			if p := k.last; p.Y[60*160+80] < 60 || p.Y[60*160+80] > 100 || p.V[30*80+40] < 200 {
				t.Errorf("not red: %d %d %d", p.Y[60*160+80], p.U[30*80+40], p.V[30*80+40])
			}
		})
	}
}

func TestDecoderFollowsSizesAndFits(t *testing.T) {
	d, k := newTestDecoder(packet.VP8, 160, 160, Contain)
	defer d.Close()
	pts, n := time.Duration(0), 0
	for _, size := range []string{"320x180", "64x128", "640x360"} {
		for i, f := range encoded(t, packet.VP8, "white", size)[:5] {
			pts += 40 * time.Millisecond
			d.Write(f, pts, i == 0)
			n++
		}
		unittest.Until(t, size, func() bool { return k.count() == n })
		corner, side, middle := k.last.Y[0], k.last.Y[80*160], k.last.Y[80*160+80]
		if wide := size != "64x128"; corner > 60 || middle < 200 || (side > 200) != wide {
			t.Errorf("%s: corner %d, side %d, middle %d", size, corner, side, middle)
		}
	}
	if s := d.Stats(); s.Starts != 1 {
		t.Errorf("%d children for three sizes", s.Starts)
	}
}

func TestDecoderIsBackWithinASecond(t *testing.T) {
	frames := encoded(t, packet.VP8, "blue", "320x180")
	d, k := newTestDecoder(packet.VP8, 64, 64, Fill)
	defer d.Close()
	for i, f := range frames {
		d.Write(f, time.Duration(i)*time.Millisecond, i == 0)
	}
	unittest.Until(t, "pictures", func() bool { return k.count() == len(frames) })
	d.mu.Lock()
	d.child.Kill()
	d.mu.Unlock()
	died := time.Now()
	unittest.Until(t, "a key frame is asked for", func() bool { return k.needed() == 1 })
	d.Write(frames[1], time.Second, false) // useless without its reference
	d.Write(frames[0], 2*time.Second, true)
	unittest.Until(t, "the next picture", func() bool { return k.count() == len(frames)+1 })
	if took, promise := time.Since(died), unittest.Stretch(time.Second); took > promise {
		t.Errorf("back after %v, want %v", took, promise)
	}
	if s := d.Stats(); s.Crashes != 1 || s.Starts != 2 || s.NoKey != 1 {
		t.Errorf("stats %+v", s)
	}
}

func TestDecoderSurvivesHostileFrames(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 1))
	for _, codec := range []packet.Codec{packet.VP8, packet.H264} {
		good := encoded(t, codec, "green", "320x180")
		d, k := newTestDecoder(codec, 64, 64, Fill)
		for i := range 200 {
			bad := slices.Clone(good[i%len(good)])
			for range 5 {
				bad[rnd.IntN(len(bad))] ^= byte(1 + rnd.IntN(255))
			}
			d.Write(bad, time.Duration(i)*time.Millisecond, true)
		}
		before := k.count()
		last := time.Hour
		unittest.Until(t, codec.String()+" decodes again", func() bool {
			last += time.Second
			d.Write(good[0], last, true)
			k.mu.Lock()
			defer k.mu.Unlock()
			return len(k.pts) > before && k.pts[len(k.pts)-1] > time.Hour
		})
		d.Close()
		d.Close()
	}
}

func TestDecoderQueueIsBounded(t *testing.T) {
	frames := encoded(t, packet.VP8, "blue", "320x180")
	k := &kept{}
	d := NewDecoder(DecodeConfig{FFmpeg: "/nonexistent/ffmpeg", Codec: packet.VP8, Width: 64, Height: 64}, k, quiet)
	for i := range 5000 {
		d.Write(frames[i%len(frames)], time.Duration(i)*time.Millisecond, i%15 == 0)
	}
	d.mu.Lock()
	held, bytes := len(d.queue), d.bytes
	d.mu.Unlock()
	if held > maxQueuedFrames || bytes > maxQueuedBytes {
		t.Errorf("holds %d frames of %d bytes", held, bytes)
	}
	unittest.Until(t, "attempts", func() bool { return d.Stats().Crashes > 0 })
	d.Close()
	if k.needed() == 0 || d.Stats().Overflow == 0 {
		t.Errorf("stats %+v, %d key frames asked for", d.Stats(), k.needed())
	}
}
