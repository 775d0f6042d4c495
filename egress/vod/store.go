// Package vod records broadcasts to disk so that no crash loses more than the
// last second, and serves what was recorded.
//
// While it is recorded, NAME is a fragmented file NAME.part, locked by the
// process that writes it. When it is finished it becomes the fast-start file
// NAME.mp4: written as NAME.tmp, synced, renamed; only then NAME.part goes. So
// at any moment either NAME.part or NAME.mp4 is whole, and Recover can finish
// what a crash has left.
package vod

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"time"
)

// The suffixes of a recording's files.
const (
	partSuffix  = ".part"
	finalSuffix = ".mp4"
	tempSuffix  = ".tmp"
)

// stampFormat ends the name of a recording: when it began, UTC.
const stampFormat = "20060102T150405Z"

// ErrName is returned for a stream name that cannot be part of a file name.
var ErrName = errors.New("stream name has characters outside A-Z a-z 0-9 _ -")

var (
	nameRule  = regexp.MustCompile(`^[A-Za-z0-9_-]{1,160}$`)
	stampRule = regexp.MustCompile(`^(.+)-(\d{8}T\d{6}Z)(?:-\d+)?$`)
)

// Recording is what there is to know about a recording.
type Recording struct {
	Name     string // without suffix; served as /vod/NAME.mp4
	Stream   string
	Started  time.Time
	Duration time.Duration // 0 until finished
	Size     int64         // bytes of the finished file, 0 until then
	// Recovered is true when a crash ended it.
	Recovered bool
	// Err is why it is not finished, or not complete.
	Err error
}

// Catalog is told about recordings; it must not block for long.
type Catalog interface {
	RecordingStarted(Recording)
	RecordingFinished(Recording)
}

// Config of a Store.
type Config struct {
	// Dir is made when it is not there.
	Dir string
	// Catalog may be nil.
	Catalog Catalog
	// Logger is scoped by the caller; nil discards.
	Logger *slog.Logger
	// Now is the wall clock; nil means time.Now.
	Now func() time.Time

	// create opens the file of a new recording; tests make it fail.
	create func(path string) (file, error)
}

// Store is a directory of recordings.
type Store struct {
	cfg  Config
	root *os.Root
	log  *slog.Logger

	mu     sync.Mutex
	active map[string]bool // names being recorded or finalised by this process
	users  sync.WaitGroup
}

// Open makes the directory usable. Call Recover once afterwards.
func Open(cfg Config) (*Store, error) {
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.create == nil {
		cfg.create = createFile
	}
	if err := os.MkdirAll(cfg.Dir, 0o755); err != nil {
		return nil, fmt.Errorf("make recordings folder: %w", err)
	}
	root, err := os.OpenRoot(cfg.Dir)
	if err != nil {
		return nil, fmt.Errorf("open recordings folder: %w", err)
	}
	return &Store{cfg: cfg, root: root, log: cfg.Logger, active: map[string]bool{}}, nil
}

// Close waits for recorders that are being closed and lets go of the directory.
func (s *Store) Close() error {
	s.users.Wait()
	return s.root.Close()
}

func (s *Store) path(name, suffix string) string { return filepath.Join(s.cfg.Dir, name+suffix) }

// reserve finds a name for a recording of stream that no file has.
func (s *Store) reserve(stream string, at time.Time) (string, error) {
	if !nameRule.MatchString(stream) || len(stream) > 120 {
		return "", ErrName
	}
	base := stream + "-" + at.UTC().Format(stampFormat)
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := 1; ; i++ {
		name := base
		if i > 1 {
			name = fmt.Sprintf("%s-%d", base, i)
		}
		if !s.active[name] && s.free(name) {
			s.active[name] = true
			s.users.Add(1)
			return name, nil
		}
	}
}

func (s *Store) free(name string) bool {
	for _, suffix := range []string{partSuffix, finalSuffix} {
		if _, err := s.root.Lstat(name + suffix); !errors.Is(err, fs.ErrNotExist) {
			return false
		}
	}
	return true
}

func (s *Store) release(name string) {
	s.mu.Lock()
	delete(s.active, name)
	s.mu.Unlock()
	s.users.Done()
}

// Active reports whether a recording is being written or finalised here.
func (s *Store) Active(name string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.active[name]
}

// List returns the finished recordings of a stream, oldest first, from the
// directory alone; Duration is not filled in.
func (s *Store) List(stream string) ([]Recording, error) {
	entries, err := os.ReadDir(s.cfg.Dir)
	if err != nil {
		return nil, fmt.Errorf("list recordings: %w", err)
	}
	var list []Recording
	for _, e := range entries {
		name, ok := strings.CutSuffix(e.Name(), finalSuffix)
		if !ok || !e.Type().IsRegular() {
			continue
		}
		r := describe(name)
		if r.Stream != stream {
			continue
		}
		if info, err := e.Info(); err == nil {
			r.Size = info.Size()
		}
		list = append(list, r)
	}
	return list, nil
}

// describe reads stream and start out of a name.
func describe(name string) Recording {
	r := Recording{Name: name}
	if m := stampRule.FindStringSubmatch(name); m != nil {
		r.Stream = m[1]
		r.Started, _ = time.Parse(stampFormat, m[2])
	}
	return r
}

func (s *Store) started(r Recording) {
	if s.cfg.Catalog != nil {
		s.cfg.Catalog.RecordingStarted(r)
	}
}

func (s *Store) finished(r Recording) {
	if s.cfg.Catalog != nil {
		s.cfg.Catalog.RecordingFinished(r)
	}
}
