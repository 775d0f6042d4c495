package forward

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/meetcast/meetcast/sfu/codec"
	"github.com/meetcast/meetcast/sfu/packet"
	"github.com/meetcast/meetcast/sfu/track"
)

// Lane is one stream of a Track on its way in: a simulcast layer, or all spatial
// layers together.
type Lane struct {
	// Static after construction.
	track *Track
	rid   string
	alone bool         // the track has no other lane
	ring  *packet.Ring // nil for audio
	sound *sound       // nil for video; under mu

	index  atomic.Int32
	ssrc   atomic.Uint32 // 0 before the first packet
	misses atomic.Bool   // packets that are asked for

	// mu is held while a packet is received and delivered.
	mu          sync.Mutex
	p           packet.Packet
	epoch       uint16 // how often the numbering began
	payloadType uint8
	losses      losses
	lastTime    uint32 // RTP timestamp of the newest packet
	strayed     int    // packets in a row that are far from the others
	depends     codec.Dependencies
	spatial     spatial
	key         keyCache

	// stat guards what others ask for.
	stat     sync.Mutex
	layers   []measured // spatial layers, one without
	clock    track.ClockRef
	hasClock bool
	keys     keyFrames
	demand   demand
	stats    UpStats
}

// strayLimit is how many packets in a row must be far from the others for the
// numbering to count as begun anew.
const strayLimit = 8

// sizeAfter is after how many packets a key frame is asked for, up to three
// times, when the first one was missed: only a key frame tells a picture's size,
// and layers are chosen by it before anybody watches.
const sizeAfter = 20

func newLane(t *Track, rid string, index int, alone bool) *Lane {
	l := &Lane{track: t, rid: rid, alone: alone, layers: make([]measured, 1)}
	if t.cfg.Info.Kind == track.Video {
		l.ring = packet.NewRing(ringSize)
	} else {
		l.sound = &sound{}
	}
	l.index.Store(int32(index))
	return l
}

// Receive takes one RTP packet as it came, whether by itself or unpacked from a
// retransmission stream, and hands it to every attached down track. It returns
// false when the packet was dropped.
func (l *Lane) Receive(buf []byte, now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	p := &l.p
	if err := p.Parse(buf, now, l.track.cfg.Extensions); err != nil {
		return l.drop(DropMalformed)
	}
	if len(p.Payload) > MTU-32 {
		return l.drop(DropOversize)
	}
	red, ok := l.identify(p)
	if !ok {
		return l.drop(DropCodec)
	}
	bytes := p.Bytes()
	if red && len(p.Payload) > 0 && !l.unpack(p, now) {
		return l.drop(DropMalformed)
	}
	if err := codec.Describe(p); err != nil {
		return l.drop(DropMalformed)
	}
	l.place(p, now)
	if !l.inOrder(p, now) {
		return false
	}
	if l.sound != nil {
		l.repack(p)
	}
	l.observe(p, now, bytes)
	l.deliver(p)
	l.repair(now)
	return true
}

// identify finds out what a packet carries, and notices when a source begins. It
// is false for what was not agreed on.
func (l *Lane) identify(p *packet.Packet) (red, ok bool) {
	cfg, pt := &l.track.cfg, p.Header.PayloadType
	p.Codec, p.Layer, p.Epoch = cfg.Info.Codec, int(l.index.Load()), l.epoch
	known := l.ssrc.Load() == p.Header.SSRC
	red = l.track.red != 0 && pt == l.track.red
	if known && (red || pt == l.payloadType) {
		return red, true
	}
	if !red && cfg.Types != nil && cfg.Types[pt] != cfg.Info.Codec {
		return false, false
	}
	// A source of pictures keeps to one payload type.
	if known && (l.sound == nil || cfg.Types == nil) {
		return false, false
	}
	if !known {
		l.ssrc.Store(p.Header.SSRC)
		l.restart()
	}
	if !red {
		l.payloadType = pt
	}
	return red, true
}

// restart begins anew with the packet under way: its numbers have nothing to do
// with those so far, and whoever watched needs a key frame.
func (l *Lane) restart() {
	if l.losses.started { // pictures
		l.stat.Lock()
		l.keys.pending = true // unless the packet is one
		l.stat.Unlock()
	}
	l.epoch++
	l.p.Epoch, l.strayed = l.epoch, 0
	l.losses.reset()
	l.key = keyCache{}
	l.depends = codec.Dependencies{}
	if l.ring != nil {
		l.ring.Clear()
	} else {
		l.sound.reset()
	}
}

// inOrder keeps the books on sequence numbers. It drops what came twice.
func (l *Lane) inOrder(p *packet.Packet, now time.Time) bool {
	if l.sound != nil {
		return l.inOrderSound(p)
	}
	seq := p.Header.SequenceNumber
	if !l.losses.arrived(seq, now) {
		if l.strayed++; l.strayed < strayLimit {
			return l.drop(DropLate)
		}
		l.restart()
		l.losses.arrived(seq, now)
	}
	l.strayed = 0
	if p.Codec == packet.H264 && p.Dependency.Raw == nil {
		p.FrameStart = p.Header.Timestamp != l.lastTime && p.Header.Timestamp-l.lastTime < 1<<31
	}
	p.Behind = l.losses.highest - seq
	if !l.ring.Put(p) {
		l.losses.copied()
		return l.drop(DropDuplicate)
	}
	if seq == l.losses.highest {
		l.lastTime = p.Header.Timestamp
	}
	l.key.note(p)
	return true
}

// inOrderSound is inOrder for audio, which is not repeated but repeats itself.
func (l *Lane) inOrderSound(p *packet.Packet) bool {
	w := &l.sound.window
	fresh, far := w.add(p.Header.SequenceNumber)
	switch {
	case fresh:
	case !far:
		return l.drop(DropDuplicate)
	default:
		if l.strayed++; l.strayed < strayLimit {
			return l.drop(DropLate)
		}
		l.restart()
		w.add(p.Header.SequenceNumber)
	}
	l.strayed = 0
	if w.highest == p.Header.SequenceNumber {
		l.lastTime = p.Header.Timestamp
	}
	return true
}

// deliver hands a packet to every attached down track.
func (l *Lane) deliver(p *packet.Packet) {
	for _, d := range *l.track.downs.Load() {
		d.WritePacket(p)
	}
}

// observe takes statistics, the picture's size and the sound's level.
func (l *Lane) observe(p *packet.Packet, now time.Time, bytes int) {
	if p.HasAudioLevel {
		l.track.loudness.Observe(now, p.AudioLevel)
	}
	l.stat.Lock()
	resized := l.measure(p, now, bytes)
	l.stats.Packets++
	l.stats.Bytes += uint64(bytes)
	if p.KeyFrame {
		l.keys.arrived()
		l.stats.KeyFrames++
	}
	if n := l.stats.Packets; l.ring != nil && l.layers[0].size.Width == 0 && n%sizeAfter == 0 && n <= 3*sizeAfter {
		l.keys.pending = true
	}
	due := l.keys.due(now)
	l.stats.PLIs += count(due)
	l.stat.Unlock()
	if resized && !l.alone {
		l.track.rank()
		p.Layer = int(l.index.Load())
	}
	if due {
		l.track.cfg.Feedback.PictureLoss(p.Header.SSRC)
	}
}

// repair asks the publisher for what is missing.
func (l *Lane) repair(now time.Time) {
	if l.ring == nil {
		return
	}
	seqs := l.losses.ask(now, l.track.cfg.Feedback.RTT())
	l.misses.Store(len(l.losses.missing) > 0)
	if l.losses.gaveUp {
		l.losses.gaveUp = false
		l.requestKeyFrame(now)
	}
	if len(seqs) == 0 {
		return
	}
	l.stat.Lock()
	l.stats.Nacks += uint64(len(seqs))
	l.stat.Unlock()
	l.track.cfg.Feedback.Nack(l.ssrc.Load(), seqs)
}

func (l *Lane) drop(why Drop) bool {
	l.stat.Lock()
	l.stats.Drops[why]++
	l.stat.Unlock()
	return false
}

// SenderReport takes the clock of an RTCP sender report (RFC 3550 §6.4.1).
func (l *Lane) SenderReport(c track.ClockRef) {
	l.stat.Lock()
	defer l.stat.Unlock()
	l.clock, l.hasClock = c, true
}

// requestKeyFrame asks the publisher now or as soon as the interval allows.
func (l *Lane) requestKeyFrame(now time.Time) {
	l.askKeyFrame(func() bool { return l.ssrc.Load() != 0 && l.keys.request(now) })
}

// flushKeyFrame sends a request that had to wait.
func (l *Lane) flushKeyFrame(now time.Time) {
	l.askKeyFrame(func() bool { return l.keys.due(now) })
}

func (l *Lane) askKeyFrame(due func() bool) {
	l.stat.Lock()
	ask := due()
	l.stats.PLIs += count(ask)
	l.stat.Unlock()
	if ask {
		l.track.cfg.Feedback.PictureLoss(l.ssrc.Load())
	}
}

func count(b bool) uint64 {
	if b {
		return 1
	}
	return 0
}
