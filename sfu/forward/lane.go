package forward

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/meetcast/meetcast/sfu/codec"
	"github.com/meetcast/meetcast/sfu/packet"
	"github.com/meetcast/meetcast/sfu/track"
)

// Lane is one layer of a Track on its way in.
type Lane struct {
	// Static after construction.
	track *Track
	rid   string
	ring  *packet.Ring // nil for audio

	index atomic.Int32
	ssrc  atomic.Uint32 // 0 before the first packet

	// mu is held while a packet is received and delivered.
	mu          sync.Mutex
	p           packet.Packet
	payloadType uint8
	losses      losses
	lastTime    uint32 // RTP timestamp of the newest packet
	strayed     int    // packets in a row that are far from the others

	// stat guards what others ask for.
	stat     sync.Mutex
	meter    meter
	size     track.Size
	clock    track.ClockRef
	hasClock bool
	keys     keyFrames
	stats    UpStats
}

// strayLimit is how many packets in a row must be far from the others for the
// numbering to count as begun anew.
const strayLimit = 8

// sizeAfter is after how many packets a key frame is asked for, up to three
// times, when the first one was missed: only a key frame tells a picture's size,
// and layers are chosen by it before anybody watches.
const sizeAfter = 20

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
	p.Codec, p.Layer = l.track.cfg.Info.Codec, int(l.index.Load())
	if len(p.Payload) > MTU-32 {
		return l.drop(DropOversize)
	}
	if l.ssrc.Load() != p.Header.SSRC {
		l.begin(p)
	} else if p.Header.PayloadType != l.payloadType {
		return l.drop(DropCodec)
	}
	if err := codec.Describe(p); err != nil {
		return l.drop(DropMalformed)
	}
	if !l.inOrder(p, now) {
		return false
	}
	l.observe(p, now)
	for _, d := range *l.track.downs.Load() {
		d.WritePacket(p)
	}
	l.repair(now)
	return true
}

// begin starts a source: the first one, or the publisher's encoder anew.
func (l *Lane) begin(p *packet.Packet) {
	l.ssrc.Store(p.Header.SSRC)
	l.payloadType = p.Header.PayloadType
	l.restart()
}

func (l *Lane) restart() {
	l.strayed = 0
	l.losses.reset()
	if l.ring != nil {
		l.ring.Clear()
	}
}

// inOrder keeps the books on sequence numbers. It drops what came twice.
func (l *Lane) inOrder(p *packet.Packet, now time.Time) bool {
	if l.ring == nil {
		return true
	}
	if !l.losses.arrived(p.Header.SequenceNumber, now) {
		if l.strayed++; l.strayed < strayLimit {
			return l.drop(DropLate)
		}
		l.restart()
		l.losses.arrived(p.Header.SequenceNumber, now)
	}
	l.strayed = 0
	if p.Codec == packet.H264 {
		p.FrameStart = p.Header.Timestamp != l.lastTime && p.Header.Timestamp-l.lastTime < 1<<31
	}
	if !l.ring.Put(p) {
		return l.drop(DropDuplicate)
	}
	if p.Header.SequenceNumber == l.losses.highest {
		l.lastTime = p.Header.Timestamp
	}
	return true
}

// observe takes statistics, the picture's size and the sound's level.
func (l *Lane) observe(p *packet.Packet, now time.Time) {
	if p.HasAudioLevel {
		l.track.loudness.Observe(now, p.AudioLevel)
	}
	bytes := p.Bytes()
	l.stat.Lock()
	l.meter.add(now, bytes)
	l.stats.Packets++
	l.stats.Bytes += uint64(bytes)
	resized := false
	if p.KeyFrame {
		l.keys.arrived()
		l.stats.KeyFrames++
		if s := (track.Size{Width: p.Width, Height: p.Height}); p.Width > 0 && s != l.size {
			l.size, resized = s, true
		}
	}
	if n := l.stats.Packets; l.ring != nil && l.size.Width == 0 && n%sizeAfter == 0 && n <= 3*sizeAfter {
		l.keys.pending = true
	}
	due := l.keys.due(now)
	l.stats.PLIs += count(due)
	l.stat.Unlock()
	if resized {
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
	l.stat.Lock()
	due := l.ssrc.Load() != 0 && l.keys.request(now)
	l.stats.PLIs += count(due)
	l.stat.Unlock()
	if due {
		l.track.cfg.Feedback.PictureLoss(l.ssrc.Load())
	}
}

// flushKeyFrame sends a request that had to wait.
func (l *Lane) flushKeyFrame(now time.Time) {
	l.stat.Lock()
	due := l.keys.due(now)
	l.stats.PLIs += count(due)
	l.stat.Unlock()
	if due {
		l.track.cfg.Feedback.PictureLoss(l.ssrc.Load())
	}
}

// view is the lane as a layer.
func (l *Lane) view(now time.Time) track.Layer {
	l.stat.Lock()
	defer l.stat.Unlock()
	return track.Layer{Index: int(l.index.Load()), RID: l.rid, Size: l.size, Bitrate: l.meter.rate(now), Active: l.meter.active(now)}
}

func (l *Lane) area() int {
	l.stat.Lock()
	defer l.stat.Unlock()
	return l.size.Width * l.size.Height
}

func count(b bool) uint64 {
	if b {
		return 1
	}
	return 0
}
