package live

import (
	"encoding/json"
	"log/slog"
	"reflect"
	"sync"
	"time"

	"github.com/gorilla/websocket"

	"github.com/meetcast/meetcast/egress/media"
	"github.com/meetcast/meetcast/egress/mp4"
)

// What is kept of the current picture group for viewers who join late. An
// encoder with longer groups makes late joiners wait for the next key picture.
const (
	maxGroup      = 20 * time.Second
	maxGroupBytes = 24 << 20
)

// Sound is cut into fragments of its own when no picture comes for so long.
const maxSoundWait = 100 * time.Millisecond

// programme is one name with its source and its viewers.
type programme struct {
	hub  *Hub
	name string
	log  *slog.Logger

	mu     sync.Mutex // guards what follows
	source *Source
	params *media.Params
	gen    *generation
	frag   *mp4.Fragmenter
	clock  clock
	group  []*fragment    // from the newest key picture on
	raw    []media.Sample // the same as samples, for HLS
	weight int            // bytes in group
	newest time.Duration  // end of the newest fragment

	viewers   map[*viewer]struct{}
	guests    int // see Hub.Enter
	hls       *hls
	fragments uint64
	dropped   uint64 // by viewers who have left
}

// generation is what viewers must have before the fragments that follow it.
type generation struct {
	text *websocket.PreparedMessage // {"type":"init", …}
	init *websocket.PreparedMessage // ftyp and moov
	info Info
}

// fragment is what a viewer gets: a piece of media, or the word that the source
// is gone when gen is nil.
type fragment struct {
	gen  *generation
	data *websocket.PreparedMessage
	size int
	key  bool
	at   time.Duration
}

// Source is the sink that feeds a programme: a media.Sink.
type Source struct {
	p    *programme
	once sync.Once
}

var _ media.Sink = (*Source)(nil)

func (p *programme) attach() (*Source, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.source != nil {
		return nil, ErrBusy
	}
	p.source = &Source{p: p}
	p.clock = clock{}
	return p.source, nil
}

// SetEpoch tells the wall time at which media time 0 was captured; without it
// players estimate their latency from when samples arrived here.
func (s *Source) SetEpoch(t time.Time) {
	s.p.mu.Lock()
	defer s.p.mu.Unlock()
	s.p.clock.epoch = t
}

// Begin implements media.Sink.
func (s *Source) Begin(params media.Params) {
	p := s.p
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.params != nil && reflect.DeepEqual(*p.params, params) {
		return
	}
	gen, err := newGeneration(params)
	if err != nil {
		p.log.Error("programme cannot be played out", "error", err)
		p.params, p.gen, p.frag = nil, nil, nil
		return
	}
	p.params, p.gen = &params, gen
	p.frag = mp4.NewFragmenter(params)
	p.dropGroup()
	p.stopHLS()
}

// Write implements media.Sink.
func (s *Source) Write(m media.Sample) {
	p := s.p
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.frag == nil {
		return
	}
	now := time.Now()
	p.clock.sample(m.PTS, now)
	p.keepRaw(m)
	p.frag.Add(m)
	if p.due(m) {
		p.cut()
	}
	p.feedHLS(m, now)
}

// due reports whether to cut: with every picture, since that is the latency.
func (p *programme) due(m media.Sample) bool {
	if m.Kind == media.Video {
		return true
	}
	span, _ := p.frag.Pending()
	if p.params.Video == nil {
		return span >= maxSoundWait/2
	}
	return span >= maxSoundWait
}

func (p *programme) cut() {
	fr, ok, err := p.frag.Cut()
	if err != nil || !ok {
		return
	}
	data, err := websocket.NewPreparedMessage(websocket.BinaryMessage, fr.Data)
	if err != nil {
		return
	}
	f := &fragment{gen: p.gen, data: data, size: len(fr.Data), key: fr.Key, at: fr.Start}
	p.newest = fr.End
	p.fragments++
	p.keep(f)
	for v := range p.viewers {
		v.push(f)
	}
}

// keep adds f to the picture group for late joiners.
func (p *programme) keep(f *fragment) {
	if f.key {
		p.group, p.weight = nil, 0
	} else if len(p.group) == 0 {
		return // no key picture to start from
	}
	p.group = append(p.group, f)
	p.weight += f.size
	if p.weight > maxGroupBytes || f.at-p.group[0].at > maxGroup {
		p.dropGroup()
	}
}

func (p *programme) keepRaw(m media.Sample) {
	entry := m.Kind == media.Video && m.Key || p.params.Video == nil
	switch {
	case entry:
		p.raw = append(p.raw[:0:0], m)
	case len(p.raw) > 0:
		p.raw = append(p.raw, m)
	}
}

func (p *programme) dropGroup() { p.group, p.raw, p.weight = nil, nil, 0 }

// Close implements media.Sink: the programme goes offline, its viewers stay.
func (s *Source) Close() error {
	s.once.Do(func() {
		p := s.p
		p.mu.Lock()
		p.source, p.params, p.gen, p.frag = nil, nil, nil, nil
		p.dropGroup()
		for v := range p.viewers {
			v.push(&fragment{key: true})
		}
		p.stopHLS()
		p.mu.Unlock()
		if p.hub.cfg.Changed != nil {
			p.hub.cfg.Changed(p.name, false)
		}
		p.hub.tidy(p)
	})
	return nil
}

func (p *programme) unused() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.source == nil && len(p.viewers) == 0 && p.guests == 0
}

// guest counts who watches by other means.
func (p *programme) guest(n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.guests += n
}

// dismiss ends viewers and HLS.
func (p *programme) dismiss() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for v := range p.viewers {
		v.cancel()
	}
	p.stopHLS()
}

// join adds a viewer and gives it the current picture group. Nothing comes
// between that and what is pushed from now on.
func (p *programme) join(v *viewer) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.viewers[v] = struct{}{}
	v.backlog = append(v.backlog, p.group...)
	if len(p.group) > 0 {
		v.queue.Prime()
	}
	if p.source == nil {
		v.backlog = append(v.backlog, &fragment{key: true})
	}
}

func (p *programme) leave(v *viewer) {
	_, _, _, dropped := v.queue.Stats()
	p.mu.Lock()
	delete(p.viewers, v)
	p.dropped += dropped
	p.mu.Unlock()
	p.hub.tidy(p)
}

func (p *programme) stats() ProgrammeStats {
	p.mu.Lock()
	defer p.mu.Unlock()
	st := ProgrammeStats{Name: p.name, Live: p.gen != nil, Viewers: len(p.viewers), Guests: p.guests, Fragments: p.fragments, Dropped: p.dropped}
	for v := range p.viewers {
		_, _, _, dropped := v.queue.Stats()
		st.Dropped += dropped
	}
	if p.hls != nil {
		st.HLSViewers = p.hls.viewers()
	}
	return st
}

// now returns the newest media time and the wall time at which it was captured.
func (p *programme) now() (m time.Duration, at time.Time, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.gen == nil {
		return 0, time.Time{}, false
	}
	at, ok = p.clock.wall(p.newest)
	return p.newest, at, ok
}

// newGeneration prepares what each viewer gets first.
func newGeneration(params media.Params) (*generation, error) {
	init, err := mp4.Init(params)
	if err != nil {
		return nil, err
	}
	g := &generation{info: describe(params)}
	msg := struct {
		Type   string `json:"type"`
		Codecs string `json:"codecs"`
		Width  int    `json:"width"`
		Height int    `json:"height"`
		FPS    int    `json:"fps"`
	}{Type: "init", Codecs: mp4.Codecs(params)}
	if v := params.Video; v != nil {
		msg.Width, msg.Height, msg.FPS = v.Width, v.Height, v.FPS
	}
	text, err := json.Marshal(msg)
	if err != nil {
		return nil, err
	}
	if g.text, err = websocket.NewPreparedMessage(websocket.TextMessage, text); err != nil {
		return nil, err
	}
	g.init, err = websocket.NewPreparedMessage(websocket.BinaryMessage, init)
	return g, err
}
