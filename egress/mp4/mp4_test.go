package mp4

import (
	"bytes"
	"errors"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/meetcast/meetcast/egress/media"
	"github.com/meetcast/meetcast/egress/media/mediatest"
)

// record writes samples as a fragmented file and returns it with the ends of
// its fragments.
func record(t testing.TB, p media.Params, samples []media.Sample, every time.Duration) (file []byte, ends []int) {
	t.Helper()
	file, err := Init(p)
	if err != nil {
		t.Fatal(err)
	}
	f := NewFragmenter(p)
	cut := func() {
		fr, ok, err := f.Cut()
		if err != nil {
			t.Fatal(err)
		}
		if ok {
			file = append(file, fr.Data...)
			ends = append(ends, len(file))
		}
	}
	for _, s := range samples {
		f.Add(s)
		if span, _ := f.Pending(); span >= every {
			cut()
		}
	}
	cut()
	return file, ends
}

func finalise(t testing.TB, file []byte) []byte {
	t.Helper()
	r := bytes.NewReader(file)
	x, err := Scan(r, r.Size())
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	n, err := x.WriteTo(&out, r)
	if err != nil || n != int64(out.Len()) {
		t.Fatalf("WriteTo: %d of %d bytes, %v", n, out.Len(), err)
	}
	return out.Bytes()
}

func save(t testing.TB, b []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "out.mp4")
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func count(samples []media.Sample, k media.Kind) (n int) {
	for _, s := range samples {
		if s.Kind == k {
			n++
		}
	}
	return n
}

func TestFragmentsAndFastStartPlay(t *testing.T) {
	tests := []struct {
		name string
		cfg  mediatest.Config
		from time.Duration // media time at which recording began
	}{
		{"picture and sound", mediatest.Config{}, 0},
		{"b pictures", mediatest.Config{BFrames: 2}, 0},
		{"sound alone", mediatest.Config{NoVideo: true}, 0},
		{"picture alone", mediatest.Config{NoAudio: true}, 0},
		{"began after 30 hours", mediatest.Config{}, 30 * time.Hour},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p, samples := mediatest.Programme(t, tt.cfg)
			file, _ := record(t, p, mediatest.Shift(samples, tt.from), 500*time.Millisecond)
			final := finalise(t, file)
			if got, want := mediatest.Boxes(final), []string{"ftyp", "moov", "mdat"}; !slices.Equal(got, want) {
				t.Fatalf("boxes %v, want %v", got, want)
			}
			for name, b := range map[string][]byte{"fragmented": file, "fast start": final} {
				path := save(t, b)
				packets, seconds := mediatest.Probe(t, path)
				checkPackets(t, name, packets, samples)
				if want := length(samples); name == "fast start" && math.Abs(seconds-want) > 0.1 {
					t.Errorf("duration %.3f s, want %.3f", seconds, want)
				}
				if tt.cfg.NoVideo {
					continue
				}
				if got, want := mediatest.Decode(t, path), count(samples, media.Video); got != want {
					t.Errorf("%s: %d pictures decoded, want %d", name, got, want)
				}
			}
		})
	}
}

// length is the time from the first to the last thing shown, in seconds.
func length(samples []media.Sample) float64 {
	first, last := samples[0].PTS, time.Duration(0)
	for _, s := range samples {
		first, last = min(first, s.PTS), max(last, s.PTS)
	}
	return (last - first).Seconds()
}

// checkPackets compares number, size, key flags and relative times.
func checkPackets(t *testing.T, name string, got []mediatest.Packet, want []media.Sample) {
	t.Helper()
	for _, k := range []media.Kind{media.Video, media.Audio} {
		var g []mediatest.Packet
		for _, p := range got {
			if p.Video == (k == media.Video) {
				g = append(g, p)
			}
		}
		var w []media.Sample
		for _, s := range want {
			if s.Kind == k {
				w = append(w, s)
			}
		}
		if len(g) != len(w) {
			t.Errorf("%s: %d packets of kind %d, want %d", name, len(g), k, len(w))
			continue
		}
		for i := range w {
			dt := g[i].DTS - g[0].DTS - (w[i].DTS - w[0].DTS).Seconds()
			// Times came through FLV's milliseconds; sound is counted by samples.
			if g[i].Size != len(w[i].Data) || g[i].Key != w[i].Key || math.Abs(dt) > 0.0016 {
				t.Fatalf("%s: packet %d of kind %d is %+v, want %d bytes, key %v, %v after the first (off by %.4f s)",
					name, i, k, g[i], len(w[i].Data), w[i].Key, w[i].DTS-w[0].DTS, dt)
			}
		}
	}
}

func TestSoundStartsLate(t *testing.T) {
	p, samples := mediatest.Programme(t, mediatest.Config{})
	late := make([]media.Sample, 0, len(samples))
	for _, s := range samples {
		if s.Kind == media.Audio && s.DTS < time.Second {
			continue
		}
		late = append(late, s)
	}
	file, _ := record(t, p, late, 500*time.Millisecond)
	packets, _ := mediatest.Probe(t, save(t, finalise(t, file)))
	for _, pk := range packets {
		if !pk.Video {
			if math.Abs(pk.PTS-1) > 0.025 {
				t.Fatalf("first sound at %.3f s, want 1", pk.PTS)
			}
			return
		}
	}
	t.Fatal("no sound")
}

func TestGapIsKept(t *testing.T) {
	p, samples := mediatest.Programme(t, mediatest.Config{})
	var cut []media.Sample
	for _, s := range samples { // the queue dropped a group
		if s.DTS < time.Second || s.DTS >= 2*time.Second {
			cut = append(cut, s)
		}
	}
	file, _ := record(t, p, cut, 500*time.Millisecond)
	packets, seconds := mediatest.Probe(t, save(t, finalise(t, file)))
	if math.Abs(seconds-4) > 0.1 {
		t.Errorf("duration %.3f s, want 4", seconds)
	}
	checkPackets(t, "gap", packets, cut)
}

func TestScanTruncatedAnywhere(t *testing.T) {
	p, samples := mediatest.Programme(t, mediatest.Config{})
	file, ends := record(t, p, samples, 500*time.Millisecond)
	for cut := 0; cut <= len(file); cut += 97 {
		whole := 0
		for _, e := range ends {
			if e <= cut {
				whole = e
			}
		}
		r := bytes.NewReader(file[:cut])
		x, err := Scan(r, r.Size())
		if whole == 0 {
			if !errors.Is(err, ErrEmpty) {
				t.Fatalf("cut at %d: %v, want ErrEmpty", cut, err)
			}
			continue
		}
		if err != nil || x.End != int64(whole) {
			t.Fatalf("cut at %d: %v; end %d, want %d", cut, err, x.End, whole)
		}
	}
}

func TestScanStopsAtNoise(t *testing.T) {
	p, samples := mediatest.Programme(t, mediatest.Config{})
	file, ends := record(t, p, samples, 500*time.Millisecond)
	third := ends[2]
	for _, noise := range []string{"\x00\x00\x00\x00\x00\x00\x00\x00", "\xff\xff\xff\xffmoof", "\x00\x00\x00\x10moof\x00\x00\x00\x00\x00\x00\x00\x00"} {
		damaged := bytes.Clone(file)
		copy(damaged[third:], noise)
		r := bytes.NewReader(damaged)
		x, err := Scan(r, r.Size())
		if err != nil || x.End != int64(third) {
			t.Fatalf("noise %q: %v, end %v; want the fragments before it", noise, err, x)
		}
	}
}

func TestInBandParameters(t *testing.T) {
	p1, s1 := mediatest.Programme(t, mediatest.Config{Seconds: 2})
	p2, s2 := mediatest.Programme(t, mediatest.Config{Seconds: 2, Width: 192, Height: 144})
	file, err := Init(p1)
	if err != nil {
		t.Fatal(err)
	}
	f := NewFragmenter(p1)
	for _, s := range s1 {
		f.Add(s)
	}
	fr, _, err := f.Cut()
	if err != nil {
		t.Fatal(err)
	}
	file = append(file, fr.Data...)
	f.InBand(*p2.Video)
	for _, s := range mediatest.Shift(s2, 2100*time.Millisecond) {
		f.Add(s)
	}
	if fr, _, err = f.Cut(); err != nil {
		t.Fatal(err)
	}
	file = append(file, fr.Data...)
	want := count(s1, media.Video) + count(s2, media.Video)
	if got := mediatest.Decode(t, save(t, finalise(t, file))); got != want {
		t.Fatalf("%d pictures decoded, want %d", got, want)
	}
}

func TestCodecs(t *testing.T) {
	p, _ := mediatest.Programme(t, mediatest.Config{})
	if got := Codecs(p); got != "avc1.42C00B,mp4a.40.2" && got != "avc1.42C00A,mp4a.40.2" {
		t.Errorf("Codecs = %q", got)
	}
	if _, err := Init(media.Params{}); !errors.Is(err, ErrParams) {
		t.Errorf("Init of nothing: %v", err)
	}
}

func TestTicks(t *testing.T) {
	for _, d := range []time.Duration{0, time.Nanosecond, 33333333, time.Second, 100*time.Hour + 12345678*time.Nanosecond, -40 * time.Millisecond} {
		for _, scale := range []int64{VideoScale, 48000, 44100} {
			got := float64(ticks(d, scale)) / float64(scale)
			if math.Abs(got-d.Seconds()) > 0.51/float64(scale) {
				t.Errorf("ticks(%v, %d) is %.9f s", d, scale, got)
			}
			if back := duration(ticks(d, scale), scale); math.Abs((back - d).Seconds()) > 0.51/float64(scale)+1e-9 {
				t.Errorf("duration(ticks(%v, %d)) = %v", d, scale, back)
			}
		}
	}
}

func TestAACClock(t *testing.T) {
	const rate = 48000
	exact := func(i int) time.Duration { return time.Duration(i) * 1024 * time.Second / rate }
	t.Run("milliseconds do not drift", func(t *testing.T) {
		c := aacClock{rate: rate}
		for i := range 200_000 { // more than an hour
			got, ok := c.at(exact(i).Round(time.Millisecond))
			if !ok || got != int64(i)*1024 {
				t.Fatalf("frame %d at %d, want %d", i, got, i*1024)
			}
		}
	})
	t.Run("a missing frame leaves a gap", func(t *testing.T) {
		c := aacClock{rate: rate}
		c.at(0)
		if got, _ := c.at(exact(2)); got != 2048 {
			t.Fatalf("after the gap at %d, want 2048", got)
		}
	})
	t.Run("too much sound is left out", func(t *testing.T) {
		c := aacClock{rate: rate}
		kept := 0
		for i := range 1000 { // two frames for the time of one
			if _, ok := c.at(exact(i / 2)); ok {
				kept++
			}
		}
		if kept < 500 || kept > 505 {
			t.Fatalf("kept %d of 1000 frames, want 500", kept)
		}
	})
}

// FuzzScan feeds recordings damaged in any way to recovery: it must neither
// panic nor loop nor make a file out of bytes that are not there.
func FuzzScan(f *testing.F) {
	p, samples := mediatest.Programme(f, mediatest.Config{Seconds: 1, FPS: 5, Width: 32, Height: 32})
	file, ends := record(f, p, samples, 300*time.Millisecond)
	f.Add(file)
	f.Add(file[:len(file)-3])
	f.Add(file[:ends[0]+9])
	damaged := bytes.Clone(file)
	copy(damaged[ends[0]+8:], "\x00\x00\x00\x01mfhd")
	f.Add(damaged)
	f.Add([]byte("\x00\x00\x00\x01moov\xff\xff\xff\xff\xff\xff\xff\xff"))
	f.Fuzz(func(t *testing.T, b []byte) {
		r := bytes.NewReader(b)
		x, err := Scan(r, r.Size())
		if err != nil {
			return
		}
		if x.End > r.Size() {
			t.Fatalf("end %d behind the file's %d", x.End, r.Size())
		}
		var out bytes.Buffer
		if _, err := x.WriteTo(&out, r); err == nil && int64(out.Len()) < x.bytes {
			t.Fatalf("wrote %d bytes for %d of samples", out.Len(), x.bytes)
		}
	})
}
