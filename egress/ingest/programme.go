package ingest

import (
	"log/slog"
	"math"
	"reflect"
	"time"

	"github.com/meetcast/meetcast/egress/media"
	"github.com/meetcast/meetcast/egress/rtmp"
	"github.com/meetcast/meetcast/egress/rtmp/flv"
	"github.com/meetcast/meetcast/egress/rtmp/proto"
)

// An encoder sends its two sequence headers one after the other. Media that
// comes before the second waits, at most so long or so much, for it.
const (
	maxWait      = time.Second
	maxWaitBytes = 8 << 20
)

// epochSink is a sink that wants to know the wall time of media time 0.
type epochSink interface{ SetEpoch(time.Time) }

// programme turns messages into media for the sinks. It belongs to the
// goroutine of the connection.
type programme struct {
	sinks []media.Sink
	log   *slog.Logger

	clock  timeline
	params media.Params
	fps    int // from onMetaData, when the parameter sets do not tell
	// expect says which tracks onMetaData announced; both when it said nothing.
	expectVideo, expectAudio bool

	begun   bool
	needKey bool // parameters changed: wait for a key picture
	waiting []media.Sample
	held    int
	last    [3]time.Duration // newest decode time by media.Kind
	epochMS int64            // wall time of RTMP time 0; 0 = unknown
}

func newProgramme(log *slog.Logger, sinks ...media.Sink) *programme {
	return &programme{sinks: sinks, log: log, expectVideo: true, expectAudio: true, needKey: true}
}

// close ends the sinks, and calls free after the first, live playout.
func (p *programme) close(free func()) {
	for i, s := range p.sinks {
		if err := s.Close(); err != nil {
			p.log.Warn("programme not closed cleanly", "error", err)
		}
		if i == 0 {
			free()
		}
	}
}

// data takes onMetaData in. What makes no sense is ignored: encoders differ.
func (p *programme) data(m proto.Message) {
	cmd, err := proto.ParseData(m.Type, m.Body)
	if err != nil {
		return
	}
	if cmd.Name == "@setDataFrame" && cmd.Str(0) == "onMetaData" {
		cmd.Args = cmd.Args[1:]
	} else if cmd.Name != "onMetaData" {
		return
	}
	meta := cmd.Obj(0)
	_, v := meta["videocodecid"]
	_, a := meta["audiocodecid"]
	if v || a {
		p.expectVideo, p.expectAudio = v, a
	}
	if fps, ok := meta["framerate"].(float64); ok && fps >= 1 && fps <= 240 {
		p.fps = int(math.Round(fps))
	}
	if ms, ok := meta[rtmp.MetaEpoch].(float64); ok && ms > 0 && ms < 1<<52 {
		p.epochMS = int64(ms)
		p.tellEpoch()
	}
}

// maxEpochAge is how old a programme may claim to be: an encoder that lies may
// spoil the latency shown for its own programme, not overflow anything.
const maxEpochAge = 400 * 24 * time.Hour

func (p *programme) tellEpoch() {
	if p.epochMS == 0 || !p.clock.started {
		return
	}
	epoch := time.UnixMilli(p.epochMS + p.clock.origin)
	if age := time.Since(epoch); age < -time.Minute || age > maxEpochAge {
		return
	}
	for _, s := range p.sinks {
		if e, ok := s.(epochSink); ok {
			e.SetEpoch(epoch)
		}
	}
}

// at moves the clock; its first step fixes the epoch.
func (p *programme) at(stamp uint32) time.Duration {
	first := !p.clock.started
	d := p.clock.at(stamp)
	if first {
		p.tellEpoch()
	}
	return d
}

func (p *programme) video(m proto.Message) error {
	v, err := flv.ParseVideo(m.Body)
	if err != nil {
		return err
	}
	if v.Params != nil {
		if v.Params.FPS == 0 {
			v.Params.FPS = p.fps
		}
		if !reflect.DeepEqual(p.params.Video, v.Params) {
			p.params.Video = v.Params
			p.changed()
		}
		return nil
	}
	if len(v.Data) == 0 || p.params.Video == nil {
		return nil
	}
	dts := p.at(m.Timestamp)
	pts := dts + time.Duration(v.Composition)*time.Millisecond
	p.sample(media.Sample{Kind: media.Video, DTS: dts, PTS: max(pts, dts), Key: v.Key, Data: v.Data})
	return nil
}

func (p *programme) audio(m proto.Message) error {
	a, err := flv.ParseAudio(m.Body)
	if err != nil {
		return err
	}
	if a.Params != nil {
		if !reflect.DeepEqual(p.params.Audio, a.Params) {
			p.params.Audio = a.Params
			p.changed()
		}
		return nil
	}
	if len(a.Data) == 0 || p.params.Audio == nil {
		return nil
	}
	dts := p.at(m.Timestamp)
	p.sample(media.Sample{Kind: media.Audio, DTS: dts, PTS: dts, Key: true, Data: a.Data})
	return nil
}

// changed starts the programme when all that was announced is here, or tells
// the sinks that a running one changes.
func (p *programme) changed() {
	if p.begun {
		p.begin()
		return
	}
	if (p.params.Video != nil || !p.expectVideo) && (p.params.Audio != nil || !p.expectAudio) {
		p.begin()
	}
}

func (p *programme) begin() {
	p.begun = true
	p.needKey = p.params.Video != nil
	// The sinks keep what they are given: a copy.
	params := p.params
	for _, s := range p.sinks {
		s.Begin(params)
	}
	waiting := p.waiting
	p.waiting, p.held = nil, 0
	for _, s := range waiting {
		p.write(s)
	}
}

// sample passes s on, or lets it wait for the other track's header.
func (p *programme) sample(s media.Sample) {
	// Decode time of a track never goes back.
	s.DTS = max(s.DTS, p.last[s.Kind])
	s.PTS = max(s.PTS, s.DTS)
	p.last[s.Kind] = s.DTS
	if p.begun {
		p.write(s)
		return
	}
	p.waiting = append(p.waiting, s)
	p.held += len(s.Data)
	if s.DTS-p.waiting[0].DTS >= maxWait || p.held > maxWaitBytes {
		p.begin() // the other track does not come
	}
}

func (p *programme) write(s media.Sample) {
	if s.Kind == media.Video && p.needKey {
		if !s.Key {
			return
		}
		p.needKey = false
	}
	for _, sink := range p.sinks {
		sink.Write(s)
	}
}
