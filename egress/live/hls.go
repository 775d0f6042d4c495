package live

import (
	"log/slog"
	"net"
	"net/http"
	"path"
	"sync"
	"time"

	"github.com/bluenviron/gohlslib/v2"
	"github.com/bluenviron/gohlslib/v2/pkg/codecs"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h264"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/mpeg4audio"

	"github.com/meetcast/meetcast/egress/media"
	"github.com/meetcast/meetcast/egress/mp4"
	"github.com/meetcast/meetcast/internal/httpjson"
	"github.com/meetcast/meetcast/internal/keyqueue"
)

const (
	hlsSegment  = time.Second
	hlsPart     = 200 * time.Millisecond
	hlsSegments = 7
	// hlsMaxSegment bounds what an encoder without key pictures can pile up.
	hlsMaxSegment = 32 << 20
	// hlsWaiting bounds the requests that wait for the next part.
	hlsWaiting = 512
	// An HLS player that asked within hlsSeen counts as a viewer.
	hlsSeen     = 8 * time.Second
	hlsSessions = 4096
)

// hls makes the low-latency HLS of one generation of a programme while
// somebody asks for it.
type hls struct {
	mux          *gohlslib.Muxer
	video, audio *gohlslib.Track
	params       *media.Params
	log          *slog.Logger
	queue        *keyqueue.Queue[hlsSample]
	slots        chan struct{}

	mu      sync.Mutex // guards what follows
	asked   time.Time  // when the last request came or was answered
	waiting int        // requests under way
	players map[string]time.Time
}

type hlsSample struct {
	media.Sample
	wall time.Time
}

// startHLS returns the muxer of the programme, making it from the current
// picture group on; nil when the programme is offline.
func (p *programme) startHLS() *hls {
	p.hub.mu.Lock()
	defer p.hub.mu.Unlock()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.gen == nil || p.hub.closed {
		return nil
	}
	if p.hls != nil {
		return p.hls
	}
	m, err := newHLS(p.params, p.log)
	if err != nil {
		p.log.Error("hls not started", "error", err)
		return nil
	}
	p.hls = m
	now := time.Now()
	for _, s := range p.raw {
		p.feedHLS(s, now)
	}
	p.hub.wg.Go(m.run)
	return m
}

// stopHLS ends the muxer; it lets go of its requests by itself.
func (p *programme) stopHLS() {
	if p.hls != nil {
		p.hls.queue.Close()
		p.hls = nil
	}
}

// feedHLS passes a sample to the muxer and ends one that nobody asks.
func (p *programme) feedHLS(s media.Sample, now time.Time) {
	if p.hls == nil {
		return
	}
	if p.hls.idle(now) >= p.hub.cfg.HLSIdle || p.hls.queue.Closed() { // closed: it failed
		p.stopHLS()
		return
	}
	wall, ok := p.clock.wall(s.PTS)
	if !ok {
		wall = now
	}
	entry := s.Kind == media.Video && s.Key || p.params.Video == nil
	p.hls.queue.Push(hlsSample{s, wall}, keyqueue.Meta{Entry: entry, Bytes: len(s.Data), At: s.DTS})
}

func newHLS(p *media.Params, log *slog.Logger) (*hls, error) {
	m := &hls{
		params: p, log: log, asked: time.Now(), players: map[string]time.Time{},
		slots: make(chan struct{}, hlsWaiting),
		queue: keyqueue.New[hlsSample](keyqueue.Limits{Span: maxGroup + 5*time.Second, Bytes: 2 * maxGroupBytes}),
	}
	var tracks []*gohlslib.Track
	if v := p.Video; v != nil {
		m.video = &gohlslib.Track{Codec: &codecs.H264{SPS: v.SPS, PPS: v.PPS}, ClockRate: mp4.VideoScale}
		tracks = append(tracks, m.video)
	}
	if a := p.Audio; a != nil {
		var config mpeg4audio.AudioSpecificConfig
		if err := config.Unmarshal(a.Config); err != nil {
			return nil, err
		}
		m.audio = &gohlslib.Track{Codec: &codecs.MPEG4Audio{Config: config}, ClockRate: a.SampleRate, IsDefault: true}
		tracks = append(tracks, m.audio)
	}
	m.mux = &gohlslib.Muxer{
		Variant: gohlslib.MuxerVariantLowLatency, Tracks: tracks,
		SegmentCount: hlsSegments, SegmentMinDuration: hlsSegment, PartMinDuration: hlsPart,
		SegmentMaxSize: hlsMaxSegment,
		OnEncodeError:  func(err error) { log.Warn("hls", "error", err) },
	}
	return m, m.mux.Start()
}

// run moves samples into the muxer, which is closed behind the last.
func (m *hls) run() {
	defer m.mux.Close()
	timeline := mp4.NewTimeline(*m.params)
	for !m.queue.Closed() {
		s, ok := m.queue.TryPop()
		if !ok {
			<-m.queue.Wake()
			continue
		}
		if err := m.write(timeline, s); err != nil {
			m.log.Warn("hls stopped", "error", err)
			m.queue.Close()
			m.queue.Starve()
			return
		}
	}
}

func (m *hls) write(t *mp4.Timeline, s hlsSample) error {
	stamp, ok := t.At(s.Sample)
	if !ok {
		return nil
	}
	if s.Kind == media.Audio {
		return m.mux.WriteMPEG4Audio(m.audio, s.wall, stamp.PTS, [][]byte{s.Data})
	}
	var au h264.AVCC
	if err := au.Unmarshal(s.Data); err != nil {
		return nil // the source has checked it: cannot be
	}
	if s.Key {
		au = append(h264.AVCC{m.params.Video.SPS, m.params.Video.PPS}, au...)
	}
	return m.mux.WriteH264(m.video, s.wall, stamp.PTS, au)
}

func (m *hls) idle(now time.Time) time.Duration {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.waiting > 0 {
		return 0
	}
	return now.Sub(m.asked)
}

// seen takes note of a request and of who made it.
func (m *hls) seen(r *http.Request) {
	host, _, _ := net.SplitHostPort(r.RemoteAddr)
	who := host + " " + r.UserAgent()
	m.mu.Lock()
	defer m.mu.Unlock()
	m.asked = time.Now()
	m.waiting++
	if _, known := m.players[who]; !known && len(m.players) >= hlsSessions {
		return
	}
	m.players[who] = m.asked
}

// answered takes note that a request is done.
func (m *hls) answered() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.asked = time.Now()
	m.waiting--
}

// viewers counts the players seen lately and forgets the others.
func (m *hls) viewers() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	for who, at := range m.players {
		if time.Since(at) > hlsSeen {
			delete(m.players, who)
		}
	}
	return len(m.players)
}

// serve answers one request; the muxer may let it wait for the next part.
func (m *hls) serve(w http.ResponseWriter, r *http.Request) {
	select {
	case m.slots <- struct{}{}:
		defer func() { <-m.slots }()
	default:
		httpjson.Error(w, http.StatusServiceUnavailable, "too many viewers", "This server cannot take more viewers now. Try again later.")
		return
	}
	m.seen(r)
	defer m.answered()
	out := &answer{ResponseWriter: w}
	r = r.Clone(r.Context())
	r.URL.Path = path.Base(r.URL.Path)
	m.mux.Handle(out, r)
	if !out.done {
		httpjson.Error(w, http.StatusNotFound, "not found", "This part of the stream is not there (any more).")
	}
}

// answer notices whether a handler has answered at all.
type answer struct {
	http.ResponseWriter
	done bool
}

func (a *answer) WriteHeader(code int) {
	a.done = true
	a.ResponseWriter.WriteHeader(code)
}

func (a *answer) Write(b []byte) (int, error) {
	a.done = true
	return a.ResponseWriter.Write(b)
}

func (a *answer) Unwrap() http.ResponseWriter { return a.ResponseWriter }
