package forward

import (
	"slices"
	"sync"
	"time"

	"github.com/meetcast/meetcast/sfu/packet"
	"github.com/meetcast/meetcast/sfu/track"
)

const (
	// replayAge is how old a key frame may be that is sent from the cache: the
	// picture runs from it to the present in an instant, and a second of that is
	// shorter than the wait for a new key frame on a slow path.
	replayAge = time.Second
	// replayPackets bounds what is replayed at once: it keeps the publisher's loop
	// for about half a millisecond.
	replayPackets = 200
	// replayTime is how long a replay may occupy the slot's share of the
	// subscriber's bandwidth: a longer burst fills the queue of its bottleneck,
	// and a new key frame is sooner there.
	replayTime = 500 * time.Millisecond
)

// Replayer is what an UpTrack may offer besides: the newest key frame of a layer
// from the cache.
type Replayer interface {
	// Replay writes the packets of a layer since its last key frame to d, which is
	// attached, with Packet.Replayed set, before any newer one. It does nothing,
	// and returns false, when there is none that is young enough, when a packet is
	// missing, or when they have more than max bytes. It must not be called from
	// WritePacket.
	Replay(d track.DownTrack, layer, max int) bool
}

// keyCache knows where the last key frame of a lane begins, under Lane.mu.
type keyCache struct {
	valid bool
	seq   uint16
	time  uint32    // RTP timestamp
	at    time.Time // arrival
}

// note takes a packet that was put into the ring.
func (k *keyCache) note(p *packet.Packet) {
	if !p.KeyFrame {
		return
	}
	seq, ts := p.Header.SequenceNumber, p.Header.Timestamp
	switch {
	case !k.valid || (ts != k.time && ts-k.time < 1<<31):
		*k = keyCache{true, seq, ts, p.Arrival}
	case ts == k.time && newer(k.seq, seq):
		k.seq = seq
	}
}

// scratch is room for a packet of the cache.
type scratch struct {
	p   packet.Packet
	buf [2 + MTU + 256]byte // RTX header, payload, dependency descriptor
}

var scratches = sync.Pool{New: func() any { return new(scratch) }}

// Replay implements Replayer.
func (t *Track) Replay(d track.DownTrack, layer, limit int) bool {
	l := t.lane(layer)
	if l == nil || l.ring == nil {
		return false
	}
	now := t.cfg.Now()
	if l.paused() {
		t.look(now) // what comes after the cache must begin to come
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	last := l.losses.highest
	if !l.key.valid || now.Sub(l.key.at) > replayAge || last-l.key.seq >= replayPackets || !slices.Contains(*t.downs.Load(), d) {
		return false
	}
	bytes, whole := l.ring.Span(l.key.seq, last)
	if !whole || bytes > limit {
		return false
	}
	s := scratches.Get().(*scratch)
	defer scratches.Put(s)
	for seq := l.key.seq; ; seq++ {
		if !l.ring.Get(seq, &s.p, s.buf[:]) {
			return false
		}
		if s.p.Replayed = true; !s.p.Layered {
			s.p.Layer = int(l.index.Load())
		}
		d.WritePacket(&s.p)
		if seq == last {
			return true
		}
	}
}

// follow sends what came of a source before its first packet p, which was lost and
// repaired: it was turned away, and would not come again by itself. It needs d.mu.
func (d *Down) follow(p *packet.Packet, pt uint8, now time.Time) {
	cache, ok := d.up.(Cache)
	if !ok || p.Behind > replayPackets {
		return
	}
	s := scratches.Get().(*scratch)
	defer scratches.Put(s)
	for n := uint16(1); n <= p.Behind; n++ {
		if !cache.Cached(p.Header.SSRC, p.Header.SequenceNumber+n, &s.p, s.buf[:]) || s.p.Epoch != d.epoch {
			continue
		}
		if !s.p.Layered {
			s.p.Layer = p.Layer
		}
		if len(s.p.Payload) == 0 {
			d.leave(&s.p, now)
		} else if d.choose(&s.p, now) {
			d.forward(&s.p, pt, false, now)
		}
	}
}
