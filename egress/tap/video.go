package tap

import (
	"sync"
	"time"

	"github.com/meetcast/meetcast/sfu/packet"
	"github.com/meetcast/meetcast/sfu/track"
)

// VideoHandler takes the frames of a Video.
type VideoHandler interface {
	// Frame brings an encoded frame (H.264 in Annex B form) and when it was
	// captured. It is called on the publisher's read loop, must not block and
	// must not keep data.
	Frame(data []byte, capture time.Duration, key bool)
}

// Clock reads the server's monotonic clock: time since the broadcast began.
type Clock interface {
	// At places a moment on the clock.
	At(time.Time) time.Duration
}

// videoWait is how long a gap in a video stream is waited for: the SFU asks the
// publisher again, which takes a round trip or two.
const videoWait = 150 * time.Millisecond

// keyInterval is the least time between two requests for a key frame.
const keyInterval = 500 * time.Millisecond

// VideoStats counts what came in.
type VideoStats struct {
	Packets, Frames uint64
	Late            uint64 // packets that came after their gap was given up
	Lost            uint64 // packets that never came
	Broken          uint64 // frames that could not be put together
	NoKey           uint64 // frames dropped while waiting for a key frame
}

// Video receives one video track, at the simulcast layer that fits the tile.
type Video struct {
	up    track.UpTrack
	pub   *Publisher
	clock Clock
	h     VideoHandler

	mu      sync.Mutex
	want    track.Size
	layer   int // being received, -1 before the first key frame
	target  int
	queue   reorder[heldPacket]
	asm     assembler
	rtp     rtpMap
	free    [][]byte
	lastKey time.Duration // when a key frame was last asked for
	asked   bool
	lastIn  time.Duration // arrival of the newest packet
	seen    bool
	refAt   time.Duration
	ref     track.ClockRef
	haveRef bool
	closed  bool
	stats   VideoStats
}

type heldPacket struct {
	data    []byte
	ts      uint32
	marker  bool
	arrival time.Duration
}

var (
	_ track.DownTrack = (*Video)(nil)
	_ track.Wanter    = (*Video)(nil)
)

// NewVideo attaches to a track. Frames come from the next key frame on, which
// is asked for. want is the size of the tile.
func NewVideo(up track.UpTrack, pub *Publisher, clock Clock, want track.Size, h VideoHandler) *Video {
	v := &Video{up: up, pub: pub, clock: clock, h: h, want: want, layer: -1}
	v.queue.wait = videoWait
	v.asm.codec = up.Info().Codec
	v.rtp.rate = time.Duration(max(up.Info().ClockRate, 1))
	v.target = pickLayer(up.Layers(), want, -1)
	up.Attach(v)
	return v
}

// Close detaches; no frame comes afterwards.
func (v *Video) Close() {
	v.up.Detach(v)
	v.mu.Lock()
	defer v.mu.Unlock()
	v.closed = true
}

// Want changes the size of the tile.
func (v *Video) Want(size track.Size) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.want = size
}

// RequestKey asks the publisher for a key frame, at most twice a second.
func (v *Video) RequestKey(now time.Time) {
	at := v.clock.At(now)
	v.mu.Lock()
	layer, ask := v.askLocked(at)
	v.mu.Unlock()
	if ask {
		v.up.RequestKeyFrame(layer)
	}
}

// askLocked decides whether a key frame may be asked for now, and of which layer.
func (v *Video) askLocked(now time.Duration) (layer int, ask bool) {
	if v.closed || v.asked && now-v.lastKey < keyInterval {
		return 0, false
	}
	v.asked, v.lastKey = true, now
	return v.target, true
}

// Tick does what time brings: layers are chosen, gaps given up, key frames
// asked for again. Call it about ten times a second.
func (v *Video) Tick(now time.Time) {
	layers := v.up.Layers()
	at := v.clock.At(now)
	v.mu.Lock()
	if t := pickLayer(layers, v.want, v.target); t != v.target {
		v.target = t
		v.asked = false
	}
	need := v.layer != v.target
	need = v.pump(at) || need
	layer, ask := 0, false
	if need {
		layer, ask = v.askLocked(at)
	}
	v.mu.Unlock()
	if ask {
		v.up.RequestKeyFrame(layer)
	}
}

// Wants implements track.Wanter: the layer for the tile, and the one received until
// that begins.
func (v *Video) Wants() (set uint32) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.closed {
		return 0
	}
	set = 1 << max(v.target, 0)
	if v.layer >= 0 {
		set |= 1 << v.layer
	}
	return set
}

// LastPacket is when the newest packet of any layer arrived, false before the
// first.
func (v *Video) LastPacket() (time.Duration, bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.lastIn, v.seen
}

// Stats returns the counters.
func (v *Video) Stats() VideoStats {
	v.mu.Lock()
	defer v.mu.Unlock()
	s := v.stats
	s.Late, s.Lost, s.Broken = v.queue.late, v.queue.skipped, v.asm.broken
	return s
}

// UpClosed implements track.DownTrack.
func (v *Video) UpClosed(track.TrackID) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.closed = true
}

// WritePacket implements track.DownTrack.
func (v *Video) WritePacket(p *packet.Packet) {
	at := v.clock.At(p.Arrival)
	v.mu.Lock()
	layer, ask := 0, false
	if v.accept(p, at) && v.pump(at) {
		layer, ask = v.askLocked(at)
	}
	v.mu.Unlock()
	if ask {
		v.up.RequestKeyFrame(layer)
	}
}

// accept copies a packet into the queue when it belongs to the layer wanted.
func (v *Video) accept(p *packet.Packet, at time.Duration) bool {
	if v.closed {
		return false
	}
	v.lastIn, v.seen = max(at, v.lastIn), true
	if p.Layer != v.layer {
		if p.Layer != v.target || !p.KeyFrame {
			return false
		}
		// The switch: from the first packet of a key frame on.
		v.layer = p.Layer
		v.queue.reset(v.recycle)
		v.asm.lose()
		v.rtp = rtpMap{rate: v.rtp.rate}
		v.haveRef, v.refAt = false, 0
	}
	v.stats.Packets++
	var buf []byte
	if n := len(v.free); n > 0 {
		buf, v.free = v.free[n-1][:0], v.free[:n-1]
	}
	h := heldPacket{append(buf, p.Payload...), p.Header.Timestamp, p.Header.Marker, at}
	if !v.queue.push(p.Header.SequenceNumber, at, h, v.recycle) {
		v.recycle(h)
	}
	return true
}

// pump takes what is in order out of the queue and hands complete frames on. It
// tells whether a key frame is needed.
func (v *Video) pump(now time.Duration) (needKey bool) {
	for {
		h, gap, ok := v.queue.pop(now)
		if !ok {
			return needKey || v.layer >= 0 && v.asm.waitKey && !v.asm.open
		}
		if gap {
			v.asm.lose()
		}
		frame, key, need := v.asm.push(h.ts, h.marker, h.data)
		v.recycle(h)
		needKey = need
		switch {
		case frame != nil:
			v.stats.Frames++
			v.h.Frame(frame, v.capture(h, now), key)
		case need && h.marker:
			v.stats.NoKey++
		}
	}
}

// capture places a frame on the server's clock.
func (v *Video) capture(h heldPacket, now time.Duration) time.Duration {
	if !v.haveRef || now-v.refAt > 200*time.Millisecond {
		if ref, ok := v.up.ClockRef(max(v.layer, 0)); ok {
			v.ref, v.haveRef = ref, true
		}
		v.refAt = now
	}
	ts := v.rtp.extend(h.ts)
	v.rtp.learn(v.pub, ts, h.arrival, v.ref, v.haveRef)
	return v.rtp.media(ts) + v.rtp.offset
}

func (v *Video) recycle(h heldPacket) {
	if len(v.free) < 64 {
		v.free = append(v.free, h.data)
	}
}

// pickLayer returns the index of the smallest active layer that fills a tile,
// or the largest there is. A layer within a tenth of the tile is large enough.
// The current one is kept while sizes are unknown.
func pickLayer(layers []track.Layer, want track.Size, current int) int {
	best, bestArea, largest := -1, 0, -1
	unknown := false
	for _, l := range layers {
		if !l.Active {
			continue
		}
		largest = max(largest, l.Index)
		if l.Size == (track.Size{}) {
			unknown = true
			continue
		}
		// The picture is cropped to fill, so both sides must do.
		fits := l.Size.Width*10 >= want.Width*9 && l.Size.Height*10 >= want.Height*9
		if area := l.Size.Width * l.Size.Height; fits && (best < 0 || area < bestArea) {
			best, bestArea = l.Index, area
		}
	}
	switch {
	case best >= 0:
		return best
	case unknown && current >= 0 && activeLayer(layers, current):
		return current
	case largest >= 0:
		return largest
	case current >= 0:
		return current
	}
	return 0
}

func activeLayer(layers []track.Layer, index int) bool {
	for _, l := range layers {
		if l.Index == index {
			return l.Active
		}
	}
	return false
}
