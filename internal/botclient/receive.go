package botclient

import (
	"encoding/binary"
	"sync"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"

	"github.com/meetcast/meetcast/sfu/packet"
	"github.com/meetcast/meetcast/sfu/track"
)

const (
	// lateAfter is how long a bound slot may be without a packet before it
	// counts as late.
	lateAfter = time.Second
	// keyFrameEvery limits the key-frame requests of one slot.
	keyFrameEvery = 500 * time.Millisecond
)

// receiver keeps the books of one slot. Its stream may change its source; the
// numbers of its packets go on.
type receiver struct {
	mid  string
	kind track.Kind

	mu    sync.Mutex
	ssrc  uint32
	slot  Slot
	seq   sequence
	stats SlotStats

	boundAt    time.Time // of what it carries now; zero while empty
	awaiting   bool      // no packet yet since boundAt
	haveKey    bool      // a key frame came since boundAt
	lastPacket time.Time
	lastPLI    time.Time
	late       bool // the present gap is counted already
	frames     frameClock
}

func newReceiver(mid string, kind track.Kind) *receiver {
	return &receiver{mid: mid, kind: kind, slot: Slot{Mid: mid, Kind: kind}, stats: SlotStats{Mid: mid, Kind: kind}}
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
	r.frames = frameClock{}
	r.haveKey = r.kind == track.Audio
	r.boundAt, r.awaiting = time.Time{}, participant != ""
	if participant != "" {
		r.boundAt = now
		r.stats.Binds++
	}
}

// readLoop ends with the PeerConnection.
func (b *Bot) readLoop(remote *webrtc.TrackRemote, r *receiver) {
	buf := make([]byte, 1600)
	var header rtp.Header
	for first := true; ; {
		n, _, err := remote.Read(buf)
		if err != nil {
			return
		}
		at, err := header.Unmarshal(buf[:n])
		if err != nil {
			continue
		}
		payload, now := stripPadding(&header, buf[at:n]), time.Now()
		if first && len(payload) > 0 {
			first = false
			b.mediaArrived(now)
		}
		slot, nack := r.packet(now, &header, payload, n, codecOf(remote))
		if len(nack) > 0 {
			b.sendNACK(r, nack)
		}
		if b.cfg.OnPacket != nil {
			b.cfg.OnPacket(slot, &header, payload)
		}
	}
}

// mediaArrived notes the first media packet of all slots.
func (b *Bot) mediaArrived(now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.mediaAt.IsZero() {
		b.mediaAt = now
	}
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
		r.stats.BindTime = append(r.stats.BindTime, now.Sub(r.boundAt))
		if len(r.stats.BindTime) > maxBindTimes {
			r.stats.BindTime = r.stats.BindTime[1:]
		}
	}
	if r.kind == track.Video && len(payload) > 0 {
		if startsKeyFrame(codec, payload) {
			r.haveKey = true
			r.stats.KeyFrames++
		}
		if h.Marker {
			r.stats.Frames++
			if froze := r.frames.frame(now); froze > 0 {
				r.stats.Freezes++
				r.stats.Frozen += froze
			}
		}
	}
	return r.slot, r.seq.packet(now, h.SequenceNumber)
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

// tick looks for what time alone brings: gaps, packets given up, pictures
// without a key frame. It returns what to ask the server for.
func (r *receiver) tick(now time.Time) (nack []uint16, pli bool, report rtcp.ReceptionReport, ssrc uint32) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.boundAt.IsZero() && !r.late && now.Sub(r.boundAt) > lateAfter && now.Sub(r.lastPacket) > lateAfter {
		r.late = true
		r.stats.Late++
	}
	nack, lost := r.seq.retry(now)
	if r.kind == track.Video && r.ssrc != 0 && !r.boundAt.IsZero() {
		missing := !r.haveKey && now.Sub(r.boundAt) > lateAfter
		if (lost || missing) && now.Sub(r.lastPLI) > keyFrameEvery {
			pli = true
			r.lastPLI = now
			r.stats.PLIs++
		}
	}
	return nack, pli, r.seq.report(r.ssrc), r.ssrc
}

// startsKeyFrame looks at the payload as a decoder would to start from it
// (RFC 7741 §4.2–4.3 for VP8, RFC 6184 §5.2 for H.264).
func startsKeyFrame(codec packet.Codec, b []byte) bool {
	switch codec {
	case packet.VP8:
		return vp8Key(b)
	case packet.H264:
		return h264Key(b)
	}
	return false
}

func vp8Key(b []byte) bool {
	if b[0]&0x10 == 0 || b[0]&0x07 != 0 { // start of partition 0
		return false
	}
	at := 1
	if b[0]&0x80 != 0 {
		if len(b) < 2 {
			return false
		}
		x := b[1]
		at++
		if x&0x80 != 0 { // picture id, 7 or 15 bits
			if len(b) > at && b[at]&0x80 != 0 {
				at++
			}
			at++
		}
		if x&0x40 != 0 {
			at++
		}
		if x&0x30 != 0 {
			at++
		}
	}
	return len(b) > at && b[at]&1 == 0
}

func h264Key(b []byte) bool {
	const sps, idr, stapA, fuA = 7, 5, 24, 28
	switch kind := b[0] & 0x1f; kind {
	case sps, idr:
		return true
	case stapA:
		for at := 1; at+3 <= len(b); {
			if k := b[at+2] & 0x1f; k == sps || k == idr {
				return true
			}
			at += 2 + int(binary.BigEndian.Uint16(b[at:]))
		}
	case fuA:
		return len(b) > 1 && b[1]&0x80 != 0 && b[1]&0x1f == idr
	}
	return false
}
