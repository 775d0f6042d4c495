package forward

import (
	"cmp"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/meetcast/meetcast/sfu/audio"
	"github.com/meetcast/meetcast/sfu/packet"
	"github.com/meetcast/meetcast/sfu/track"
)

// MaxLayers bounds the simulcast layers of one track.
const MaxLayers = 4

// ringSize is how many packets of a video layer are kept for retransmission at
// most: about two seconds of 2.5 Mbit/s. Slower ones have fewer: see packet.Ring.
const ringSize = 512

// TrackConfig describes a published track.
type TrackConfig struct {
	Info track.Info
	// RIDs of the simulcast layers in SDP order; none for a single layer.
	RIDs []string
	// Types says what the publisher's payload types carry: the track's codec, or
	// RED. Without it every payload type is the track's codec.
	Types map[uint8]packet.Codec
	// Extensions are the ids of the header extensions that the publisher sends.
	Extensions packet.Extensions
	Feedback   Feedback
	// WantedChanged is told which layers anybody wants, as RIDs in SDP order (the
	// empty RID of a single layer), empty for none: the others need not be sent.
	// At first all are. It is called in order, possibly while a packet is
	// delivered: it must not block nor call the track. It may be nil.
	WantedChanged func(rids []string)
	// Now is the clock for what is asked from outside; nil means time.Now.
	Now func() time.Time
}

// Track is a published track: it implements track.UpTrack and Cache.
type Track struct {
	// Static after construction.
	cfg   TrackConfig
	lanes []*Lane // in SDP order
	red   uint8   // payload type of RED, 0 for none

	loudness audio.Meter
	downs    atomic.Pointer[[]track.DownTrack]

	// telling is held while WantedChanged is called.
	telling sync.Mutex

	mu     sync.Mutex
	closed bool
}

var (
	_ track.UpTrack = (*Track)(nil)
	_ Cache         = (*Track)(nil)
	_ Replayer      = (*Track)(nil)
)

// NewTrack returns a live track. At most MaxLayers RIDs are used.
func NewTrack(cfg TrackConfig) *Track {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	t := &Track{cfg: cfg}
	rids := cfg.RIDs
	if len(rids) == 0 {
		rids = []string{""}
	}
	for i, rid := range rids[:min(len(rids), MaxLayers)] {
		t.lanes = append(t.lanes, newLane(t, rid, i, len(rids) == 1))
	}
	for pt, c := range cfg.Types {
		if c == packet.RED && cfg.Info.Codec == packet.Opus {
			t.red = pt
		}
	}
	t.downs.Store(&[]track.DownTrack{})
	t.rank()
	return t
}

// Lane returns the layer with a RID, nil when the track has none of that name.
func (t *Track) Lane(rid string) *Lane {
	for _, l := range t.lanes {
		if l.rid == rid {
			return l
		}
	}
	return nil
}

// Info implements track.UpTrack.
func (t *Track) Info() track.Info { return t.cfg.Info }

// Layers implements track.UpTrack.
func (t *Track) Layers() []track.Layer {
	now := t.cfg.Now()
	if len(t.lanes) == 1 {
		return t.lanes[0].views(now)
	}
	layers := make([]track.Layer, len(t.lanes))
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, l := range t.lanes {
		v := l.views(now)[0]
		layers[v.Index] = v
	}
	return layers
}

// lane returns the lane of the layer with an index.
func (t *Track) lane(index int) *Lane {
	if len(t.lanes) == 1 && index >= 0 {
		return t.lanes[0]
	}
	for _, l := range t.lanes {
		if int(l.index.Load()) == index {
			return l
		}
	}
	return nil
}

// Attach implements track.UpTrack.
func (t *Track) Attach(d track.DownTrack) {
	t.mu.Lock()
	closed := t.closed
	if old := *t.downs.Load(); !closed && !slices.Contains(old, d) {
		downs := append(slices.Clip(old), d)
		t.downs.Store(&downs)
	}
	t.mu.Unlock()
	if closed {
		d.UpClosed(t.cfg.Info.ID)
	}
}

// Detach implements track.UpTrack. It waits for a packet under way and must not
// be called from WritePacket.
func (t *Track) Detach(d track.DownTrack) {
	t.mu.Lock()
	old := *t.downs.Load()
	i := slices.Index(old, d)
	if i >= 0 {
		downs := slices.Delete(slices.Clone(old), i, i+1)
		t.downs.Store(&downs)
	}
	t.mu.Unlock()
	if i >= 0 {
		t.settle()
	}
}

// settle returns when no lane delivers to an older list of down tracks.
func (t *Track) settle() {
	for _, l := range t.lanes {
		l.mu.Lock()
		l.mu.Unlock() //lint:ignore SA2001 waiting is the purpose
	}
}

// Close ends the track. Every attached down track is told.
func (t *Track) Close() {
	t.mu.Lock()
	if t.closed {
		t.mu.Unlock()
		return
	}
	t.closed = true
	downs := *t.downs.Swap(&[]track.DownTrack{})
	t.mu.Unlock()
	t.settle()
	for _, d := range downs {
		d.UpClosed(t.cfg.Info.ID)
	}
}

// RequestKeyFrame implements track.UpTrack.
func (t *Track) RequestKeyFrame(layer int) {
	l := t.lane(layer)
	if l == nil || t.cfg.Info.Kind != track.Video {
		return
	}
	now := t.cfg.Now()
	if l.paused() {
		t.look(now)
	}
	l.requestKeyFrame(now)
}

// Tick sends requests for key frames that had to wait, and finds out which layers
// are wanted. The owner calls it a few times a second.
func (t *Track) Tick(now time.Time) {
	t.look(now)
	for _, l := range t.lanes {
		l.flushKeyFrame(now)
	}
}

// Repair asks for missing packets again when it is time to, and tells whether any
// are missing. Lanes do so as packets come; the owner calls it besides, every 10 ms
// while it returns true, for the pause between two pictures is long.
func (t *Track) Repair(now time.Time) bool {
	missing := false
	for _, l := range t.lanes {
		if !l.misses.Load() {
			continue
		}
		l.mu.Lock()
		l.repair(now)
		l.mu.Unlock()
		missing = missing || l.misses.Load()
	}
	return missing
}

// ClockRef implements track.UpTrack.
func (t *Track) ClockRef(layer int) (track.ClockRef, bool) {
	l := t.lane(layer)
	if l == nil {
		return track.ClockRef{}, false
	}
	l.stat.Lock()
	defer l.stat.Unlock()
	return l.clock, l.hasClock
}

// Loudness implements track.UpTrack.
func (t *Track) Loudness() float64 { return t.loudness.Loudness(t.cfg.Now()) }

// Cached implements Cache.
func (t *Track) Cached(ssrc uint32, seq uint16, p *packet.Packet, buf []byte) bool {
	for _, l := range t.lanes {
		if l.ssrc.Load() == ssrc && l.ring != nil {
			return l.ring.Get(seq, p, buf)
		}
	}
	return false
}

// rank numbers the lanes, the smallest first: by what their names and their
// order in the SDP suggest, corrected by the sizes seen.
func (t *Track) rank() {
	t.mu.Lock()
	defer t.mu.Unlock()
	order := slices.Clone(t.lanes)
	rank := ridRanks(order)
	slices.SortStableFunc(order, func(a, b *Lane) int { return cmp.Compare(rank[a.rid], rank[b.rid]) })
	// Lanes of known size change places among themselves.
	var known []*Lane
	var places []int
	for i, l := range order {
		if l.area() > 0 {
			known, places = append(known, l), append(places, i)
		}
	}
	slices.SortStableFunc(known, func(a, b *Lane) int { return cmp.Compare(a.area(), b.area()) })
	for i, l := range known {
		order[places[i]] = l
	}
	for i, l := range order {
		l.index.Store(int32(i))
	}
}

// ridRanks knows the usual names of layers. "h" is half beside "f", else high.
func ridRanks(lanes []*Lane) map[string]int {
	for _, names := range [][]string{{"q", "h", "f"}, {"l", "m", "h"}, {"low", "medium", "high"}, {"low", "mid", "high"},
		{"0", "1", "2", "3"}, {"r0", "r1", "r2", "r3"}} {
		ranks := make(map[string]int, len(lanes))
		for _, l := range lanes {
			if i := slices.Index(names, l.rid); i >= 0 {
				ranks[l.rid] = i
			}
		}
		if len(ranks) == len(lanes) {
			return ranks
		}
	}
	return nil
}
