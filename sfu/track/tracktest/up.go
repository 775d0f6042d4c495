// Package tracktest holds fakes of the track contract for the tests of those
// who receive media: the room, the broadcaster's tap, the forwarder.
package tracktest

import (
	"slices"
	"sync"

	"github.com/meetcast/meetcast/sfu/packet"
	"github.com/meetcast/meetcast/sfu/track"
)

// FakeUpTrack is an UpTrack whose state a test sets and whose packets a test
// pushes. It is safe for concurrent use.
type FakeUpTrack struct {
	info track.Info

	mu       sync.Mutex
	layers   []track.Layer
	clocks   map[int]track.ClockRef
	loudness float64
	downs    []track.DownTrack
	requests map[int]int
	closed   bool
	onKey    func(layer int)

	// writing is held while packets are delivered, so that Detach can wait.
	writing sync.RWMutex
}

var _ track.UpTrack = (*FakeUpTrack)(nil)

// NewUpTrack returns a live track with one active layer of unknown size. The
// clock rate comes from the codec when info leaves it zero.
func NewUpTrack(info track.Info) *FakeUpTrack {
	if info.Kind == 0 {
		if k, ok := info.Source.Kind(); ok {
			info.Kind = k
		}
	}
	if info.Codec == 0 {
		info.Codec = packet.VP8
		if info.Kind == track.Audio {
			info.Codec = packet.Opus
		}
	}
	if info.ClockRate == 0 {
		info.ClockRate = 90000
		if info.Kind == track.Audio {
			info.ClockRate = 48000
		}
	}
	return &FakeUpTrack{
		info:     info,
		layers:   []track.Layer{{Active: true}},
		clocks:   make(map[int]track.ClockRef),
		requests: make(map[int]int),
	}
}

// Info implements track.UpTrack.
func (f *FakeUpTrack) Info() track.Info { return f.info }

// Layers implements track.UpTrack.
func (f *FakeUpTrack) Layers() []track.Layer {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.layers)
}

// SetLayers replaces the layers.
func (f *FakeUpTrack) SetLayers(layers ...track.Layer) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.layers = slices.Clone(layers)
}

// Attach implements track.UpTrack.
func (f *FakeUpTrack) Attach(d track.DownTrack) {
	f.mu.Lock()
	closed := f.closed
	if !closed && !slices.Contains(f.downs, d) {
		f.downs = append(slices.Clone(f.downs), d)
	}
	f.mu.Unlock()
	if closed {
		d.UpClosed(f.info.ID)
	}
}

// Detach implements track.UpTrack. It waits for a Push under way, so it must
// not be called from WritePacket.
func (f *FakeUpTrack) Detach(d track.DownTrack) {
	f.mu.Lock()
	if i := slices.Index(f.downs, d); i >= 0 {
		f.downs = slices.Delete(slices.Clone(f.downs), i, i+1)
	}
	f.mu.Unlock()
	f.writing.Lock()
	defer f.writing.Unlock()
}

// Downs returns the attached down tracks.
func (f *FakeUpTrack) Downs() []track.DownTrack {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.downs)
}

// Push delivers a packet to every attached down track, in the caller's
// goroutine. The codec of the track is filled in when the packet has none.
func (f *FakeUpTrack) Push(p *packet.Packet) {
	f.writing.RLock()
	defer f.writing.RUnlock()
	if p.Codec == 0 {
		p.Codec = f.info.Codec
	}
	for _, d := range f.Downs() {
		d.WritePacket(p)
	}
}

// RequestKeyFrame implements track.UpTrack: it counts, and calls the function
// set by OnKeyFrameRequest.
func (f *FakeUpTrack) RequestKeyFrame(layer int) {
	f.mu.Lock()
	f.requests[layer]++
	call := f.onKey
	f.mu.Unlock()
	if call != nil {
		call(layer)
	}
}

// OnKeyFrameRequest lets a test answer requests for key frames. It runs in the
// requester's goroutine.
func (f *FakeUpTrack) OnKeyFrameRequest(call func(layer int)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.onKey = call
}

// KeyFrameRequests returns how often a key frame of a layer was asked for.
func (f *FakeUpTrack) KeyFrameRequests(layer int) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.requests[layer]
}

// ClockRef implements track.UpTrack.
func (f *FakeUpTrack) ClockRef(layer int) (track.ClockRef, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	c, ok := f.clocks[layer]
	return c, ok
}

// SetClockRef sets the newest sender report of a layer.
func (f *FakeUpTrack) SetClockRef(layer int, c track.ClockRef) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.clocks[layer] = c
}

// Loudness implements track.UpTrack.
func (f *FakeUpTrack) Loudness() float64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.loudness
}

// SetLoudness sets what Loudness returns.
func (f *FakeUpTrack) SetLoudness(l float64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.loudness = l
}

// Close ends the track: every attached down track is told and detached, and so
// is any that attaches later.
func (f *FakeUpTrack) Close() {
	f.mu.Lock()
	downs := f.downs
	f.downs, f.closed = nil, true
	f.mu.Unlock()
	f.writing.Lock()
	defer f.writing.Unlock()
	for _, d := range downs {
		d.UpClosed(f.info.ID)
	}
}
