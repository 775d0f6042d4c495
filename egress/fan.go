package egress

import (
	"slices"
	"sync"

	"github.com/meetcast/meetcast/egress/media"
)

// maxEarly bounds the samples kept until both encoders have said what they
// make: ten seconds of both.
const maxEarly = 1000

// fan hands the encoded programme to every sink. It implements the outputs of
// both encoders, which write from two goroutines.
type fan struct {
	mu    sync.Mutex
	video *media.VideoParams
	audio *media.AudioParams
	early []media.Sample // until both are known
	sinks []sinkState
	begun bool // a sample has been written
}

type sinkState struct {
	sink  media.Sink
	begun bool // takes everything; before that only a key picture starts it
}

// add lets a sink take part: at once when the programme has not begun, else
// from the next key picture.
func (f *fan) add(s media.Sink) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.sinks = append(f.sinks, sinkState{sink: s})
	if f.ready() {
		s.Begin(f.params())
	}
}

// remove ends a sink's part; no call of it is under way afterwards.
func (f *fan) remove(s media.Sink) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.sinks = slices.DeleteFunc(f.sinks, func(st sinkState) bool { return st.sink == s })
}

func (f *fan) ready() bool { return f.video != nil && f.audio != nil }

func (f *fan) params() media.Params { return media.Params{Video: f.video, Audio: f.audio} }

// VideoBegin implements avproc.VideoOutput.
func (f *fan) VideoBegin(p media.VideoParams) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.video = &p
	f.announce()
}

// AudioBegin implements avproc.AudioOutput.
func (f *fan) AudioBegin(p media.AudioParams) {
	f.mu.Lock()
	defer f.mu.Unlock()
	same := f.audio != nil && string(f.audio.Config) == string(p.Config)
	f.audio = &p
	// A new sound encoder that makes the same must not break up the picture:
	// Begin would ask for a key frame that is not coming.
	if !same {
		f.announce()
	}
}

// announce tells the sinks what follows, once both halves are known.
func (f *fan) announce() {
	if !f.ready() {
		return
	}
	for i := range f.sinks {
		f.sinks[i].sink.Begin(f.params())
		if !f.begun { // here from the first sample on
			f.sinks[i].begun = true
		}
	}
	early := f.early
	f.early = nil
	for _, s := range early {
		f.write(s)
	}
}

// Video implements avproc.VideoOutput.
func (f *fan) Video(s media.Sample) { f.sample(s) }

// Audio implements avproc.AudioOutput.
func (f *fan) Audio(s media.Sample) { f.sample(s) }

func (f *fan) sample(s media.Sample) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.ready() {
		if len(f.early) < maxEarly {
			f.early = append(f.early, s)
		}
		return
	}
	f.write(s)
}

func (f *fan) write(s media.Sample) {
	f.begun = true
	for i := range f.sinks {
		st := &f.sinks[i]
		if !st.begun {
			if s.Kind != media.Video || !s.Key {
				continue
			}
			st.begun = true
		}
		st.sink.Write(s)
	}
}
