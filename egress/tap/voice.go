package tap

import (
	"math"
	"sync"
	"time"

	"github.com/meetcast/meetcast/egress/media"
	"github.com/meetcast/meetcast/sfu/packet"
	"github.com/meetcast/meetcast/sfu/track"
)

// The slewing of a voice.
const (
	// voiceWait is how long a gap is waited for before it is played as silence.
	voiceWait = 60 * time.Millisecond
	// jump is the error that is no longer stretched away but jumped over.
	jump = media.SampleRate / 4
	// jumpEarly is the same while a voice is new and its clock hardly known.
	jumpEarly = media.SampleRate / 40
	// slewFrom and slewTo: stretching begins above the one and ends below the
	// other, samples.
	slewFrom, slewTo = 96, 10
	// maxStretch is by how much sound is stretched at most: a third of a semitone.
	maxStretch = 0.02
)

// VoiceStats counts what came in.
type VoiceStats struct {
	Packets uint64
	Late    uint64 // packets that came after their turn
	Lost    uint64 // packets that never came
	Broken  uint64 // packets that did not decode
	Jumps   uint64 // times the playback was moved without stretching
}

// Voice receives one audio track and plays it at the output clock. The
// publisher's read loop writes, one mixer reads.
type Voice struct {
	up    track.UpTrack
	pub   *Publisher
	clock Clock

	// Under mu: what the read loop brought.
	mu     sync.Mutex
	queue  reorder[heldPacket]
	free   [][]byte
	closed bool
	in     uint64

	// The mixer's own.
	dec     *opusDecoder
	rtp     rtpMap
	ring    ring
	ref     track.ClockRef
	haveRef bool
	refAt   time.Duration
	pos     float64       // on the RTP clock
	playing bool          // pos is valid
	heard   time.Duration // how long the voice has been playing
	slewing bool
	gain    float32
	leaving bool // fade out and stay silent
	batch   []heldPacket

	// For everybody, under lmu.
	lmu   sync.Mutex
	level float64 // smoothed RMS
	stats VoiceStats
}

var _ track.DownTrack = (*Voice)(nil)

// NewVoice attaches to an Opus track.
func NewVoice(up track.UpTrack, pub *Publisher, clock Clock) (*Voice, error) {
	dec, err := newOpusDecoder()
	if err != nil {
		return nil, err
	}
	v := &Voice{up: up, pub: pub, clock: clock, dec: dec}
	v.queue.wait = voiceWait
	v.rtp.rate = media.SampleRate
	up.Attach(v)
	return v, nil
}

// Close detaches.
func (v *Voice) Close() {
	v.up.Detach(v)
	v.mu.Lock()
	defer v.mu.Unlock()
	v.closed = true
}

// Leave lets the voice fade out with the next Mix; it is silent from then on.
func (v *Voice) Leave() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.leaving = true
}

// Level is the smoothed loudness that was mixed, RMS in 0 .. 1.
func (v *Voice) Level() float64 {
	v.lmu.Lock()
	defer v.lmu.Unlock()
	return v.level
}

// Stats returns the counters.
func (v *Voice) Stats() VoiceStats {
	v.lmu.Lock()
	s := v.stats
	v.lmu.Unlock()
	v.mu.Lock()
	defer v.mu.Unlock()
	s.Packets, s.Late, s.Lost = v.in, v.queue.late, v.queue.skipped
	return s
}

// UpClosed implements track.DownTrack.
func (v *Voice) UpClosed(track.TrackID) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.closed = true
}

// WritePacket implements track.DownTrack.
func (v *Voice) WritePacket(p *packet.Packet) {
	at := v.clock.At(p.Arrival)
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.closed || len(p.Payload) == 0 {
		return
	}
	v.in++
	var buf []byte
	if n := len(v.free); n > 0 {
		buf, v.free = v.free[n-1][:0], v.free[:n-1]
	}
	h := heldPacket{append(buf, p.Payload...), p.Header.Timestamp, p.Header.Marker, at}
	if !v.queue.push(p.Header.SequenceNumber, at, h, v.recycleLocked) {
		v.recycleLocked(h)
	}
}

func (v *Voice) recycleLocked(h heldPacket) {
	if len(v.free) < 64 {
		v.free = append(v.free, h.data)
	}
}

// Mix adds the interleaved stereo sound of the output time that begins at t to
// out. It decodes what has arrived. One goroutine calls it, block after block.
func (v *Voice) Mix(out []float32, t time.Duration) {
	leaving := v.decode(t)
	n := len(out) / media.Channels
	if !v.rtp.begun {
		return
	}
	delay := v.pub.Delay()
	want := float64(t-delay-v.rtp.offset) / float64(time.Second) * media.SampleRate
	target, step := v.steer(want, n)
	if leaving {
		target = 0
	}
	before := v.gain
	energy := v.play(out, n, step, target)
	v.heard += time.Duration(n) * time.Second / media.SampleRate
	if before == 0 && target == 0 {
		energy = 0
	}
	rms := math.Sqrt(energy / float64(len(out)))
	v.lmu.Lock()
	v.level += (rms - v.level) * 0.2
	v.lmu.Unlock()
}

// steer decides how this block is read: the gain to reach, and the step per
// output sample. A small error is stretched away, a large one jumped over in
// silence: fade out in one block, move, fade in with the next.
func (v *Voice) steer(want float64, n int) (gain float32, step float64) {
	off := want - v.pos
	far := !v.playing || math.Abs(off) > jump || v.heard < settling && math.Abs(off) > jumpEarly
	unheard := !v.ring.covers(int64(v.pos)-2, int64(v.pos)+int64(n)+4)
	switch {
	case far && (v.gain == 0 || unheard), unheard && math.Abs(off) > slewTo:
		if v.playing && far {
			v.lmu.Lock()
			v.stats.Jumps++
			v.lmu.Unlock()
		}
		v.pos, v.playing, v.slewing = math.Round(want), true, false
		return 1, 1
	case far:
		return 0, 1
	case math.Abs(off) > slewFrom:
		v.slewing = true
	case math.Abs(off) < slewTo && v.slewing:
		v.slewing = false
		v.pos = math.Round(v.pos)
	}
	if !v.slewing {
		return 1, 1
	}
	return 1, 1 + min(max(off/(media.SampleRate/2), -maxStretch), maxStretch)
}

// play adds n samples to out and returns their energy.
func (v *Voice) play(out []float32, n int, step float64, target float32) (energy float64) {
	g, dg := v.gain, (target-v.gain)/float32(n)
	for i := range n {
		at := math.Floor(v.pos)
		k, f := int64(at), float32(v.pos-at)
		l, r := v.ring.sample(k)
		if f != 0 {
			l, r = v.between(k, f, l, r)
		}
		g += dg
		l, r = l*g, r*g
		out[2*i] += l
		out[2*i+1] += r
		energy += float64(l*l + r*r)
		v.pos += step
	}
	v.gain = target
	return energy
}

// between interpolates between the samples k and k+1 (Catmull-Rom).
func (v *Voice) between(k int64, f, l1, r1 float32) (float32, float32) {
	l0, r0 := v.ring.sample(k - 1)
	l2, r2 := v.ring.sample(k + 1)
	l3, r3 := v.ring.sample(k + 2)
	return cubic(l0, l1, l2, l3, f), cubic(r0, r1, r2, r3, f)
}

func cubic(a, b, c, d, f float32) float32 {
	return b + 0.5*f*(c-a+f*(2*a-5*b+4*c-d+f*(3*(b-c)+d-a)))
}

// decode moves what has arrived into the ring; it tells whether the voice is
// leaving.
func (v *Voice) decode(now time.Duration) (leaving bool) {
	v.mu.Lock()
	for {
		h, _, ok := v.queue.pop(now) // a gap shows in the timestamps
		if !ok {
			break
		}
		v.batch = append(v.batch, h)
	}
	leaving = v.leaving
	v.mu.Unlock()
	if len(v.batch) == 0 {
		return leaving
	}
	if !v.haveRef || now-v.refAt > 200*time.Millisecond {
		if ref, ok := v.up.ClockRef(0); ok {
			v.ref, v.haveRef = ref, true
		}
		v.refAt = now
	}
	for _, h := range v.batch {
		ts := v.rtp.extend(h.ts)
		v.rtp.learn(v.pub, ts, h.arrival, v.ref, v.haveRef)
		v.pub.Ready(v.rtp.media(ts)+v.rtp.offset, h.arrival)
		pcm, err := v.dec.decode(h.data)
		if err != nil {
			v.lmu.Lock()
			v.stats.Broken++
			v.lmu.Unlock()
			continue
		}
		v.ring.write(ts, pcm)
	}
	v.mu.Lock()
	for _, h := range v.batch {
		v.recycleLocked(h)
	}
	v.mu.Unlock()
	v.batch = v.batch[:0]
	return leaving
}
