package sfu

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/sdp/v3"

	"github.com/meetcast/meetcast/sfu/packet"
	"github.com/meetcast/meetcast/sfu/track"
)

const (
	extMid, extRID, extRRID, extTWCC = 1, 2, 3, 4
)

var extmaps = []string{"extmap:1 " + sdp.SDESMidURI, "extmap:2 " + sdp.SDESRTPStreamIDURI, "extmap:3 " + sdp.SDESRepairRTPStreamIDURI,
	"extmap:4 " + sdp.TransportCCURI}

var rtxLines = []string{"rtpmap:97 rtx/90000", "fmtp:97 apt=96", "rtcp-fb:96 nack", "rtcp-fb:96 nack pli", "rtcp-fb:96 transport-cc"}

func lines(lists ...[]string) (all []string) {
	for _, l := range lists {
		all = append(all, l...)
	}
	return all
}

var simulcast = []string{"rid:q send", "rid:h send", "simulcast:send q;h"}

// Layers are told apart by rid, their retransmissions by repaired rid.
func TestRoutesSimulcast(t *testing.T) {
	p, c := newBarePeer(t, nil)
	answer(t, p, sdpHead+bundle("v", "a")+mline("video", "v", "sendonly", "VP8/90000", lines(extmaps, rtxLines, simulcast)...)+
		strings.ReplaceAll(mline("audio", "a", "sendonly", "opus/48000/2", extmaps[0], extmaps[3]), "96", "111"), map[string]track.Source{"v": track.Camera, "a": track.Microphone})
	connected(p)
	p.route(vp8Packet(100, 1, map[uint8]string{extMid: "v", extRID: "q", extTWCC: "\x00\x01"}), now())
	p.route(vp8Packet(100, 2, nil), now()) // known by now
	p.route(vp8Packet(200, 1, map[uint8]string{extRID: "h"}), now())
	p.route(vp8Packet(200, 3, nil), now())
	lost := vp8Packet(200, 2, nil)
	p.route(rtxPacket(201, 9, 97, lost, map[uint8]string{extMid: "v", extRRID: "h"}), now())
	p.route(rtxPacket(201, 10, 97, lost, nil), now()) // twice
	p.route(rtxPacket(201, 11, 97, lost, nil)[:12], now())
	up := p.UpTracks()
	if len(up) != 1 || up[0].Info().Codec != packet.VP8 {
		t.Fatalf("%v", up)
	}
	s := p.Stats()
	if s.Unrouted != 0 || s.Up.Packets != 5 || s.Tracks[0].Drops[2] != 1 {
		t.Fatalf("%+v", s)
	}
	for name, b := range map[string][]byte{
		"no mid":            vp8Packet(300, 1, nil),
		"unknown mid":       vp8Packet(300, 1, map[uint8]string{extMid: "x", extRID: "q"}),
		"unknown rid":       vp8Packet(300, 1, map[uint8]string{extMid: "v", extRID: "x"}),
		"mid without rid":   vp8Packet(300, 1, map[uint8]string{extMid: "v"}),
		"short":             {0x80, 96, 0},
		"too long a header": {0x9f, 96, 0, 1, 0, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0, 0},
	} {
		before := p.unrouted.Load()
		if p.route(b, now()); p.unrouted.Load() != before+1 {
			t.Errorf("%s was routed", name)
		}
	}
	// A layer's stream is replaced, not added to.
	for i := range 1000 {
		p.route(vp8Packet(uint32(1000+i), 1, map[uint8]string{extMid: "v", extRID: "q"}), now())
	}
	if n := len(p.streams.Load().all); n != 3 {
		t.Fatalf("%d streams", n)
	}
	p.visit(now().Add(2*reportInterval), false)
	c.mu.Lock()
	defer c.mu.Unlock()
	var feedback, reports bool
	for _, pkt := range c.told {
		switch pkt := pkt.(type) {
		case *rtcp.TransportLayerCC:
			feedback = pkt.BaseSequenceNumber == 1
		case *rtcp.ReceiverReport:
			reports = reports || len(pkt.Reports) == 2
		}
	}
	if !feedback || !reports {
		t.Fatalf("told %v", c.told)
	}
}

// Encoders without mid and rid are known by their SSRC lines, or by what only one
// line can be.
func TestRoutesPlain(t *testing.T) {
	for name, ssrc := range map[string][]string{
		"SSRC lines": {"ssrc-group:FID 7 8", "ssrc:7 cname:x", "ssrc:8 cname:x"},
		"one SSRC":   {"ssrc:7 cname:x"},
		"nothing":    nil,
	} {
		p, _ := newBarePeer(t, nil)
		a := answer(t, p, sdpHead+bundle("0", "1")+mline("audio", "0", "sendrecv", "opus/48000/2")+
			mline("video", "1", "sendrecv", "H264/90000", "fmtp:96 packetization-mode=1;profile-level-id=42001f"), nil)
		if !contains(a, "a=recvonly") || contains(a, "a=sendonly") {
			t.Fatalf("%s", a)
		}
		p, _ = newBarePeer(t, nil)
		answer(t, p, sdpHead+mline("video", "1", "sendonly", "VP8/90000", lines(rtxLines, ssrc)...), nil)
		p.route(vp8Packet(7, 1, nil), now())
		p.route(vp8Packet(7, 3, nil), now())
		p.route(rtxPacket(8, 1, 97, vp8Packet(7, 2, nil), nil), now())
		if s := p.Stats(); s.Up.Packets != 3 || s.Unrouted != 0 || len(p.UpTracks()) != 1 {
			t.Errorf("%s: %+v", name, s)
		}
	}
}

// A browser whose encoder fails goes over to another codec.
func TestTrackIsPublishedAnewInAnotherCodec(t *testing.T) {
	var h heard
	p, _ := newBarePeer(t, &h)
	answer(t, p, sdpHead+mline("video", "v", "sendonly", "VP8/90000", "rtpmap:97 H264/90000", "fmtp:97 packetization-mode=1;profile-level-id=42e01f", "ssrc:7 cname:x"),
		map[string]track.Source{"v": track.Camera})
	at := now()
	p.route(vp8Packet(7, 1, nil), at)
	b := vp8Packet(7, 2, nil)
	b[1] = b[1]&0x80 | 97
	p.route(b, at) // too soon
	if len(h.ended) != 0 {
		t.Fatal("a single packet ended the track")
	}
	at = at.Add(recodeInterval)
	var h264 rtp.Packet
	_ = h264.Unmarshal(b)
	h264.Payload = []byte{0x65, 0x88, 1, 2, 3}
	for i := range uint16(3) {
		h264.SequenceNumber = 3 + i
		b, _ := h264.Marshal()
		p.route(b, at)
	}
	if ups := p.UpTracks(); len(ups) != 1 || ups[0].Info().Codec != packet.H264 || len(h.ended) != 1 || len(h.published) != 2 {
		t.Fatalf("%v %v", ups, h.ended)
	}
}

func TestSlotFeedback(t *testing.T) {
	p, c := newBarePeer(t, nil)
	pub, _ := newBarePeer(t, nil)
	answer(t, pub, sdpHead+mline("video", "v", "sendonly", "VP8/90000", lines(rtxLines, []string{"ssrc:7 cname:x"})...), map[string]track.Source{"v": track.Camera})
	connected(pub)
	answer(t, p, sdpHead+mline("video", "v", "recvonly", "VP8/90000", lines(rtxLines, extmaps)...), nil)
	connected(p)
	pub.route(vp8Packet(7, 1, nil), now())
	p.Bind("v", pub.UpTracks()[0], fullHD)
	p.visit(now(), true)
	for i := range uint16(3) {
		pub.route(vp8Packet(7, 2+i, nil), now())
	}
	if len(c.sent) < 3 || c.sent[0].PayloadType != 96 {
		t.Fatalf("%+v", c.sent)
	}
	slot := p.wired.Load().slots[0]
	send := func(pkts ...rtcp.Packet) {
		b, err := rtcp.Marshal(pkts)
		if err != nil {
			t.Fatal(err)
		}
		handler{p}.RTCP(b, now())
	}
	send(&rtcp.ReceiverReport{SSRC: 1, Reports: []rtcp.ReceptionReport{{SSRC: slot.ssrc, FractionLost: 64}}},
		&rtcp.TransportLayerNack{MediaSSRC: slot.ssrc, Nacks: []rtcp.NackPair{{PacketID: c.sent[0].SequenceNumber, LostPackets: 2}}},
		&rtcp.PictureLossIndication{MediaSSRC: slot.ssrc},
		&rtcp.FullIntraRequest{MediaSSRC: slot.ssrc, FIR: []rtcp.FIREntry{{SSRC: slot.ssrc}, {SSRC: 5}}},
		&rtcp.ReceiverEstimatedMaximumBitrate{Bitrate: 1}, &rtcp.Goodbye{Sources: []uint32{1}})
	s := p.Stats()
	if d := s.Slots[0]; d.Loss != 0.25 || d.Nacks != 2 || d.RTX != 2 || d.PLIs != 2 || s.MalformedRTCP != 0 {
		t.Fatalf("%+v", s.Slots[0])
	}
	for _, bad := range [][]byte{{}, {0x80}, {0x80, 200, 0, 1, 0, 0, 0, 0}, {0x81, 201, 0, 1, 0, 0, 0, 0}, {0x8f, 205, 0, 1, 0, 0, 0, 0}, {0x80, 201, 0, 9, 0, 0, 0, 0}} {
		handler{p}.RTCP(bad, now())
	}
	if n := p.Stats().MalformedRTCP; n != 5 {
		t.Fatalf("%d malformed packets", n)
	}
}

func FuzzRTP(f *testing.F) {
	f.Add(vp8Packet(100, 1, map[uint8]string{extMid: "v", extRID: "q", extTWCC: "\x00\x01"}))
	f.Add(vp8Packet(7, 1, map[uint8]string{extMid: "w"}))
	f.Add(rtxPacket(201, 9, 97, vp8Packet(100, 2, nil), map[uint8]string{extMid: "v", extRRID: "q"}))
	f.Add([]byte{0xb0, 97, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0xbe, 0xde, 0, 1, 0x1f, 1, 2, 3, 1})
	f.Add([]byte{0xbf, 97, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0x10, 0, 0, 1, 1, 2, 3, 4})
	p, _ := newBarePeer(f, nil)
	f.Add([]byte{0x80, 63, 0, 1, 0, 0, 0, 1, 0, 0, 0, 2, 111 | 0x80, 0, 4, 2, 111, 1, 2, 3})
	f.Add([]byte{0x80, 98, 0, 1, 0, 0, 0, 1, 0, 0, 0, 3, 0x8f, 0x80, 0x01, 0, 0, 1, 2, 3})
	sound := strings.NewReplacer("96", "111", "97", "63").Replace(mline("audio", "a", "sendonly", "opus/48000/2", "rtpmap:97 red/48000/2", "fmtp:97 96/96"))
	offer := sdpHead + bundle("v", "w", "a") + mline("video", "v", "sendonly", "VP8/90000", lines(extmaps, rtxLines, simulcast)...) +
		strings.NewReplacer("96", "98", "97", "99").Replace(mline("video", "w", "sendonly", "VP9/90000", lines(extmaps, rtxLines)...)) + sound
	if _, err := p.Answer(f.Context(), offer, map[string]track.Source{"v": track.Camera, "w": track.Screen, "a": track.Microphone}); err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		p.route(b, now())
		if n := len(p.streams.Load().all); n > 8 {
			t.Fatalf("%d streams", n)
		}
	})
}

func FuzzRTCP(f *testing.F) {
	p, _ := newBarePeer(f, nil)
	if _, err := p.Answer(f.Context(), sdpHead+mline("video", "v", "recvonly", "VP8/90000", lines(rtxLines, extmaps)...), nil); err != nil {
		f.Fatal(err)
	}
	s := p.wired.Load().slots[0]
	s.ssrc = 7
	for _, pkt := range []rtcp.Packet{
		&rtcp.SenderReport{SSRC: 7, Reports: []rtcp.ReceptionReport{{SSRC: 7}}}, &rtcp.ReceiverReport{Reports: []rtcp.ReceptionReport{{SSRC: 7}}},
		&rtcp.TransportLayerNack{MediaSSRC: 7, Nacks: []rtcp.NackPair{{PacketID: 1, LostPackets: 0xffff}}},
		&rtcp.PictureLossIndication{MediaSSRC: 7}, &rtcp.FullIntraRequest{FIR: []rtcp.FIREntry{{SSRC: 7}}},
		&rtcp.TransportLayerCC{Header: rtcp.Header{Count: 15, Type: 205, Length: 5}, PacketStatusCount: 1,
			PacketChunks: []rtcp.PacketStatusChunk{&rtcp.RunLengthChunk{PacketStatusSymbol: 1, RunLength: 1}}, RecvDeltas: []*rtcp.RecvDelta{{Type: 1, Delta: 250}}},
	} {
		b, err := rtcp.Marshal([]rtcp.Packet{pkt})
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) { handler{p}.RTCP(b, now()) })
}

// The handler hears which layers are watched.
func TestTellsWantedLayers(t *testing.T) {
	var h heard
	pub, _ := newBarePeer(t, &h)
	sub, _ := newBarePeer(t, nil)
	answer(t, pub, sdpHead+mline("video", "v", "sendonly", "VP8/90000", lines(extmaps, rtxLines, simulcast)...), map[string]track.Source{"v": track.Camera})
	connected(pub)
	pub.route(vp8Packet(100, 1, map[uint8]string{extMid: "v", extRID: "q"}), now())
	pub.route(vp8Packet(200, 1, map[uint8]string{extMid: "v", extRID: "h"}), now())
	up := pub.UpTracks()[0]
	wanted := func() ([]string, bool) {
		h.mu.Lock()
		defer h.mu.Unlock()
		rids, told := h.wanted[up.Info().ID]
		return rids, told
	}
	at := now().Add(reportInterval)
	pub.visit(at, false)
	if rids, told := wanted(); told {
		t.Fatalf("told %v at first", rids)
	}
	pub.visit(at.Add(5*reportInterval), false)
	if rids, told := wanted(); !told || len(rids) != 0 {
		t.Fatalf("wanted by nobody: %v %v", rids, told)
	}
	answer(t, sub, sdpHead+mline("video", "v", "recvonly", "VP8/90000", lines(rtxLines, extmaps)...), nil)
	connected(sub)
	sub.Bind("v", up, thumbnail)
	sub.visit(now(), true)
	pub.visit(at.Add(6*reportInterval), false)
	if rids, _ := wanted(); len(rids) != 1 {
		t.Fatalf("wanted by one: %v", rids)
	}
}

// The way of a packet from the transport to the lane, and that of feedback to the
// slot, allocate nothing.
func TestRoutingDoesNotAllocate(t *testing.T) {
	pub, _ := newBarePeer(t, nil)
	answer(t, pub, sdpHead+mline("video", "v", "sendonly", "VP8/90000", lines(extmaps, rtxLines, simulcast)...), map[string]track.Source{"v": track.Camera})
	first := vp8Packet(100, 1, map[uint8]string{extMid: "v", extRID: "q", extTWCC: "\x00\x00"})
	pub.route(first, now())
	packets := make([][]byte, 3000)
	for i := range packets {
		packets[i] = vp8Packet(100, uint16(i+2), map[uint8]string{extTWCC: string([]byte{byte(i >> 8), byte(i)})})
	}
	i, at := 0, now()
	next := func() {
		pub.route(packets[i], at)
		i++
	}
	for range 1000 {
		next() // buffers grow to their size
	}
	if n := testing.AllocsPerRun(1500, next); n > 0.1 {
		t.Errorf("%v allocations for an RTP packet", n)
	}
	sub, _ := newBarePeer(t, nil)
	answer(t, sub, sdpHead+mline("video", "v", "recvonly", "VP8/90000", lines(rtxLines, extmaps)...), nil)
	ssrc := sub.wired.Load().slots[0].ssrc
	b, err := rtcp.Marshal([]rtcp.Packet{&rtcp.ReceiverReport{Reports: []rtcp.ReceptionReport{{SSRC: ssrc}}},
		&rtcp.TransportLayerNack{MediaSSRC: ssrc, Nacks: []rtcp.NackPair{{PacketID: 1, LostPackets: 3}}}})
	if err != nil {
		t.Fatal(err)
	}
	if n := testing.AllocsPerRun(1000, func() { handler{sub}.RTCP(b, at) }); n > 0 {
		t.Errorf("%v allocations for feedback", n)
	}
}

// Nobody can keep the reader busy with one packet of feedback.
func TestNacksAreBounded(t *testing.T) {
	p, _ := newBarePeer(t, nil)
	answer(t, p, sdpHead+mline("video", "v", "recvonly", "VP8/90000", rtxLines...), nil)
	pairs := make([]rtcp.NackPair, 300)
	for i := range pairs {
		pairs[i] = rtcp.NackPair{PacketID: uint16(17 * i), LostPackets: 0xffff}
	}
	b, err := rtcp.Marshal([]rtcp.Packet{&rtcp.TransportLayerNack{MediaSSRC: p.wired.Load().slots[0].ssrc, Nacks: pairs[:253]}})
	if err != nil {
		t.Fatal(err)
	}
	handler{p}.RTCP(b, now())
	if n := p.Stats().Down.Nacks; n < maxNacks || n > maxNacks+17 {
		t.Fatalf("%d packets were looked for", n)
	}
}

// Nor with many packets in one datagram: together they may ask for no more.
func TestCompoundsAreBounded(t *testing.T) {
	p, _ := newBarePeer(t, nil)
	answer(t, p, sdpHead+mline("video", "v", "recvonly", "VP8/90000", rtxLines...), nil)
	one, err := rtcp.Marshal([]rtcp.Packet{&rtcp.TransportLayerNack{MediaSSRC: p.wired.Load().slots[0].ssrc,
		Nacks: []rtcp.NackPair{{PacketID: 1, LostPackets: 0xffff}}}})
	if err != nil {
		t.Fatal(err)
	}
	handler{p}.RTCP(bytes.Repeat(one, 90), now())
	if n := p.Stats().Down.Nacks; n < maxNacks || n > maxNacks+17 {
		t.Errorf("%d packets asked for, at most %d count", n, maxNacks)
	}
	// Transport-wide feedback that tells nothing, of as many packets as fits 24 bytes.
	told := []byte{0x8f, 205, 0, 5, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0x1f, 0xff, 0, 0, 0, 0, 0x1f, 0xff, 0, 0}
	before := p.malformedRTCP.Load()
	handler{p}.RTCP(told, now())
	if p.malformedRTCP.Load() != before {
		t.Fatal("one is refused: the test shows nothing")
	}
	start := time.Now()
	for range 100 {
		handler{p}.RTCP(bytes.Repeat(told, 58), now())
	}
	t.Log(time.Since(start) / 100)
	if p.malformedRTCP.Load() != before+100 {
		t.Error("all feedback of a datagram is read")
	}
}
