package loadtest

import (
	"bytes"
	"context"
	"encoding/json"
	"math"
	"sync"
	"time"

	"github.com/bluenviron/mediacommon/v2/pkg/formats/fmp4"
	"github.com/bluenviron/mediacommon/v2/pkg/formats/mp4/codecs"
	"github.com/gorilla/websocket"

	"github.com/meetcast/meetcast/internal/botclient"
)

const (
	playoutProtocol = "meetcast.playout.v1"
	// redial is the pause before the playout is asked for again.
	redial = 50 * time.Millisecond
	// tolerated is how far two fragments of a track may be apart, seconds.
	tolerated = 0.05
)

// pictures is a viewer over WebSocket (docs/protocol.md, the playout WebSocket).
// It reads times out of the fragments and decodes nothing.
type pictures struct {
	began time.Time
	first chan struct{} // closed at the first picture
	once  sync.Once

	// Owned by watch, read after it has ended.
	start    time.Duration
	latency  botclient.Histogram
	count    int
	gaps     int
	silence  time.Duration
	apart    botclient.Histogram
	last     time.Time
	tracks   map[int]*fmp4Track
	video    int           // its track
	captured time.Duration // Unix time of media second zero, by the server's clock
	clock    bool
	offset   time.Duration // the server's clock minus ours
	trip     time.Duration // of the best ping so far
}

type fmp4Track struct {
	scale float64
	end   float64 // seconds, of the last fragment; negative: none yet
}

func newPictures(began time.Time) *pictures {
	return &pictures{began: began, first: make(chan struct{}), trip: math.MaxInt64}
}

// watch connects, again and again, until the context ends.
func (p *pictures) watch(ctx context.Context, address string) {
	for ctx.Err() == nil {
		d := websocket.Dialer{Subprotocols: []string{playoutProtocol}, HandshakeTimeout: 5 * time.Second}
		conn, _, err := d.DialContext(ctx, address, nil)
		if err == nil {
			p.read(ctx, conn)
		}
		wait(ctx, redial)
	}
}

func (p *pictures) read(ctx context.Context, conn *websocket.Conn) {
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	conn.SetReadLimit(64 << 20)
	init := false
	for {
		kind, data, err := conn.ReadMessage()
		if err != nil {
			return
		}
		now := time.Now()
		switch {
		case kind == websocket.TextMessage:
			init = p.text(conn, data, now) || init
		case init:
			init = false
			p.init(data)
		default:
			p.fragment(data, now)
		}
	}
}

// text takes a message; true means that an init segment follows.
func (p *pictures) text(conn *websocket.Conn, data []byte, now time.Time) bool {
	var m struct {
		Type  string  `json:"type"`
		Media float64 `json:"media"`
		At    float64 `json:"at"`
		T     float64 `json:"t"`
	}
	if json.Unmarshal(data, &m) != nil {
		return false
	}
	at := time.Duration(m.At * float64(time.Millisecond))
	switch m.Type {
	case "init":
		p.clock = false
		return true
	case "clock":
		p.captured, p.clock = at-seconds(m.Media), true
		_ = conn.WriteJSON(map[string]any{"type": "ping", "t": millis(now.Sub(p.began))})
	case "pong":
		sent := p.began.Add(time.Duration(m.T * float64(time.Millisecond)))
		if trip := now.Sub(sent); trip < p.trip {
			p.trip = trip
			p.offset = at - time.Duration(sent.Add(trip/2).UnixNano())
		}
	}
	return false
}

func (p *pictures) init(data []byte) {
	var in fmp4.Init
	p.tracks, p.video = map[int]*fmp4Track{}, 0
	if in.Unmarshal(bytes.NewReader(data)) != nil {
		return
	}
	for _, t := range in.Tracks {
		p.tracks[t.ID] = &fmp4Track{scale: float64(t.TimeScale), end: -1}
		if _, ok := t.Codec.(*codecs.H264); ok {
			p.video = t.ID
		}
	}
}

func (p *pictures) fragment(data []byte, now time.Time) {
	var parts fmp4.Parts
	if parts.Unmarshal(data) != nil {
		return
	}
	if p.count > 0 {
		p.silence = max(p.silence, now.Sub(p.last))
	}
	p.last = now
	p.count++
	for _, part := range parts {
		for _, t := range part.Tracks {
			p.track(t, now)
		}
	}
	p.compare()
}

func (p *pictures) track(t *fmp4.PartTrack, now time.Time) {
	track := p.tracks[t.ID]
	if track == nil || track.scale == 0 || len(t.Samples) == 0 {
		return
	}
	begin := float64(t.BaseTime) / track.scale
	if track.end >= 0 && math.Abs(begin-track.end) > tolerated {
		p.gaps++
	}
	length := uint64(0)
	for _, s := range t.Samples {
		length += uint64(s.Duration)
	}
	track.end = begin + float64(length)/track.scale
	if t.ID != p.video {
		return
	}
	p.once.Do(func() {
		p.start = now.Sub(p.began)
		close(p.first)
	})
	if p.clock {
		here := time.Duration(now.UnixNano()) + p.offset
		p.latency.Add(max(here-p.captured-seconds(track.end), 0))
	}
}

// compare looks at the ends of the tracks.
func (p *pictures) compare() {
	low, high := math.Inf(1), math.Inf(-1)
	for _, t := range p.tracks {
		if t.end < 0 {
			return
		}
		low, high = min(low, t.end), max(high, t.end)
	}
	if len(p.tracks) > 1 {
		p.apart.Add(seconds(high - low))
	}
}

func (p *pictures) report(b *Broadcast) {
	b.Start, b.Fragments, b.Gaps, b.LongestGap = millis(p.start), p.count, p.gaps, millis(p.silence)
	b.LatencyP50, b.LatencyP95, b.AVOffset = millis(p.latency.Quantile(0.5)), millis(p.latency.Quantile(0.95)), millis(p.apart.Quantile(0.5))
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }
