package forward

import (
	"encoding/binary"
	"sync"
	"testing"
	"time"
	"unsafe"

	"github.com/meetcast/meetcast/sfu/codec"
	"github.com/meetcast/meetcast/sfu/packet"
	"github.com/meetcast/meetcast/sfu/track"
)

// film sends VP8 of one packet a frame at 30 a second, with key frames when asked.
type film struct {
	c    *clock
	up   *Track
	fb   *asked
	seq  uint16
	ts   uint32
	plis int
}

func newFilm(c *clock, start uint16) *film {
	up, fb := newTestTrack(c)
	return &film{c: c, up: up, fb: fb, seq: start, ts: uint32(start) << 16}
}

// frame sends the next one, a key frame when one was asked for.
func (f *film) frame() {
	f.c.tick(33 * time.Millisecond)
	f.up.Tick(f.c.t)
	f.fb.mu.Lock()
	width := 0
	if f.fb.plis[1] > f.plis {
		width, f.plis = 320, f.fb.plis[1]
	}
	f.fb.mu.Unlock()
	b := raw(1, f.seq, width)
	b[1] |= 0x80 // marker
	f.ts += 3000
	binary.BigEndian.PutUint32(b[4:], f.ts)
	f.up.Lane("").Receive(b, f.c.t)
	f.seq++
}

func (f *film) viewer() (*Down, *wire) {
	w := &wire{}
	d := NewDown(DownConfig{Kind: track.Video, Now: f.c.now})
	o := everything
	o.Writer = w
	d.Open(o)
	d.Bind(f.up, hd)
	return d, w
}

// A hundred people who join within a second see a picture at once, and the
// publisher is asked for at most three key frames.
func TestCrowdJoins(t *testing.T) {
	f := newFilm(&clock{time.Unix(1000, 0)}, 5)
	for range 60 {
		f.frame()
	}
	asked := f.fb.plis[1]
	var wires []*wire
	var downs []*Down
	for i := range 100 {
		d, w := f.viewer()
		d.SetLayer(0)
		wires, downs = append(wires, w), append(downs, d)
		if i%3 == 2 {
			f.frame()
			for _, d := range downs {
				d.Tick(f.c.t)
			}
			for k := range wires {
				if k <= i-3 && len(wires[k].headers) == 0 && i > 6 {
					t.Fatalf("viewer %d of %d sees nothing", k, i)
				}
			}
		}
	}
	f.frame()
	if n := f.fb.plis[1] - asked; n < 1 || n > 3 {
		t.Fatalf("%d requests for key frames", n)
	}
	for i, w := range wires {
		checkStream(t, w.headers, nil)
		if v, start, err := codec.ParseVP8(w.payloads[0]); err != nil || !start || w.payloads[0][v.HeaderLen]&1 != 0 {
			t.Fatalf("viewer %d does not begin with a key frame", i)
		}
	}
}

// A replay is one stream with what follows; its pictures are as close as the
// newest allows.
func TestReplay(t *testing.T) {
	for _, start := range []uint16{1, 0x7ff8, 0xfff5} {
		f := newFilm(&clock{time.Unix(1000, 0)}, start)
		first, _ := f.viewer()
		f.frame()
		first.SetLayer(0)
		for range 12 {
			f.frame()
		}
		d, w := f.viewer()
		d.SetLayer(0)
		if s := d.Stats(); s.Replays != 1 || s.Packets < 10 {
			t.Fatalf("%+v", s)
		}
		for range 3 {
			f.frame()
		}
		headers, payloads := w.take()
		checkStream(t, headers, nil)
		n := len(headers)
		for i := 1; i < n; i++ {
			want := uint32(replayStep)
			if i >= n-3 {
				want = 3000
			}
			if got := headers[i].Timestamp - headers[i-1].Timestamp; got != want {
				t.Fatalf("picture %d: %d ticks after the one before, want %d", i, got, want)
			}
			a, _, _ := codec.ParseVP8(payloads[i-1])
			if b, _, _ := codec.ParseVP8(payloads[i]); byte(b.PictureID) != byte(a.PictureID)+1 { // raw counts with a byte
				t.Fatalf("picture id %d after %d", b.PictureID, a.PictureID)
			}
		}
		d.Nack(headers[4].SequenceNumber)
		again, _ := w.take()
		if len(again) != 1 || again[0].Timestamp != headers[4].Timestamp {
			t.Fatalf("%+v", again)
		}
	}
}

func TestReplayIsRefused(t *testing.T) {
	setup := func() (*film, *Down) {
		f := newFilm(&clock{time.Unix(1000, 0)}, 1)
		other, _ := f.viewer()
		f.frame()
		other.SetLayer(0)
		for range 5 {
			f.frame()
		}
		d, _ := f.viewer()
		return f, d
	}
	for name, spoil := range map[string]func(*film, *Down){
		"too old":      func(f *film, _ *Down) { f.c.tick(replayAge) },
		"a gap":        func(f *film, _ *Down) { f.seq++; f.frame() },
		"too narrow":   func(_ *film, d *Down) { d.SetBandwidth(500) },
		"not attached": func(f *film, d *Down) { f.up.Detach(d) },
		"too many packets": func(f *film, _ *Down) {
			for range replayPackets {
				b := raw(1, f.seq, 0)
				f.up.Lane("").Receive(b, f.c.t)
				f.seq++
			}
		},
	} {
		f, d := setup()
		spoil(f, d)
		f.c.tick(0)
		before := f.fb.plis[1]
		d.SetLayer(0)
		f.c.tick(KeyFrameInterval)
		f.up.Tick(f.c.t)
		if s := d.Stats(); s.Replays != 0 || s.Packets != 0 {
			t.Errorf("%s: %+v", name, s)
		}
		if f.fb.plis[1] == before {
			t.Errorf("%s: no key frame was asked for", name)
		}
	}
}

// Replays and live packets come from different goroutines.
func TestReplayBesideThePublisher(t *testing.T) {
	c := &clock{time.Unix(1000, 0)}
	f := newFilm(c, 0)
	f.up.Lane("").Receive(raw(1, 0, 320), c.t)
	var wg sync.WaitGroup
	wg.Go(func() {
		for i := range uint16(180) {
			f.up.Lane("").Receive(raw(1, i+1, 0), c.t)
		}
	})
	viewers := make([]*wire, 20)
	for i := range viewers {
		wg.Go(func() {
			d, w := f.viewer()
			viewers[i] = w
			d.SetLayer(0)
		})
	}
	wg.Wait()
	for i, w := range viewers {
		for k := 1; k < len(w.headers); k++ {
			if w.headers[k].SequenceNumber != w.headers[k-1].SequenceNumber+1 {
				t.Fatalf("viewer %d: number %d after %d", i, w.headers[k].SequenceNumber, w.headers[k-1].SequenceNumber)
			}
		}
		if len(w.headers) < 150 {
			t.Fatalf("viewer %d got %d packets", i, len(w.headers))
		}
	}
}

// A subscriber has a dozen slots or more: each must be small.
func TestDownIsSmall(t *testing.T) {
	if n := unsafe.Sizeof(Down{}); n > 4096 {
		t.Fatalf("a slot takes %d bytes", n)
	}
	t.Logf("a slot takes %d bytes, a packet of the cache %d besides its payload", unsafe.Sizeof(Down{}), unsafe.Sizeof(packet.Packet{}))
}

// BenchmarkReplay measures how long a joiner of a film at 2 Mbit/s keeps the
// publisher's loop.
func BenchmarkReplay(b *testing.B) {
	c := &clock{time.Unix(1000, 0)}
	up, _ := newTestTrack(c)
	for i := range uint16(150) {
		buf := append(raw(1, i, map[bool]int{true: 320}[i == 0]), make([]byte, 1080)...)
		up.Lane("").Receive(buf, c.t)
	}
	d := NewDown(DownConfig{Kind: track.Video, Now: c.now})
	o := everything
	o.Writer = &sink{}
	d.Open(o)
	d.Bind(up, hd)
	d.SetBandwidth(maxReplayRate)
	b.ReportAllocs()
	for b.Loop() {
		d.SetLayer(0)
		d.SetLayer(-1)
	}
	if d.Stats().Replays == 0 {
		b.Fatal("nothing was replayed")
	}
}

const maxReplayRate = 8_000_000
