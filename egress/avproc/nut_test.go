package avproc

import (
	"bytes"
	"errors"
	"io"
	"maps"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
)

// run runs ffmpeg and returns its output.
func run(t testing.TB, args ...string) []byte {
	t.Helper()
	cmd := exec.Command(ffmpegPath(), append([]string{"-hide_banner", "-loglevel", "error"}, args...)...)
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("ffmpeg %v: %v: %s", args, err, errs.Bytes())
	}
	return out
}

// readAll reads a NUT stream to its end.
func readAll(b []byte) (frames []NUTFrame, data [][]byte, r *NUTReader, err error) {
	r = NewNUTReader(bytes.NewReader(b))
	for {
		f, err := r.Next()
		if err != nil {
			return frames, data, r, err
		}
		d := make([]byte, f.Size)
		if err := r.ReadData(d); err != nil {
			return frames, data, r, err
		}
		frames, data = append(frames, f), append(data, d)
	}
}

// TestNUT compares what is read with what ffmpeg itself says is in the stream.
func TestNUT(t *testing.T) {
	tests := []struct {
		name string
		args []string
		n    int
		size int     // of each frame, 0 when it varies
		step float64 // seconds
	}{
		{"raw", []string{"-f", "lavfi", "-i", "testsrc=s=64x36:r=15:d=2", "-c:v", "rawvideo", "-pix_fmt", "yuv420p"}, 30, 64 * 36 * 3 / 2, 1.0 / 15},
		{"raw in microseconds", []string{"-f", "lavfi", "-i", "testsrc=s=64x36:r=15:d=2", "-c:v", "rawvideo",
			"-pix_fmt", "yuv420p", "-enc_time_base", "1:1000000"}, 30, 64 * 36 * 3 / 2, 1.0 / 15},
		{"mpeg4 with B frames", []string{"-f", "lavfi", "-i", "testsrc=s=320x180:r=15:d=2", "-c:v", "mpeg4", "-bf", "2"}, 30, 0, 1.0 / 15},
		{"sound", []string{"-f", "lavfi", "-i", "sine=d=1:r=48000", "-c:a", "aac"}, 46, 0, 1024.0 / 48000},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			b := run(t, append(tc.args, "-f", "nut", "pipe:1")...)
			frames, data, r, err := readAll(b)
			if !errors.Is(err, io.EOF) || len(frames) < tc.n || len(frames) > tc.n+2 {
				t.Fatalf("%d frames, %v", len(frames), err)
			}
			seen := map[int64]bool{}
			for i, f := range frames {
				if tc.size != 0 && f.Size != tc.size || len(data[i]) != f.Size {
					t.Errorf("frame %d has %d bytes", i, f.Size)
				}
				if seen[f.PTS] {
					t.Errorf("frame %d repeats time %d", i, f.PTS)
				}
				seen[f.PTS] = true
			}
			// Every time of the source is there, to a tick; B frames come out of order
			// and shift all of them.
			st, first := r.Streams[0], slices.Min(slices.Collect(maps.Keys(seen)))
			for n := range tc.n {
				at := first + int64(math.Round(float64(n)*tc.step*float64(st.Den)/float64(st.Num)))
				if !seen[at-1] && !seen[at] && !seen[at+1] {
					t.Errorf("no frame at %d", at)
				}
			}
		})
	}
}

func TestNUTSkipsUnreadData(t *testing.T) {
	b := run(t, "-f", "lavfi", "-i", "testsrc=s=64x36:r=15:d=1", "-c:v", "rawvideo", "-pix_fmt", "yuv420p", "-f", "nut", "pipe:1")
	r := NewNUTReader(bytes.NewReader(b))
	for n := range 15 {
		f, err := r.Next()
		if den := r.Streams[0].Den / r.Streams[0].Num; err != nil || f.PTS != int64(n)*int64(den)/15 {
			t.Fatalf("frame %d: %+v, %v", n, f, err)
		}
		if err := r.ReadData(make([]byte, f.Size+1)); !errors.Is(err, ErrBadNUT) {
			t.Fatalf("read past the frame: %v", err)
		}
		if err := r.ReadData(make([]byte, n)); err != nil {
			t.Fatal(err)
		}
	}
	for cut := range 200 {
		if _, _, _, err := readAll(b[:cut]); err == nil {
			t.Fatalf("no error after %d bytes", cut)
		}
	}
}

func FuzzNUT(f *testing.F) {
	seeds, err := filepath.Glob(filepath.Join("testdata", "nut", "*.nut"))
	if err != nil || len(seeds) == 0 {
		f.Fatalf("no seeds: %v", err)
	}
	for _, s := range seeds {
		b, err := os.ReadFile(s)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Add([]byte(nutFileID))
	f.Fuzz(func(t *testing.T, b []byte) {
		r := NewNUTReader(bytes.NewReader(b))
		for range 1000 {
			fr, err := r.Next()
			if err != nil {
				return
			}
			if fr.Size < 0 || fr.Size > maxNUTFrame {
				t.Fatalf("frame of %d bytes", fr.Size)
			}
			if err := r.ReadData(make([]byte, min(fr.Size, 1<<16))); err != nil {
				return
			}
		}
	})
}
