// Package live plays programmes out to any number of viewers: as fragmented
// MP4 over WebSocket for the player page, about a frame behind the encoder, and
// as low-latency HLS for phones and CDNs, made only while somebody watches it.
package live

import (
	"errors"
	"log/slog"
	"regexp"
	"sync"
	"time"

	"github.com/meetcast/meetcast/egress/media"
)

// ErrBusy is returned by Publish when the name has a source already.
var ErrBusy = errors.New("the stream has a source already")

// ErrClosed is returned by Publish after Close.
var ErrClosed = errors.New("live playout is closed")

var nameRule = regexp.MustCompile(`^[A-Za-z0-9_-]{1,120}$`)

// Config of a Hub. The zero Config works.
type Config struct {
	// Logger is scoped by the caller; nil discards.
	Logger *slog.Logger
	// MaxViewers over all programmes; 0 does not limit.
	MaxViewers int
	// HLSIdle is how long after the last request HLS goes on being made;
	// default 20 s.
	HLSIdle time.Duration
	// Known tells whether there is a stream of a name, live or not; the others
	// are answered with 404. Nil knows every name.
	Known func(name string) bool
	// WHEP tells whether a programme can be watched over WebRTC now; nil never.
	WHEP func(name string) bool
	// VODs lists the recordings of a stream as URL paths for the description of
	// a programme; may be nil.
	VODs func(name string) []string
	// Changed is told when a programme goes live or offline; it must not block.
	Changed func(name string, live bool)
}

// Hub holds the programmes by name.
type Hub struct {
	cfg Config
	log *slog.Logger
	wg  sync.WaitGroup // viewers and HLS muxers

	mu         sync.Mutex // guards what follows; taken before programme.mu
	closed     bool
	programmes map[string]*programme
	viewers    int
}

// NewHub returns an empty Hub.
func NewHub(cfg Config) *Hub {
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.HLSIdle <= 0 {
		cfg.HLSIdle = 20 * time.Second
	}
	return &Hub{cfg: cfg, log: cfg.Logger, programmes: map[string]*programme{}}
}

// Publish makes a name live until the returned sink is closed. The sink also
// has SetEpoch(time.Time), see Source.
func (h *Hub) Publish(name string) (media.Sink, error) {
	h.mu.Lock()
	if h.closed {
		h.mu.Unlock()
		return nil, ErrClosed
	}
	p := h.getLocked(name)
	s, err := p.attach()
	h.mu.Unlock()
	if err != nil {
		return nil, err
	}
	if h.cfg.Changed != nil {
		h.cfg.Changed(name, true)
	}
	return s, nil
}

// getLocked returns the programme of a name, making it. The caller gives it a
// source or a viewer before it lets the lock go.
func (h *Hub) getLocked(name string) *programme {
	p := h.programmes[name]
	if p == nil {
		p = &programme{hub: h, name: name, log: h.log.With("stream", name), viewers: map[*viewer]struct{}{}}
		h.programmes[name] = p
	}
	return p
}

// tidy forgets a programme that nobody publishes or watches.
func (h *Hub) tidy(p *programme) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.programmes[p.name] == p && p.unused() {
		delete(h.programmes, p.name)
	}
}

// Close sends all viewers away and waits. Sources may still be closed after.
func (h *Hub) Close() error {
	h.mu.Lock()
	h.closed = true
	for _, p := range h.programmes {
		p.dismiss()
	}
	h.mu.Unlock()
	h.wg.Wait()
	return nil
}

// ProgrammeStats is what is going on in one programme.
type ProgrammeStats struct {
	Name       string
	Live       bool
	Viewers    int    // over WebSocket
	HLSViewers int    // different players seen within the last seconds
	Guests     int    // who watch by means of others, see Enter
	Fragments  uint64 // made
	Dropped    uint64 // fragments that slow viewers did not get
}

// Stats lists the programmes.
func (h *Hub) Stats() []ProgrammeStats {
	h.mu.Lock()
	defer h.mu.Unlock()
	list := make([]ProgrammeStats, 0, len(h.programmes))
	for _, p := range h.programmes {
		list = append(list, p.stats())
	}
	return list
}

// Viewers returns how many watch a name, by whatever means.
func (h *Hub) Viewers(name string) int {
	h.mu.Lock()
	defer h.mu.Unlock()
	p := h.programmes[name]
	if p == nil {
		return 0
	}
	return p.stats().all()
}

// all is how many watch, by whatever means.
func (s ProgrammeStats) all() int { return s.Viewers + s.HLSViewers + s.Guests }

// ErrFull is returned by Enter when the server has as many viewers as it may.
var ErrFull = errors.New("as many viewers as the server may have")

// Enter counts one viewer more who watches a programme by other means than ours
// (WHEP), until leave is called; calling it again does nothing.
func (h *Hub) Enter(name string) (leave func(), err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case h.closed:
		return nil, ErrClosed
	case h.cfg.MaxViewers > 0 && h.viewers >= h.cfg.MaxViewers:
		return nil, ErrFull
	}
	h.viewers++
	p := h.getLocked(name)
	p.guest(1)
	var once sync.Once
	return func() {
		once.Do(func() {
			h.mu.Lock()
			h.viewers--
			h.mu.Unlock()
			p.guest(-1)
			h.tidy(p)
		})
	}, nil
}
