package forward

import (
	"time"

	"github.com/meetcast/meetcast/sfu/packet"
	"github.com/meetcast/meetcast/sfu/track"
)

// SetLayer makes the slot forward a layer from its next key frame on, which is
// taken from the cache or asked for; until then the layer before goes on. A lower
// spatial layer that is being forwarded as part of the present one is left alone
// at once. -1 pauses at once.
func (d *Down) SetLayer(layer int) {
	if int32(layer) == d.target.Load() || d.cfg.Kind == track.Audio {
		return
	}
	d.mu.Lock()
	up := d.up
	if up == nil {
		d.mu.Unlock()
		return
	}
	d.target.Store(int32(max(layer, noLayer)))
	if layer < 0 {
		d.current.Store(0)
	}
	s := d.searchLocked(d.cfg.Now())
	d.mu.Unlock()
	s.run(d)
}

// Within tells whether the slot can go down to a layer without a key frame: a
// spatial layer that is being forwarded as part of the present one.
func (d *Down) Within(layer int) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return layer >= 0 && d.current.Load() != 0 && d.filter.layered && layer <= d.filter.layer && d.filter.whole(layer)
}

// SetTemporal bounds the temporal layers that are forwarded: 0 is the base alone,
// packet.AllTemporal everything. Upper layers are left out from the next picture
// on, and begin again where they refer to nothing that was left out.
func (d *Down) SetTemporal(layer int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.temporal = uint8(min(max(layer, 0), packet.AllTemporal))
}

// Temporal returns the highest temporal layer forwarded now, -1 for none.
func (d *Down) Temporal() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.current.Load() == 0 {
		return noLayer
	}
	return int(d.filter.temporal)
}

// Wants implements track.Wanter: the layer wanted, and the one forwarded until
// that begins.
func (d *Down) Wants() (set uint32) {
	if t := d.target.Load(); t >= 0 {
		set = 1 << t
		if d.current.Load() != 0 {
			set |= 1 << d.shown.Load()
		}
	}
	return set
}

// waitsLocked tells whether a key frame is needed to forward what is wanted.
func (d *Down) waitsLocked() bool {
	if d.cfg.Kind != track.Video || d.up == nil || d.target.Load() < 0 {
		return false
	}
	c := d.up.Info().Codec
	return d.out.Types[c%codecs] != 0 && (d.current.Load() == 0 || d.filter.waits(d.top(c, d.filter.layered)))
}

// top is the highest layer to take of a source: the one that is wanted, but of
// spatial layers of AV1 the lowest for a subscriber who takes no dependency
// descriptors, which alone would tell its decoder how many there are.
func (d *Down) top(c packet.Codec, layered bool) int {
	target := int(d.target.Load())
	if c == packet.AV1 && layered && d.out.DependencyDescriptor == 0 {
		return min(target, 0)
	}
	return target
}

// search is the search for a key frame that a slot needs.
type search struct {
	up    track.UpTrack // nil when none is needed
	layer int
	// replay is the most bytes that may come from the cache: none while a picture
	// is there, which would jump back.
	replay int
}

func (d *Down) searchLocked(now time.Time) search {
	if !d.waitsLocked() {
		return search{}
	}
	d.asked = now
	s := search{up: d.up, layer: int(d.target.Load())}
	if d.current.Load() == 0 && d.open {
		s.replay = int(d.rtx.rate / 8 * replayTime.Seconds())
	}
	return s
}

// run finds the key frame in the cache or asks for one. Down.mu must not be held.
func (s search) run(d *Down) {
	if s.up == nil {
		return
	}
	if r, ok := s.up.(Replayer); ok && s.replay > 0 && r.Replay(d, s.layer, s.replay) {
		d.mu.Lock()
		d.stats.Replays++
		d.mu.Unlock()
		return
	}
	s.up.RequestKeyFrame(s.layer)
}

// Tick asks again for a key frame that did not come. The owner calls it a few
// times a second.
func (d *Down) Tick(now time.Time) {
	var s search
	d.mu.Lock()
	if now.Sub(d.asked) >= KeyFrameInterval {
		s = d.searchLocked(now)
	}
	d.mu.Unlock()
	s.run(d)
}
