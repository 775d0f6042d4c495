package egress

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"log/slog"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/pion/opus/pkg/oggreader"
	"github.com/pion/rtp"
	"github.com/pion/rtp/codecs"

	"github.com/meetcast/meetcast/egress/media"
	"github.com/meetcast/meetcast/internal/unittest"
	"github.com/meetcast/meetcast/sfu/packet"
	"github.com/meetcast/meetcast/sfu/track"
	"github.com/meetcast/meetcast/sfu/track/tracktest"
)

// ffmpegPath returns the program that tests run; MEETCAST_FFMPEG names another
// version to try.
func ffmpegPath() string {
	if p := os.Getenv("MEETCAST_FFMPEG"); p != "" {
		return p
	}
	return "ffmpeg"
}

var quiet = slog.New(slog.DiscardHandler)

// ffmpeg runs ffmpeg for a test and returns its output.
func ffmpeg(t testing.TB, in []byte, args ...string) []byte {
	t.Helper()
	cmd := exec.Command(ffmpegPath(), append([]string{"-hide_banner", "-loglevel", "error", "-y"}, args...)...)
	cmd.Stdin = bytes.NewReader(in)
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("ffmpeg %v: %v: %s", args, err, errs.Bytes())
	}
	return out
}

// fakeRoom is a track.Room whose state a test sets.
type fakeRoom struct {
	mu        sync.Mutex
	observers []track.Observer
	snap      track.Snapshot
}

func newRoom() *fakeRoom { return &fakeRoom{snap: track.Snapshot{Room: "org/room"}} }

func (r *fakeRoom) ID() track.RoomID { return "org/room" }

func (r *fakeRoom) Observe(o track.Observer) func() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.observers = append(r.observers, o)
	o.RoomChanged(r.snap)
	return func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.observers = slices.DeleteFunc(r.observers, func(x track.Observer) bool { return x == o })
	}
}

// update changes the state and tells the observers.
func (r *fakeRoom) update(change func(*track.Snapshot)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.snap.Members = slices.Clone(r.snap.Members)
	change(&r.snap)
	for _, o := range r.observers {
		o.RoomChanged(r.snap)
	}
}

func (r *fakeRoom) watched() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.observers)
}

// clip is encoded media: frames that begin with a key frame, or Opus packets.
type clip struct {
	codec  packet.Codec
	frames [][]byte
	every  time.Duration // of a frame
}

var clips sync.Map // the clips made so far, by name

func cached(name string, make func() *clip) *clip {
	if c, ok := clips.Load(name); ok {
		return c.(*clip)
	}
	c := make()
	clips.Store(name, c)
	return c
}

// pictureClip encodes a lavfi source of a second or so.
func pictureClip(t testing.TB, codec packet.Codec, source, gop string, fps int) *clip {
	t.Helper()
	return cached(codec.String()+source, func() *clip {
		c := &clip{codec: codec, every: time.Second / time.Duration(fps)}
		if codec == packet.VP8 {
			b := ffmpeg(t, nil, "-f", "lavfi", "-i", source, "-c:v", "libvpx", "-b:v", "400k",
				"-deadline", "realtime", "-cpu-used", "8", "-g", gop, "-f", "ivf", "pipe:1")[32:]
			for len(b) > 12 {
				n := 12 + int(binary.LittleEndian.Uint32(b))
				c.frames = append(c.frames, b[12:n])
				b = b[n:]
			}
			return c
		}
		b := ffmpeg(t, nil, "-f", "lavfi", "-i", source, "-c:v", "libx264", "-preset", "ultrafast",
			"-profile:v", "baseline", "-x264-params", "sliced-threads=0:threads=1:aud=1", "-g", gop, "-f", "h264", "pipe:1")
		aud := []byte{0, 0, 0, 1, 9}
		for _, f := range bytes.Split(b, aud)[1:] {
			c.frames = append(c.frames, append(slices.Clone(aud), f...))
		}
		return c
	})
}

// soundClip encodes a lavfi source to Opus packets of 20 ms.
func soundClip(t testing.TB, source string) *clip {
	t.Helper()
	return cached("opus"+source, func() *clip {
		b := ffmpeg(t, nil, "-f", "lavfi", "-i", source, "-ac", "1", "-c:a", "libopus", "-b:a", "32k",
			"-application", "voip", "-frame_duration", "20", "-page_duration", "20000", "-f", "ogg", "pipe:1")
		r, _, err := oggreader.NewWith(bytes.NewReader(b))
		if err != nil {
			t.Fatal(err)
		}
		c := &clip{codec: packet.Opus, every: 20 * time.Millisecond}
		for {
			segments, _, err := r.ParseNextPage()
			if errors.Is(err, io.EOF) {
				return c
			}
			if err != nil {
				t.Fatal(err)
			}
			for _, s := range segments {
				if len(s) > 0 && !bytes.HasPrefix(s, []byte("OpusTags")) {
					c.frames = append(c.frames, slices.Clone(s))
				}
			}
		}
	})
}

// publisher sends a clip in a loop, in real time, as a member's track.
type publisher struct {
	up   *tracktest.FakeUpTrack
	clip *clip
	stop chan struct{}
	done chan struct{}

	// delay holds packets back between capture and arrival.
	delay time.Duration
	// steady sends the clip without beginning anew for a key frame.
	steady bool
	// skew is added to the sender's wall clock.
	skew time.Duration
	// base is the moment at which frame 0 of the clip was captured.
	base time.Time

	mu      sync.Mutex
	key     bool // begin the clip again
	seq     uint16
	drop    func(n int) bool // packets to lose
	sent    int
	quiet   bool // sends nothing
	started bool
}

func newPublisher(t testing.TB, member track.MemberID, src track.Source, c *clip) *publisher {
	p := &publisher{clip: c, stop: make(chan struct{}), done: make(chan struct{}), base: time.Now(),
		up: tracktest.NewUpTrack(track.Info{ID: track.TrackID(string(member) + "-" + string(src)), Member: member,
			Source: src, Codec: c.codec})}
	p.up.OnKeyFrameRequest(func(int) {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.key = true
	})
	t.Cleanup(func() {
		if p.started {
			close(p.stop)
			<-p.done
		}
	})
	return p
}

func (p *publisher) start() *publisher {
	p.started = true
	go p.run()
	return p
}

// run sends frame n of the running count at its time.
func (p *publisher) run() {
	defer close(p.done)
	var pay rtp.Payloader = &codecs.OpusPayloader{}
	rate := int64(48000)
	switch p.clip.codec {
	case packet.VP8:
		pay, rate = &codecs.VP8Payloader{EnablePictureID: true}, 90000
	case packet.H264:
		pay, rate = &codecs.H264Payloader{}, 90000
	}
	const tsBase = 0xfffffff0 // wraps at once
	pos := 0
	for n := int64(0); ; n++ {
		capture := p.base.Add(time.Duration(n) * p.clip.every)
		select {
		case <-time.After(time.Until(capture.Add(p.delay))):
		case <-p.stop:
			return
		}
		ts := uint32(tsBase + n*int64(p.clip.every)*rate/int64(time.Second))
		if n%20 == 0 && n > 0 {
			p.up.SetClockRef(0, track.ClockRef{NTP: capture.Add(p.skew), RTP: ts})
		}
		p.mu.Lock()
		if p.key || pos == len(p.clip.frames) {
			if p.clip.codec != packet.Opus && !p.steady {
				pos, p.key = 0, false
			} else {
				pos %= len(p.clip.frames)
			}
		}
		still := p.quiet
		p.mu.Unlock()
		frame := p.clip.frames[pos]
		pos++
		if still {
			continue
		}
		payloads := pay.Payload(1100, frame)
		for i, b := range payloads {
			p.send(ts, b, (pos == 1 || p.steady) && i == 0, i == len(payloads)-1)
		}
	}
}

func (p *publisher) send(ts uint32, payload []byte, key, marker bool) {
	p.mu.Lock()
	p.seq++
	p.sent++
	lost := p.drop != nil && p.drop(p.sent)
	h := rtp.Header{Version: 2, SequenceNumber: p.seq, Timestamp: ts, Marker: marker}
	p.mu.Unlock()
	if !lost {
		p.up.Push(&packet.Packet{Header: h, Payload: payload, Arrival: time.Now(),
			KeyFrame: key && p.clip.codec != packet.Opus, FrameStart: key})
	}
}

func (p *publisher) setQuiet(v bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.quiet = v
}

// fakePush is a Push that takes everything and keeps it.
type fakePush struct {
	cfg PushConfig

	mu     sync.Mutex
	state  PushState
	params []media.Params
	at     []time.Time // arrival of samples
	list   []media.Sample
	closed int
}

func (f *fakePush) set(phase PushPhase, err error) {
	f.mu.Lock()
	f.state = PushState{phase, err}
	f.mu.Unlock()
	f.cfg.OnState(PushState{phase, err})
}

func (f *fakePush) State() PushState {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.state
}

func (f *fakePush) Begin(p media.Params) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.params = append(f.params, p)
}

func (f *fakePush) Write(s media.Sample) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.list = append(f.list, s)
	f.at = append(f.at, time.Now())
}

func (f *fakePush) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closed++
	return nil
}

func (f *fakePush) samples(k media.Kind) (out []media.Sample) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, s := range f.list {
		if s.Kind == k {
			out = append(out, s)
		}
	}
	return out
}

// until waits until the programme, picture and sound, has come to a time.
func (f *fakePush) until(t testing.TB, at time.Duration) {
	t.Helper()
	for _, kind := range []media.Kind{media.Video, media.Audio} {
		unittest.Until(t, "the programme goes on", func() bool {
			s := f.samples(kind)
			return len(s) > 0 && s[len(s)-1].PTS >= at
		})
	}
}

// now is the newest time of the programme.
func (f *fakePush) now() time.Duration {
	v := f.samples(media.Video)
	if len(v) == 0 {
		return 0
	}
	return v[len(v)-1].PTS
}

// decodePictures decodes all pictures to I420 of the canvas size.
func (f *fakePush) decodePictures(t *testing.T, w, h int) []*media.Picture {
	t.Helper()
	var b []byte
	f.mu.Lock()
	v := f.params[0].Video
	for _, s := range f.list {
		if s.Kind != media.Video {
			continue
		}
		if s.Key {
			b = append(append(append(append(b, 0, 0, 0, 1), v.SPS...), 0, 0, 0, 1), v.PPS...)
		}
		for d := s.Data; len(d) >= 4; {
			n := binary.BigEndian.Uint32(d)
			b = append(append(b, 0, 0, 0, 1), d[4:4+n]...)
			d = d[4+n:]
		}
	}
	f.mu.Unlock()
	raw := ffmpeg(t, b, "-f", "h264", "-i", "pipe:0", "-fps_mode", "passthrough",
		"-f", "rawvideo", "-pix_fmt", "yuv420p", "pipe:1")
	size := w * h * 3 / 2
	var out []*media.Picture
	for ; len(raw) >= size; raw = raw[size:] {
		out = append(out, &media.Picture{Width: w, Height: h, Y: raw[:w*h], U: raw[w*h : w*h*5/4], V: raw[w*h*5/4 : size],
			StrideY: w, StrideU: w / 2, StrideV: w / 2})
	}
	return out
}

// decodeSound decodes all sound to mono floats; sample n has PTS n/48000.
func (f *fakePush) decodeSound(t *testing.T) []float32 {
	t.Helper()
	var b []byte
	for _, s := range f.samples(media.Audio) {
		n := len(s.Data) + 7
		b = append(b, 0xff, 0xf1, 0x4c, 0x80|byte(n>>11), byte(n>>3), byte(n<<5)|0x1f, 0xfc)
		b = append(b, s.Data...)
	}
	file := filepath.Join(t.TempDir(), "a.aac")
	if err := os.WriteFile(file, b, 0o600); err != nil {
		t.Fatal(err)
	}
	raw := ffmpeg(t, nil, "-i", file, "-f", "f32le", "-ac", "1", "-ar", "48000", "pipe:1")
	out := make([]float32, len(raw)/4)
	for i := range out {
		out[i] = math.Float32frombits(binary.LittleEndian.Uint32(raw[4*i:]))
	}
	return out
}

// tone returns how loud a frequency is in some samples, 0 .. 1: Goertzel over
// blocks of 50 ms, wide enough for a voice that is being stretched a little.
func tone(pcm []float32, freq float64) float64 {
	const block = 2400
	sum, n := 0.0, 0
	for ; len(pcm) >= block; pcm = pcm[block:] {
		k := 2 * math.Cos(2*math.Pi*freq/48000)
		var a, b float64
		for _, v := range pcm[:block] {
			a, b = float64(v)+k*a-b, a
		}
		sum += 2 * math.Sqrt(max(a*a+b*b-k*a*b, 0)) / block
		n++
	}
	return sum / float64(max(n, 1))
}

// span cuts the samples between two times.
func span(pcm []float32, from, to time.Duration) []float32 {
	cut := func(d time.Duration) int { return min(int(d*48000/time.Second), len(pcm)) }
	return pcm[cut(from):cut(to)]
}
