package traces

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/pion/rtp"

	"github.com/meetcast/meetcast/sfu/forward"
	"github.com/meetcast/meetcast/sfu/packet"
	"github.com/meetcast/meetcast/sfu/track"
	"github.com/meetcast/meetcast/tests/traces/netsim"
)

// overhead is what IPv4, UDP, SRTP and the header extensions add to a packet, bytes.
const overhead = 28 + 16 + 8

const (
	vp8Type, rtxType, opusType, redType = 96, 97, 111, 63

	fps = 30
	mtu = 1100
	// pace is the time between two packets of a browser's pacer.
	pace     = time.Millisecond
	keyTimes = 6 // a key frame is as large as this many others
)

// encoding is one simulcast layer of a camera, in VP8 with two temporal layers.
type encoding struct {
	rid           string
	ssrc          uint32
	rate          int // bit/s
	width, height uint16

	seq     uint16
	stamp   uint32
	picture uint16
	tl0     uint8
	frame   int
	debt    float64 // bytes by which key frames were larger than their share
	wantKey bool
	keys    int
	sent    map[uint16][]byte
	again   map[uint16]time.Duration // when each was sent again last
}

// camera is a publisher of a picture. up carries its media to the server, back the
// server's feedback to it.
type camera struct {
	*loop
	track    *forward.Track
	layers   []*encoding
	up, back *netsim.Link
	rand     *rand.Rand
	paced    time.Duration // when the last packet goes out
	// rtt is the round trip as the browser measures it.
	rtt time.Duration
	// deliver takes a packet that has come to the server.
	deliver func(e *encoding, b []byte)
}

// threeLayers are the encodings of most traces.
func threeLayers() []*encoding {
	return []*encoding{
		{rid: "q", rate: 150_000, width: 320, height: 180},
		{rid: "h", rate: 500_000, width: 640, height: 360},
		{rid: "f", rate: 1_700_000, width: 1280, height: 720},
	}
}

func newCamera(l *loop, id int, up, back *netsim.Link, layers ...*encoding) *camera {
	c := &camera{loop: l, layers: layers, up: up, back: back, rand: rand.New(rand.NewPCG(uint64(id), 7))}
	var rids []string
	for i, e := range layers {
		e.ssrc, e.wantKey = uint32(1000+100*id+i), true
		e.sent, e.again = map[uint16][]byte{}, map[uint16]time.Duration{}
		rids = append(rids, e.rid)
	}
	if len(rids) == 1 {
		rids, layers[0].rid = nil, ""
	}
	c.track = forward.NewTrack(forward.TrackConfig{
		Info: track.Info{ID: track.TrackID(fmt.Sprintf("camera%d", id)), Member: "p", Kind: track.Video, Source: track.Camera,
			Codec: packet.VP8, ClockRate: 90000},
		RIDs: rids, Feedback: cameraFeedback{c}, Now: l.clock,
	})
	c.deliver = func(e *encoding, b []byte) { c.track.Lane(e.rid).Receive(b, c.clock()) }
	// Cameras do not run in step.
	l.after(time.Duration(id)*7*time.Millisecond, func() { l.every(time.Second/fps, c.tick) })
	l.every(100*time.Millisecond, func() { c.track.Tick(l.clock()) })
	// As the engine's loop does.
	eager, turn := false, 0
	l.every(10*time.Millisecond, func() {
		if turn++; eager || turn%5 == 0 {
			eager = c.track.Repair(l.clock())
		}
	})
	return c
}

// cameraFeedback is how the server reaches the camera.
type cameraFeedback struct{ c *camera }

func (f cameraFeedback) RTT() time.Duration { return 0 }

func (f cameraFeedback) PictureLoss(ssrc uint32) {
	f.c.hear(func() {
		for _, e := range f.c.layers {
			e.wantKey = e.wantKey || e.ssrc == ssrc
		}
	})
}

// Nack is answered as libwebrtc does: a packet that was sent again within a round
// trip and 5 ms is not sent a third time.
func (f cameraFeedback) Nack(ssrc uint32, seqs []uint16) {
	seqs = append([]uint16(nil), seqs...)
	f.c.hear(func() {
		for _, e := range f.c.layers {
			for _, seq := range seqs {
				b := e.sent[seq]
				if e.ssrc != ssrc || b == nil {
					continue
				}
				if at, ok := e.again[seq]; ok && f.c.now-at < f.c.rtt+5*time.Millisecond {
					continue
				}
				e.again[seq] = f.c.now
				f.c.send(e, b)
			}
		}
	})
}

func (c *camera) hear(do func()) {
	if at, ok := c.back.Send(c.now, 60); ok {
		c.at(at, do)
	}
}

// tick makes a frame of every layer.
func (c *camera) tick() {
	for _, e := range c.layers {
		c.encode(e)
	}
}

func (c *camera) encode(e *encoding) {
	key := e.wantKey
	e.wantKey = false
	mean := float64(e.rate) / 8 / fps
	size := mean * (0.8 + 0.4*c.rand.Float64())
	if key {
		e.frame, size = 0, mean*keyTimes
		e.keys++
	}
	// The rate control makes up for key frames over the following second.
	if !key && e.debt > 0 {
		save := min(size*0.3, e.debt)
		size, e.debt = size-save, e.debt-save
	}
	if key {
		e.debt += size - mean
	}
	tid := uint8(e.frame % 2)
	if tid == 0 {
		e.tl0++
	}
	e.frame++
	e.picture = (e.picture + 1) & 0x7fff
	e.stamp += 90000 / fps
	n := max(1, (int(size)+mtu-1)/mtu)
	for i := range n {
		b := c.packet(e, int(size)/n, i == 0, i == n-1, key, tid)
		c.paced = max(c.paced, c.now) + pace
		c.at(c.paced, func() { c.send(e, b) })
	}
}

// packet builds one RTP packet of a frame.
func (c *camera) packet(e *encoding, size int, first, last, key bool, tid uint8) []byte {
	payload := make([]byte, max(size, 20))
	payload[0], payload[1] = 0x80, 0xe0 // extended; picture id, TL0PICIDX, TID
	if first {
		payload[0] |= 0x10
	}
	binary.BigEndian.PutUint16(payload[2:], 0x8000|e.picture)
	payload[4], payload[5] = e.tl0, tid<<6|tid<<5 // Y: the upper layer refers to the base alone
	payload[6] = 1
	if key && first {
		payload[6] = 0
		copy(payload[9:], []byte{0x9d, 1, 0x2a})
		binary.LittleEndian.PutUint16(payload[12:], e.width)
		binary.LittleEndian.PutUint16(payload[14:], e.height)
	}
	p := rtp.Packet{Header: rtp.Header{Version: 2, Marker: last, PayloadType: vp8Type, SequenceNumber: e.seq,
		Timestamp: e.stamp, SSRC: e.ssrc}, Payload: payload}
	b, err := p.Marshal()
	if err != nil {
		panic(err)
	}
	e.sent[e.seq] = b
	delete(e.sent, e.seq-1000)
	delete(e.again, e.seq-1000)
	e.seq++
	return b
}

func (c *camera) send(e *encoding, b []byte) {
	if at, ok := c.up.Send(c.now, len(b)+overhead); ok {
		c.at(at, func() { c.deliver(e, b) })
	}
}

// frameTime is how long the sound of one packet lasts.
const frameTime = 20 * time.Millisecond

// microphone is a publisher of sound: 32 kbit/s of Opus, each packet with its number.
type microphone struct {
	*loop
	track *forward.Track
	up    *netsim.Link
	red   bool
	n     uint32
	past  []byte
}

func newMicrophone(l *loop, up *netsim.Link, red bool) *microphone {
	m := &microphone{loop: l, up: up, red: red}
	m.track = forward.NewTrack(forward.TrackConfig{
		Info:     track.Info{ID: "microphone", Member: "p", Kind: track.Audio, Source: track.Microphone, Codec: packet.Opus, ClockRate: 48000},
		Feedback: cameraFeedback{}, Now: l.clock,
		Types: map[uint8]packet.Codec{opusType: packet.Opus, redType: packet.RED},
	})
	l.every(frameTime, m.tick)
	return m
}

func (m *microphone) tick() {
	const samples = 960
	sound := make([]byte, 80)
	sound[0] = 0x78 // a TOC byte
	binary.BigEndian.PutUint32(sound[1:], m.n)
	h := rtp.Header{Version: 2, PayloadType: opusType, SequenceNumber: uint16(m.n), Timestamp: samples * m.n, SSRC: 999}
	payload := sound
	if m.red {
		h.PayloadType = redType
		payload = nil
		if m.past != nil {
			payload = binary.BigEndian.AppendUint32(nil, 0x80<<24|opusType<<24|samples<<10|uint32(len(m.past)))
		}
		payload = append(append(append(payload, opusType), m.past...), sound...)
	}
	m.past = sound
	m.n++
	b, err := (&rtp.Packet{Header: h, Payload: payload}).Marshal()
	if err != nil {
		panic(err)
	}
	if at, ok := m.up.Send(m.now, len(b)+overhead); ok {
		m.at(at, func() { m.track.Lane("").Receive(b, m.clock()) })
	}
}
