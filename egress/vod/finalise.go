package vod

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/meetcast/meetcast/egress/mp4"
)

// finalise turns NAME.part into NAME.mp4. On any error NAME.part stays.
func (s *Store) finalise(name string) (Recording, error) {
	r := describe(name)
	part, err := os.Open(s.path(name, partSuffix))
	if err != nil {
		return r, fmt.Errorf("open recording: %w", err)
	}
	defer part.Close()
	info, err := part.Stat()
	if err != nil {
		return r, fmt.Errorf("open recording: %w", err)
	}
	index, err := mp4.Scan(part, info.Size())
	if err != nil {
		return r, fmt.Errorf("read recording: %w", err)
	}
	r.Duration = index.Duration()
	if r.Size, err = s.write(name, index, part); err != nil {
		_ = os.Remove(s.path(name, tempSuffix))
		return r, err
	}
	if err := s.commit(name); err != nil {
		return r, err
	}
	return r, nil
}

// write writes the finished file under its temporary name, down to the disk.
func (s *Store) write(name string, index *mp4.Index, part *os.File) (int64, error) {
	f, err := os.OpenFile(s.path(name, tempSuffix), os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o644)
	if err != nil {
		return 0, fmt.Errorf("create finished recording: %w", err)
	}
	n, err := index.WriteTo(f, part)
	if err == nil {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return 0, fmt.Errorf("write finished recording: %w", err)
	}
	return n, nil
}

// commit gives the finished file its name, and then removes the fragments.
func (s *Store) commit(name string) error {
	if _, err := os.Lstat(s.path(name, finalSuffix)); !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("name finished recording: %w", fs.ErrExist)
	}
	if err := os.Rename(s.path(name, tempSuffix), s.path(name, finalSuffix)); err != nil {
		return fmt.Errorf("name finished recording: %w", err)
	}
	if err := syncDir(s.cfg.Dir); err != nil {
		return fmt.Errorf("sync recordings folder: %w", err)
	}
	if err := os.Remove(s.path(name, partSuffix)); err != nil {
		return fmt.Errorf("remove fragments: %w", err)
	}
	return nil
}

func syncDir(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

// Recover finishes the recordings that a crash has left behind and returns
// them. Recordings that another process is writing are left alone. It goes on
// after an error; what could not be finished is kept for the next time.
func (s *Store) Recover(ctx context.Context) ([]Recording, error) {
	entries, err := os.ReadDir(s.cfg.Dir)
	if err != nil {
		return nil, fmt.Errorf("look for unfinished recordings: %w", err)
	}
	var (
		done []Recording
		errs []error
	)
	for _, e := range entries {
		if ctx.Err() != nil {
			return done, errors.Join(append(errs, ctx.Err())...)
		}
		name, ok := strings.CutSuffix(e.Name(), partSuffix)
		if !ok || !e.Type().IsRegular() || !nameRule.MatchString(name) {
			continue
		}
		r, ok, err := s.recover(name)
		if err != nil {
			r.Err = err
			errs = append(errs, fmt.Errorf("recover %s: %w", name, err))
			s.log.Error("recording not recovered", "recording", name, "error", err)
		}
		if ok {
			s.finished(r)
			done = append(done, r)
		}
	}
	return done, errors.Join(errs...)
}

// recover finishes one recording; false when there is nothing to tell about it.
func (s *Store) recover(name string) (Recording, bool, error) {
	s.mu.Lock()
	if s.active[name] {
		s.mu.Unlock()
		return Recording{}, false, nil
	}
	s.active[name] = true
	s.users.Add(1)
	s.mu.Unlock()
	defer s.release(name)

	f, err := os.OpenFile(s.path(name, partSuffix), os.O_RDWR, 0)
	if err != nil {
		return describe(name), true, err
	}
	defer f.Close()
	if !lock(f) {
		return Recording{}, false, nil
	}
	if _, err := os.Lstat(s.path(name, finalSuffix)); err == nil {
		// The crash came between rename and remove: the finished file is whole.
		return Recording{}, false, os.Remove(s.path(name, partSuffix))
	}
	r, err := s.finalise(name)
	r.Recovered = true
	if errors.Is(err, mp4.ErrEmpty) {
		s.log.Warn("unfinished recording holds nothing", "recording", name)
		r.Err = err
		return r, true, os.Remove(s.path(name, partSuffix))
	}
	if err == nil {
		s.log.Info("recording recovered", "recording", name, "duration", r.Duration)
	}
	return r, true, err
}
