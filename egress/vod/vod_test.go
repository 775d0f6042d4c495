package vod

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/meetcast/meetcast/egress/media"
	"github.com/meetcast/meetcast/egress/media/mediatest"
	"github.com/meetcast/meetcast/egress/mp4"
	"github.com/meetcast/meetcast/internal/unittest"
)

// childEnv makes the test binary record until it is killed.
const childEnv = "MEETCAST_VOD_TEST_CHILD"

func TestMain(m *testing.M) {
	if dir := os.Getenv(childEnv); dir != "" {
		recordForever(dir)
		return
	}
	goleak.VerifyTestMain(m)
}

type catalog struct {
	mu                sync.Mutex
	started, finished []Recording
}

func (c *catalog) RecordingStarted(r Recording) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.started = append(c.started, r)
}

func (c *catalog) RecordingFinished(r Recording) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.finished = append(c.finished, r)
}

func open(t testing.TB, cfg Config) (*Store, *catalog) {
	t.Helper()
	c := &catalog{}
	if cfg.Dir == "" {
		cfg.Dir = filepath.Join(t.TempDir(), "vod")
	}
	cfg.Catalog = c
	s, err := Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s, c
}

func recorder(t testing.TB, s *Store, stream string) *Recorder {
	t.Helper()
	r, err := s.NewRecorder(stream, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close() })
	return r
}

func write(r *Recorder, p media.Params, samples []media.Sample) {
	r.Begin(p)
	for _, s := range samples {
		r.Write(s)
	}
}

func files(t testing.TB, s *Store) []string {
	t.Helper()
	entries, err := os.ReadDir(s.cfg.Dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func TestRecordAndFinish(t *testing.T) {
	at := time.Date(2026, 11, 22, 13, 4, 5, 0, time.UTC)
	s, c := open(t, Config{Now: func() time.Time { return at }})
	p, samples := mediatest.Programme(t, mediatest.Config{})
	r := recorder(t, s, "abcde-fghij")
	if r.File() != "abcde-fghij-20261122T130405Z.mp4" {
		t.Fatalf("file %q", r.File())
	}
	write(r, p, samples)
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	if got := files(t, s); !slices.Equal(got, []string{r.File()}) {
		t.Fatalf("folder holds %v", got)
	}
	path := filepath.Join(s.cfg.Dir, r.File())
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got := mediatest.Boxes(b); !slices.Equal(got, []string{"ftyp", "moov", "mdat"}) {
		t.Errorf("boxes %v", got)
	}
	if _, seconds := mediatest.Probe(t, path); math.Abs(seconds-4) > 0.1 {
		t.Errorf("%.3f s", seconds)
	}
	if st := r.Status(); st.State != Finished || st.Err != nil || st.Dropped > 2 {
		t.Errorf("%+v", st)
	}
	if len(c.started) != 1 || len(c.finished) != 1 {
		t.Fatalf("catalogue: %+v", c)
	}
	f := c.finished[0]
	if f.Stream != "abcde-fghij" || f.Size != int64(len(b)) || !f.Started.Equal(at) || f.Err != nil || math.Abs(f.Duration.Seconds()-4) > 0.1 {
		t.Errorf("catalogue got %+v", f)
	}
	list, err := s.List("abcde-fghij")
	if err != nil || len(list) != 1 || list[0].Size != f.Size {
		t.Errorf("list %+v, %v", list, err)
	}
	// The same second, the same stream: another name.
	if again := recorder(t, s, "abcde-fghij"); again.File() == r.File() {
		t.Error("name used twice")
	}
}

func TestNothingRecorded(t *testing.T) {
	s, _ := open(t, Config{})
	r := recorder(t, s, "empty")
	if err := r.Close(); !errors.Is(err, mp4.ErrEmpty) {
		t.Fatalf("Close: %v", err)
	}
	if got := files(t, s); len(got) > 0 {
		t.Fatalf("left behind: %v", got)
	}
	if _, err := s.NewRecorder("../etc", nil); !errors.Is(err, ErrName) {
		t.Fatalf("bad name: %v", err)
	}
}

func TestFragmentsReachTheDiskWhileRecording(t *testing.T) {
	s, _ := open(t, Config{})
	p, samples := mediatest.Programme(t, mediatest.Config{})
	r := recorder(t, s, "live")
	half := slices.IndexFunc(samples, func(s media.Sample) bool { return s.DTS >= 2*time.Second })
	write(r, p, samples[:half])
	// No more media comes; all that was written must reach the disk.
	part := filepath.Join(s.cfg.Dir, strings.TrimSuffix(r.File(), finalSuffix)+partSuffix)
	unittest.Until(t, "two seconds are on disk", func() bool {
		f, err := os.Open(part)
		if err != nil {
			return false
		}
		defer f.Close()
		info, _ := f.Stat()
		x, err := mp4.Scan(f, info.Size())
		return err == nil && x.Duration() > 1900*time.Millisecond && !r.Status().Synced.IsZero()
	})
}

func TestEncoderRestart(t *testing.T) {
	s, _ := open(t, Config{})
	p1, s1 := mediatest.Programme(t, mediatest.Config{Seconds: 2})
	p2, s2 := mediatest.Programme(t, mediatest.Config{Seconds: 2, Width: 192, Height: 144})
	p3, s3 := mediatest.Programme(t, mediatest.Config{Seconds: 2, NoAudio: true})
	t.Run("other picture: the same file", func(t *testing.T) {
		r := recorder(t, s, "picture")
		write(r, p1, s1)
		write(r, p2, mediatest.Shift(s2, 2100*time.Millisecond))
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
		if got := mediatest.Decode(t, filepath.Join(s.cfg.Dir, r.File())); got != 60 {
			t.Errorf("%d pictures, want 60", got)
		}
	})
	t.Run("other tracks: a second file", func(t *testing.T) {
		r := recorder(t, s, "tracks")
		write(r, p1, s1)
		write(r, p3, mediatest.Shift(s3, 2100*time.Millisecond))
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
		list, err := s.List("tracks")
		if err != nil || len(list) != 2 {
			t.Fatalf("%+v, %v", list, err)
		}
		for _, l := range list {
			if got := mediatest.Decode(t, filepath.Join(s.cfg.Dir, l.Name+finalSuffix)); got != 30 {
				t.Errorf("%s: %d pictures, want 30", l.Name, got)
			}
		}
	})
}

// fullDisk fails after some bytes, in the middle of a write, as a disk does.
type fullDisk struct {
	file
	left int
}

func (f *fullDisk) Write(b []byte) (int, error) {
	if len(b) <= f.left {
		f.left -= len(b)
		return f.file.Write(b)
	}
	n, _ := f.file.Write(b[:f.left])
	f.left = 0
	return n, &os.PathError{Op: "write", Path: "x", Err: syscall.ENOSPC}
}

func TestDiskFull(t *testing.T) {
	s, c := open(t, Config{create: func(path string) (file, error) {
		f, err := createFile(path)
		return &fullDisk{f, 60_000}, err
	}})
	p, samples := mediatest.Programme(t, mediatest.Config{})
	var mu sync.Mutex
	var alarms []error
	r, err := s.NewRecorder("full", func(st Status) {
		mu.Lock()
		defer mu.Unlock()
		if st.Err != nil {
			alarms = append(alarms, st.Err)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	write(r, p, samples)
	unittest.Until(t, "the alarm is given", func() bool { return r.Err() != nil })
	if st := r.Status(); st.State != Failed || !strings.Contains(st.Err.Error(), "disk is full") {
		t.Fatalf("%+v", st)
	}
	write(r, p, mediatest.Shift(samples, 4*time.Second)) // the show goes on
	if err := r.Close(); !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("Close: %v", err)
	}
	mu.Lock()
	if len(alarms) == 0 {
		t.Error("no alarm")
	}
	mu.Unlock()
	if got := mediatest.Decode(t, filepath.Join(s.cfg.Dir, r.File())); got < 10 || got >= 60 {
		t.Errorf("%d pictures kept", got)
	}
	if len(c.finished) != 1 || c.finished[0].Err == nil || c.finished[0].Size == 0 {
		t.Errorf("catalogue: %+v", c.finished)
	}
}

// recordForever is the child of TestKill: it records in real time and says how
// far the disk has it.
func recordForever(dir string) {
	s, err := Open(Config{Dir: dir})
	if err != nil {
		panic(err)
	}
	r, err := s.NewRecorder("killed", nil)
	if err != nil {
		panic(err)
	}
	p, samples, err := loadProgramme(filepath.Join(dir, "..", "programme"))
	if err != nil {
		panic(err)
	}
	r.Begin(p)
	began := time.Now()
	for round := 0; ; round++ {
		for _, smp := range mediatest.Shift(samples, time.Duration(round)*4*time.Second) {
			time.Sleep(time.Until(began.Add(smp.DTS)))
			r.Write(smp)
			fmt.Println(smp.DTS.Milliseconds())
		}
	}
}

func TestKill(t *testing.T) {
	root := t.TempDir()
	dir := filepath.Join(root, "vod")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	p, samples := mediatest.Programme(t, mediatest.Config{})
	if err := saveProgramme(filepath.Join(root, "programme"), p, samples); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childEnv+"="+dir)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	written := 0
	for lines := bufio.NewScanner(out); written < 3300 && lines.Scan(); {
		if _, err := fmt.Sscan(lines.Text(), &written); err != nil {
			t.Fatalf("child: %q", lines.Text())
		}
	}
	// While it lives, nobody else may touch its recording.
	s, c := open(t, Config{Dir: dir})
	if got, err := s.Recover(context.Background()); len(got) > 0 || err != nil {
		t.Fatalf("recovered a running recording: %+v, %v", got, err)
	}
	_ = cmd.Process.Signal(syscall.SIGKILL)
	_ = cmd.Wait()

	got, err := s.Recover(context.Background())
	if err != nil || len(got) != 1 || !got[0].Recovered || got[0].Stream != "killed" {
		t.Fatalf("%+v, %v", got, err)
	}
	if len(c.finished) != 1 {
		t.Errorf("catalogue: %+v", c.finished)
	}
	path := filepath.Join(dir, got[0].Name+finalSuffix)
	_, seconds := mediatest.Probe(t, path)
	if lost := float64(written)/1000 - seconds; lost > 1 {
		t.Errorf("%.3f s of %d ms kept", seconds, written)
	}
	if n := mediatest.Decode(t, path); n < 30 {
		t.Errorf("%d pictures", n)
	}
	if left := files(t, s); !slices.Equal(left, []string{got[0].Name + finalSuffix}) {
		t.Errorf("left behind: %v", left)
	}
}

func TestRecoverAfterAnyCrash(t *testing.T) {
	p, samples := mediatest.Programme(t, mediatest.Config{})
	init, err := mp4.Init(p)
	if err != nil {
		t.Fatal(err)
	}
	f := mp4.NewFragmenter(p)
	for _, s := range samples {
		f.Add(s)
	}
	fr, _, err := f.Cut()
	if err != nil {
		t.Fatal(err)
	}
	whole := append(init, fr.Data...)
	const name = "crash-20261122T130405Z"
	tests := []struct {
		name  string
		files map[string][]byte
		want  []string
		told  int
	}{
		{"half a fragment behind a whole one", map[string][]byte{".part": append(bytes.Clone(whole), whole[len(init):len(whole)-9]...)}, []string{name + ".mp4"}, 1},
		{"finished file half written", map[string][]byte{".part": whole, ".tmp": whole[:100]}, []string{name + ".mp4"}, 1},
		{"finished, fragments not yet removed", map[string][]byte{".part": whole, ".mp4": []byte("finished")}, []string{name + ".mp4"}, 0},
		{"nothing whole", map[string][]byte{".part": whole[:len(init)+20]}, nil, 1},
		{"empty", map[string][]byte{".part": nil}, nil, 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s, c := open(t, Config{})
			for suffix, b := range tt.files {
				if err := os.WriteFile(s.path(name, suffix), b, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if _, err := s.Recover(context.Background()); err != nil {
				t.Fatal(err)
			}
			if got := files(t, s); !slices.Equal(got, tt.want) {
				t.Errorf("folder holds %v, want %v", got, tt.want)
			}
			if len(c.finished) != tt.told {
				t.Errorf("catalogue: %+v", c.finished)
			}
			if b := tt.files[".mp4"]; b != nil {
				if got, _ := os.ReadFile(s.path(name, ".mp4")); !bytes.Equal(got, b) {
					t.Error("finished file was overwritten")
				}
			}
		})
	}
}
