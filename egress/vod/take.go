package vod

import (
	"fmt"
	"os"
	"reflect"
	"sync"
	"time"

	"github.com/meetcast/meetcast/egress/media"
	"github.com/meetcast/meetcast/egress/mp4"
)

// file is what a recording needs of an *os.File.
type file interface {
	Write([]byte) (int, error)
	Truncate(size int64) error
	DataSync() error
	Close() error
}

type osFile struct{ *os.File }

func (f osFile) DataSync() error { return dataSync(f.File) }

// createFile makes the file of a new recording; it never overwrites.
func createFile(path string) (file, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL|os.O_APPEND, 0o644)
	if err != nil {
		return nil, err
	}
	if !lock(f) {
		_ = f.Close()
		return nil, fmt.Errorf("lock %s: already locked", path)
	}
	return osFile{f}, nil
}

// take is one file of a recording: the recorder starts another when the sound
// changes its format, which one MP4 cannot express.
type take struct {
	name    string
	started time.Time
	f       file
	params  *media.Params
	frag    *mp4.Fragmenter
	whole   int64 // bytes up to the end of the last whole fragment
	cutAt   time.Time

	dirty  chan struct{} // one token when there is something to sync
	synced sync.WaitGroup
	onSync func(error)
}

func newTake(f file, name string, started time.Time, onSync func(error)) *take {
	t := &take{name: name, started: started, f: f, dirty: make(chan struct{}, 1), onSync: onSync}
	t.synced.Add(1)
	go t.syncLoop()
	return t
}

// syncLoop brings fragments to the disk beside the writing, so that a slow disk
// delays the sync and not the next fragment.
func (t *take) syncLoop() {
	defer t.synced.Done()
	for range t.dirty {
		t.onSync(t.f.DataSync())
	}
}

// accepts reports whether samples with params p can go into this take.
func (t *take) accepts(p *media.Params) bool {
	return t.params == nil || t.params == p ||
		(reflect.DeepEqual(t.params.Audio, p.Audio) && (t.params.Video == nil) == (p.Video == nil))
}

// begin writes the init segment, or takes note of changed parameter sets.
func (t *take) begin(p *media.Params) error {
	if t.params == nil {
		init, err := mp4.Init(*p)
		if err != nil {
			return err
		}
		t.params, t.frag = p, mp4.NewFragmenter(*p)
		return t.append(init)
	}
	if p.Video != nil && !reflect.DeepEqual(t.params.Video, p.Video) {
		t.frag.InBand(*p.Video)
	}
	t.params = p
	return nil
}

// cut writes a fragment of all samples that wait.
func (t *take) cut(now time.Time) error {
	if t.frag == nil {
		return nil
	}
	fr, ok, err := t.frag.Cut()
	if err != nil || !ok {
		return err
	}
	t.cutAt = now
	return t.append(fr.Data)
}

// append writes b whole or not at all.
func (t *take) append(b []byte) error {
	if _, err := t.f.Write(b); err != nil {
		_ = t.f.Truncate(t.whole)
		return fmt.Errorf("write recording: %w", err)
	}
	t.whole += int64(len(b))
	select {
	case t.dirty <- struct{}{}:
	default:
	}
	return nil
}

// close stops the syncing and closes the file.
func (t *take) close() error {
	close(t.dirty)
	t.synced.Wait()
	err := t.f.DataSync()
	if cerr := t.f.Close(); err == nil {
		err = cerr
	}
	return err
}
