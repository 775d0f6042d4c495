package botclient

import (
	"encoding/binary"
	"sync"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"

	"github.com/meetcast/meetcast/sfu/packet"
	"github.com/meetcast/meetcast/sfu/track"
)

const (
	// lateAfter is how long a bound slot may be without a packet before it
	// counts as late, and without a picture before a key frame is asked for.
	lateAfter = time.Second
	// keyFrameEvery limits the key-frame requests of one slot.
	keyFrameEvery = 500 * time.Millisecond
	// recent is how old the first picture of a new source may be when the slot
	// map that tells of it arrives.
	recent = 500 * time.Millisecond
)

// receiver keeps the books of one slot. Its stream may change its source; the
// numbers of its packets go on.
type receiver struct {
	mid  string
	kind track.Kind

	mu      sync.Mutex
	ssrc    uint32
	slot    Slot
	seq     sequence
	frames  assembly
	stats   SlotStats
	latency Histogram

	boundAt    time.Time // of what it carries now; zero while empty
	owner      uint32    // senderHash of the participant bound
	awaiting   bool      // no packet yet since boundAt
	unseen     bool      // no picture yet since boundAt
	lastPacket time.Time
	lastPLI    time.Time
	late       bool // the present gap is counted already
	clock      frameClock
	lastFrame  frame
	strange    uint64 // pictures of others since strangeAt, not yet counted
	strangeAt  time.Time
	shownAt    time.Time // of lastFrame

	reportRef uint32 // middle of the last sender report's time, RFC 3550 §6.4.1
	reportAt  time.Time
}

func newReceiver(mid string, kind track.Kind) *receiver {
	r := &receiver{mid: mid, kind: kind, slot: Slot{Mid: mid, Kind: kind}, stats: SlotStats{Mid: mid, Kind: kind}}
	r.seq.passive = kind == track.Audio
	return r
}

func (r *receiver) setStream(ssrc uint32) {
	r.mu.Lock()
	r.ssrc = ssrc
	r.mu.Unlock()
}

// bind notes what the slot carries from now on.
func (r *receiver) bind(now time.Time, participant string, source track.Source) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.slot.Participant == participant && r.slot.Source == source {
		return
	}
	r.endGapLocked(now)
	r.slot.Participant, r.slot.Source = participant, source
	r.owner = senderHash(participant)
	r.strange, r.strangeAt = 0, time.Time{}
	r.clock.restart()
	r.boundAt, r.awaiting, r.unseen = time.Time{}, participant != "", participant != "" && r.kind == track.Video
	if participant == "" {
		return
	}
	r.boundAt = now
	r.stats.Binds++
	// Media may overtake the message that tells of it.
	if r.unseen && now.Sub(r.shownAt) < recent && r.lastFrame.key && (!r.lastFrame.marked || r.lastFrame.mark.sender == r.owner) {
		r.seenLocked(now)
	}
}

// seenLocked notes the first picture of what the slot carries.
func (r *receiver) seenLocked(now time.Time) {
	r.unseen = false
	r.stats.SwitchTime = appendBounded(r.stats.SwitchTime, max(now.Sub(r.boundAt), 0))
}

func appendBounded(list []time.Duration, d time.Duration) []time.Duration {
	list = append(list, d)
	if len(list) > maxBindTimes {
		list = list[1:]
	}
	return list
}

func stripPadding(h *rtp.Header, payload []byte) []byte {
	if !h.Padding || len(payload) == 0 {
		return payload
	}
	return payload[:max(len(payload)-int(payload[len(payload)-1]), 0)]
}

// packet books one packet and returns the numbers that are newly missing.
func (r *receiver) packet(now time.Time, h *rtp.Header, payload []byte, size int, codec packet.Codec) (Slot, []uint16) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.slot.Codec = codec
	r.stats.Packets++
	r.stats.Bytes += uint64(size)
	r.endGapLocked(now)
	r.lastPacket = now
	if r.awaiting && len(payload) > 0 {
		r.awaiting = false
		r.stats.BindTime = appendBounded(r.stats.BindTime, now.Sub(r.boundAt))
	}
	resets := r.seq.Resets
	number, fresh, missing := r.seq.packet(now, h.SequenceNumber)
	switch {
	case r.seq.Resets != resets || r.seq.received == 1:
		r.frames.reset(number)
	case !fresh:
		return r.slot, nil
	}
	if r.kind == track.Audio {
		r.soundLocked(h, number, payload)
		return r.slot, missing
	}
	if len(payload) > 0 {
		r.pictureLocked(now, h, number, payload, codec)
	}
	r.showLocked(now)
	return r.slot, missing
}

// soundLocked takes redundant copies for what is missing.
func (r *receiver) soundLocked(h *rtp.Header, number int64, payload []byte) {
	if h.PayloadType != typeRED || len(payload) == 0 {
		return
	}
	n, ok := redundant(payload)
	if !ok {
		r.stats.Malformed++
		return
	}
	for i := 1; i <= n; i++ {
		r.seq.conceal(number - int64(i))
	}
}

func (r *receiver) pictureLocked(now time.Time, h *rtp.Header, number int64, payload []byte, codec packet.Codec) {
	if startsKeyFrame(codec, payload) {
		r.stats.KeyFrames++
		r.frames.keyStart(number)
	}
	if h.Marker {
		m, marked := findMark(payload)
		r.frames.complete(frame{last: number, mark: m, marked: marked})
	}
}

// showLocked takes all pictures that are whole now.
func (r *receiver) showLocked(now time.Time) {
	for {
		f, from, ok := r.frames.next(r.seq.missing, r.seq.highest)
		if !ok {
			return
		}
		if from > 0 {
			r.seq.forget(from)
		}
		r.stats.Frames++
		if !r.clock.last.IsZero() {
			r.stats.gap(now.Sub(r.clock.last), r.clock.counted)
		}
		if froze := r.clock.frame(now); froze > 0 {
			r.stats.Freezes++
			r.stats.Frozen += froze
		}
		r.lastFrame, r.shownAt = f, now
		r.judgeLocked(now, f)
	}
}

// judgeLocked looks at whose picture it is and how late.
func (r *receiver) judgeLocked(now time.Time, f frame) {
	own := !f.marked || f.mark.sender == r.owner
	if f.marked {
		r.latency.Add(now.Sub(f.mark.sent))
		r.strangerLocked(now, own)
	}
	if r.unseen && own && !r.boundAt.IsZero() && (f.marked || f.key) {
		r.seenLocked(now)
	}
}

// strangerLocked counts pictures of somebody else than the slot map says. Those
// of a new source that overtake the map are forgiven: bind forgets them.
func (r *receiver) strangerLocked(now time.Time, own bool) {
	switch {
	case own:
		r.stats.Foreign += r.strange
		r.strange, r.strangeAt = 0, time.Time{}
		return
	case r.boundAt.IsZero() || now.Sub(r.boundAt) <= lateAfter:
		return
	case r.strangeAt.IsZero():
		r.strangeAt = now
	}
	r.strange++
	if now.Sub(r.strangeAt) > recent {
		r.stats.Foreign += r.strange
		r.strange = 0
	}
}

// endGapLocked counts a silence of more than lateAfter on a bound slot, once.
func (r *receiver) endGapLocked(now time.Time) {
	since := r.lastPacket
	if r.boundAt.After(since) {
		since = r.boundAt
	}
	if gap := now.Sub(since); !r.boundAt.IsZero() && gap > lateAfter {
		if !r.late {
			r.stats.Late++
		}
		r.stats.LongestGap = max(r.stats.LongestGap, gap)
	}
	r.late = false
}

// wish is what a slot asks the server for.
type wish struct {
	ssrc   uint32
	nack   []uint16
	pli    bool
	report rtcp.ReceptionReport
}

// tick looks for what time alone brings: gaps, packets given up, pictures
// without a key frame.
func (r *receiver) tick(now time.Time) wish {
	r.mu.Lock()
	defer r.mu.Unlock()
	bound := !r.boundAt.IsZero()
	if bound && !r.late && now.Sub(r.boundAt) > lateAfter && now.Sub(r.lastPacket) > lateAfter {
		r.late = true
		r.stats.Late++
	}
	nack, lost := r.seq.retry(now)
	w := wish{ssrc: r.ssrc, nack: nack, report: r.seq.report(r.ssrc)}
	if r.reportRef != 0 {
		w.report.LastSenderReport = r.reportRef
		w.report.Delay = uint32(now.Sub(r.reportAt) * 65536 / time.Second)
	}
	if r.kind == track.Audio {
		return w
	}
	if lost > 0 {
		r.frames.lose(lost)
		r.showLocked(now)
	}
	if bound && !r.clock.last.IsZero() && !r.clock.counted && now.Sub(r.clock.last) > lateAfter {
		r.stats.gap(now.Sub(r.clock.last), false)
		r.clock.counted = true
	}
	blind := r.unseen && now.Sub(r.boundAt) > lateAfter
	if r.ssrc != 0 && bound && (r.frames.broken || blind) && now.Sub(r.lastPLI) > keyFrameEvery {
		w.pli, r.lastPLI = true, now
		r.stats.PLIs++
	}
	return w
}

// reported makes the next reception report begin here.
func (r *receiver) reported() {
	r.mu.Lock()
	r.seq.reported()
	r.mu.Unlock()
}

// senderReport notes the server's report on the slot.
func (r *receiver) senderReport(now time.Time, ntp uint64) {
	r.mu.Lock()
	r.reportRef, r.reportAt = uint32(ntp>>16), now
	r.mu.Unlock()
}

// RTP implements light.Handler.
func (b *Bot) RTP(h *rtp.Header, payload []byte, size int, now time.Time) {
	if number := h.GetExtension(b.twccID()); len(number) == 2 {
		b.feedback.record(h.SSRC, binary.BigEndian.Uint16(number), now)
	}
	to, ok := b.routes.find(h)
	if !ok {
		b.strays.Add(1)
		return
	}
	payload = stripPadding(h, payload)
	if to.repair || isRepair(h.PayloadType) {
		if len(payload) < 2 { // padding that probes for bandwidth
			return
		}
		h.SequenceNumber, h.PayloadType = binary.BigEndian.Uint16(payload), h.PayloadType-1
		payload = payload[2:]
	}
	if len(payload) > 0 && !b.sawMedia.Load() {
		b.mediaArrived(now)
	}
	slot, nack := to.receiver.packet(now, h, payload, size, codecOf(h.PayloadType))
	if len(nack) > 0 {
		b.sendRTCP(b.nack(to.receiver.stream(), nack))
	}
	if b.cfg.OnPacket != nil {
		b.cfg.OnPacket(slot, h, payload)
	}
}

func (r *receiver) stream() uint32 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.ssrc
}

// mediaArrived notes the first media packet of all slots.
func (b *Bot) mediaArrived(now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.mediaAt.IsZero() {
		b.mediaAt = now
	}
	b.sawMedia.Store(true)
}
