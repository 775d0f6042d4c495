package botclient

import (
	"context"
	"encoding/binary"
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"

	"github.com/meetcast/meetcast/internal/botclient/light"
	"github.com/meetcast/meetcast/internal/clip"
	"github.com/meetcast/meetcast/sfu/packet"
	"github.com/meetcast/meetcast/sfu/track"
)

const (
	// historySize is how many packets of an encoding can be sent again.
	historySize = 512
	// dtxEvery is the pace of a silent microphone, in frames of 20 ms: Opus
	// sends a comfort packet every 400 ms.
	dtxEvery = 20
	// silent is the level from which a microphone counts as silent, -dBov.
	silent = 127
)

// transport numbers and sends the packets of a bot.
type transport struct {
	conn   *light.Conn
	number atomic.Uint32 // transport-wide, low 16 bits
}

// sender plays the clips of one published source, all layers in step.
type sender struct {
	source track.Source
	layers []*encoding
	frame  time.Duration // between frames
	steady bool          // as in Track
	dtx    bool
	marked bool

	mid    string
	owner  atomic.Uint32 // senderHash of the bot
	level  atomic.Uint32 // audio level, -dBov
	muted  atomic.Bool
	bursts atomic.Uint64 // frames sent late, or left out, because the machine is too slow
	ids    atomic.Pointer[extensionIDs]
}

// extensionIDs are the negotiated numbers of header extensions, 0 = not agreed,
// and of RED.
type extensionIDs struct{ mid, twcc, rid, repair, level, red uint8 }

// encoding is one simulcast layer. The position in the clip is owned by the
// send loop; readers of RTCP only raise wantKey and repeat packets.
type encoding struct {
	sender     *sender
	out        *transport
	rid        string
	ssrc, rtx  uint32
	pt         uint8
	clip       *clip.Clip
	packetizer packetizer
	red        redHistory
	next       int
	quiet      int // frames since the last packet of silence
	scratch    []byte

	wantKey atomic.Bool
	paused  atomic.Bool // nobody wants it: dynacast

	mu        sync.Mutex // what follows: the send loop, and repetitions
	sequence  uint16
	timestamp uint32
	rtxNumber uint16
	history   [historySize]sent
	sentAt    time.Time // of timestamp

	packets, bytes, plis, nacks, repeated, skipped atomic.Uint64
}

// sent is a packet that may be asked for again.
type sent struct {
	valid   bool
	header  rtp.Header
	payload []byte
}

func newSender(t Track, mid string, out *transport) *sender {
	s := &sender{source: t.Source, mid: mid, frame: t.Layers[0].FrameDuration, steady: t.Steady, dtx: t.DTX, marked: t.Marked}
	s.level.Store(uint32(t.Level))
	s.ids.Store(&extensionIDs{})
	names := rids[len(t.Layers)]
	for i, c := range t.Layers {
		e := &encoding{sender: s, out: out, rid: names[i], ssrc: rand.Uint32() | 1, clip: c, packetizer: packetizer{codec: c.Codec},
			sequence: uint16(rand.Uint32()), timestamp: rand.Uint32(), rtxNumber: uint16(rand.Uint32())}
		switch c.Codec {
		case packet.VP8:
			e.pt = typeVP8
		case packet.H264:
			e.pt = typeH264
		default:
			e.pt = typeOpus
		}
		if c.Codec != packet.Opus {
			e.rtx = rand.Uint32() | 1
		}
		s.layers = append(s.layers, e)
	}
	return s
}

// agreed takes what the answer says of the track.
func (s *sender) agreed(l *light.AnswerLine) {
	ids := extensionIDs{mid: l.Extension(uriMid), twcc: l.Extension(uriTWCC), rid: l.Extension(uriRID),
		repair: l.Extension(uriRepairRID), level: l.Extension(uriAudioLevel)}
	if c, ok := l.Codec("red"); ok && len(l.Types) > 0 && l.Types[0] == int(c.Type) {
		ids.red = c.Type // listed first: the server prefers it
	}
	s.ids.Store(&ids)
}

// activate obeys the server's word on which layers anybody wants; a layer that
// is wanted again begins with a key frame.
func (s *sender) activate(active []string) {
	for _, e := range s.layers {
		on := slices.Contains(active, e.rid)
		if e.paused.Swap(!on) && on {
			e.wantKey.Store(true)
		}
	}
}

// run sends in real time until the context ends. It waits for the media path.
func (s *sender) run(ctx context.Context, ready <-chan struct{}) {
	select {
	case <-ctx.Done():
		return
	case <-ready:
	}
	// Bots that joined in the same instant do not send in the same instant.
	timer := time.NewTimer(time.Duration(rand.Int64N(int64(s.frame))))
	defer timer.Stop()
	if s.steady {
		timer.Reset(0)
	}
	due := time.Time{}
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		if due.IsZero() {
			due = time.Now()
		}
		s.nextFrame()
		due = due.Add(s.frame)
		wait := time.Until(due)
		if wait < -s.frame {
			s.bursts.Add(1)
		}
		for ; -wait > s.patience(); wait += s.frame {
			s.skipFrame()
			due = due.Add(s.frame)
		}
		timer.Reset(max(wait, 0))
	}
}

// soundPatience is how late a microphone may send and catch up.
const soundPatience = 200 * time.Millisecond

// patience is how late the next frame may be and still be sent. A camera on a
// machine that is too slow leaves frames out; one that made up for them would ask
// most of a machine just when it has least.
func (s *sender) patience() time.Duration {
	switch {
	case s.steady:
		return math.MaxInt64
	case s.layers[0].clip.Codec == packet.Opus:
		return max(soundPatience, s.frame)
	}
	return s.frame
}

// skipFrame lets the time of a frame pass.
func (s *sender) skipFrame() {
	now := time.Now()
	for _, e := range s.layers {
		e.step(now)
	}
}

// nextFrame sends the next frame of every layer; while muted or paused, only
// time passes.
func (s *sender) nextFrame() {
	now, muted, ids := time.Now(), s.muted.Load(), *s.ids.Load()
	for _, e := range s.layers {
		e.step(now)
		if muted || e.paused.Load() {
			e.wantKey.Store(true)
			continue
		}
		if e.wantKey.Swap(false) && !s.steady {
			e.next = e.clip.NextKey(e.next)
		}
		data := e.clip.Frames[e.next].Data
		e.next = (e.next + 1) % len(e.clip.Frames)
		if e.clip.Codec == packet.Opus {
			e.sound(data, ids)
			continue
		}
		if s.marked {
			e.scratch = appendMark(e.scratch[:0], data, e.clip.Codec, mark{sent: now, sender: s.owner.Load()})
			data = e.scratch
		}
		pieces := e.packetizer.payloads(data)
		for i, p := range pieces {
			e.send(p, i == len(pieces)-1, ids)
		}
	}
}

// step moves the time of the RTP clock on by one frame.
func (e *encoding) step(now time.Time) {
	e.mu.Lock()
	e.timestamp += samplesIn(e.clip.FrameDuration, e.clip.ClockRate())
	e.sentAt = now
	e.mu.Unlock()
}

// sound sends one Opus frame: nothing but a comfort packet now and then while
// silent, and with the frame before it where RED was agreed.
func (e *encoding) sound(data []byte, ids extensionIDs) {
	begins := false
	if e.sender.dtx {
		if e.sender.level.Load() >= silent {
			e.quiet++
			if e.quiet%dtxEvery != 1 {
				return
			}
			data = data[:1] // the TOC byte alone is a lost or silent frame, RFC 6716 §3.2
		} else {
			begins, e.quiet = e.quiet > 0, 0
		}
	}
	if ids.red == 0 {
		e.send(append([]byte(nil), data...), begins, ids)
		return
	}
	e.send(e.red.pack(nil, e.timestamp, data), begins, ids)
}

// samplesIn returns the RTP timestamp step of a frame, rounded.
func samplesIn(d time.Duration, rate uint32) uint32 {
	return uint32((uint64(rate)*uint64(d) + 5e8) / 1e9)
}

// send sends one packet and keeps it for repetition.
func (e *encoding) send(payload []byte, marker bool, ids extensionIDs) {
	e.mu.Lock()
	e.sequence++
	h := rtp.Header{Version: 2, Marker: marker, PayloadType: e.pt, SequenceNumber: e.sequence, Timestamp: e.timestamp, SSRC: e.ssrc}
	if ids.red != 0 && e.pt == typeOpus {
		h.PayloadType = ids.red
	}
	if e.rtx != 0 {
		e.history[h.SequenceNumber%historySize] = sent{valid: true, header: h, payload: payload}
	}
	e.mu.Unlock()
	e.extend(&h, ids, ids.rid)
	if err := e.out.conn.WriteRTP(&h, payload); err != nil {
		e.skipped.Add(1)
		return
	}
	e.packets.Add(1)
	e.bytes.Add(uint64(len(payload)))
}

// extend puts the header extensions on a packet. A browser stops sending mid
// and rid after a while; a bot may send them always.
func (e *encoding) extend(h *rtp.Header, ids extensionIDs, rid uint8) {
	if ids.mid != 0 {
		_ = h.SetExtension(ids.mid, []byte(e.sender.mid))
	}
	if ids.twcc != 0 {
		number := uint16(e.out.number.Add(1))
		_ = h.SetExtension(ids.twcc, binary.BigEndian.AppendUint16(nil, number))
	}
	if rid != 0 && e.rid != "" {
		_ = h.SetExtension(rid, []byte(e.rid))
	}
	if ids.level != 0 {
		level := byte(e.sender.level.Load()) & 0x7f
		if level < 60 { // RFC 6464 §3: the V bit, "voice"
			level |= 0x80
		}
		_ = h.SetExtension(ids.level, []byte{level})
	}
}

// askKey makes the next frame a key frame.
func (e *encoding) askKey() {
	e.plis.Add(1)
	e.wantKey.Store(true)
}

// repeat answers a NACK on the retransmission stream (RFC 4588 §4), whose layer
// is named by RepairedRtpStreamId (RFC 8852 §3.1).
func (e *encoding) repeat(numbers []uint16) {
	e.nacks.Add(1)
	ids := *e.sender.ids.Load()
	for _, n := range numbers {
		e.mu.Lock()
		old := e.history[n%historySize]
		if !old.valid || old.header.SequenceNumber != n {
			e.mu.Unlock()
			continue
		}
		e.rtxNumber++
		h := old.header
		h.SSRC, h.PayloadType, h.SequenceNumber = e.rtx, old.header.PayloadType+1, e.rtxNumber
		e.mu.Unlock()
		payload := append(binary.BigEndian.AppendUint16(nil, n), old.payload...)
		e.extend(&h, ids, ids.repair)
		if e.out.conn.WriteRTP(&h, payload) == nil {
			e.repeated.Add(1)
		}
	}
}

// reports are the sender reports of all layers (RFC 3550 §6.4.1).
func (s *sender) reports(now time.Time) []rtcp.Packet {
	var out []rtcp.Packet
	for _, e := range s.layers {
		n := e.packets.Load()
		if n == 0 {
			continue
		}
		e.mu.Lock()
		rtpTime := e.timestamp + samplesIn(max(now.Sub(e.sentAt), 0), e.clip.ClockRate())
		e.mu.Unlock()
		out = append(out, &rtcp.SenderReport{SSRC: e.ssrc, NTPTime: ntpTime(now), RTPTime: rtpTime,
			PacketCount: uint32(n), OctetCount: uint32(e.bytes.Load())})
	}
	return out
}

// ntpTime is a time as RFC 3550 §4 counts it: seconds since 1900, 32.32 bits.
func ntpTime(t time.Time) uint64 {
	const since1900 = 2208988800
	return uint64(t.Unix()+since1900)<<32 | uint64(t.Nanosecond())<<32/1e9
}
