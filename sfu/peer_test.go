package sfu

import (
	"context"
	"errors"
	"net"
	"slices"
	"testing"

	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"

	"github.com/meetcast/meetcast/internal/unittest"
	"github.com/meetcast/meetcast/sfu/codec"
	"github.com/meetcast/meetcast/sfu/packet"
	"github.com/meetcast/meetcast/sfu/track"
)

const (
	audioKind = webrtc.RTPCodecTypeAudio
	videoKind = webrtc.RTPCodecTypeVideo
)

var (
	thumbnail = track.Size{Width: 320, Height: 180}
	fullHD    = track.Size{Width: 1920, Height: 1080}
)

// continuous fails unless the packets are one stream, once those that were sent
// again are put in their places. Numbers of probes, which the client does not
// keep, may be missing.
func continuous(t *testing.T, headers []rtp.Header) {
	t.Helper()
	first := headers[0].SequenceNumber - 1<<14
	slices.SortStableFunc(headers, func(a, b rtp.Header) int {
		return int(a.SequenceNumber-first) - int(b.SequenceNumber-first)
	})
	headers = slices.CompactFunc(headers, func(a, b rtp.Header) bool {
		return a.SequenceNumber == b.SequenceNumber && a.Timestamp == b.Timestamp // repaired twice
	})
	for i := 1; i < len(headers); i++ {
		a, b := headers[i-1], headers[i]
		if a.SSRC != b.SSRC {
			t.Fatalf("packet %d: SSRC changed", i)
		}
		if d := b.SequenceNumber - a.SequenceNumber; d == 0 || d > 1000 {
			t.Fatalf("packet %d: number %d after %d", i, b.SequenceNumber, a.SequenceNumber)
		}
		// A slot may leave its source within a frame, but not join one there.
		if d := b.Timestamp - a.Timestamp; d > 90000*2 || (d == 0 && a.Marker) {
			t.Fatalf("packet %d: timestamp %d after %d, marker %v", i, b.Timestamp, a.Timestamp, a.Marker)
		}
	}
}

func TestForwardsSimulcastBySize(t *testing.T) {
	e := newEngine(t, Config{})
	alice, bob := newSimulcastClient(t, e), newClient(t, e)
	cam := alice.publish(track.Camera, webrtc.MimeTypeVP8, "q", "h", "f")
	alice.connect()
	cam.start()
	bob.receive(audioKind, videoKind)
	bob.connect()
	up := alice.up(track.Camera)
	if up.Info().Codec != packet.VP8 || up.Info().Member != "m" || up.Info().ClockRate != 90000 {
		t.Fatalf("%+v", up.Info())
	}
	unittest.Until(t, "all layers", func() bool {
		ls := up.Layers()
		return len(ls) == 3 && ls[0].Size.Width == 320 && ls[1].Size.Width == 640 && ls[2].Size.Width == 1280 && ls[2].Active && ls[2].RID == "f"
	})
	mid := bob.slot(track.Video, 0)
	layer := func() int { return bob.peer.Stats().Slots[1].Layer }
	for _, c := range []struct {
		size  track.Size
		layer int
	}{{thumbnail, 0}, {fullHD, 2}, {track.Size{Width: 640, Height: 360}, 1}, {fullHD, 2}, {thumbnail, 0}} {
		bob.peer.Bind(mid, up, c.size)
		unittest.Until(t, "layer", func() bool { return layer() == c.layer })
	}
	n := len(bob.got(mid))
	unittest.Until(t, "more packets", func() bool { return len(bob.got(mid)) > n+20 })
	continuous(t, bob.got(mid))
	t.Logf("up %+v", alice.peer.Stats().Up)
	for i, l := range cam.layers {
		if n := l.plis.Load(); n == 0 || n > 40 {
			t.Errorf("layer %d got %d PLIs", i, n)
		}
	}
	bob.peer.Bind(mid, nil, track.Size{})
	if s := bob.peer.Stats().Slots[1]; s.Layer != -1 || s.Source != "" {
		t.Fatalf("%+v", s)
	}
}

func TestSlotSwitchesBetweenCodecs(t *testing.T) {
	e := newEngine(t, Config{})
	alice, bob, carol := newClient(t, e), newClient(t, e), newClient(t, e)
	a, b := alice.publish(track.Camera, webrtc.MimeTypeVP8), bob.publish(track.Camera, webrtc.MimeTypeH264)
	alice.connect()
	bob.connect()
	a.start()
	b.start()
	carol.receive(videoKind)
	carol.connect()
	ups := []track.UpTrack{alice.up(track.Camera), bob.up(track.Camera)}
	if ups[1].Info().Codec != packet.H264 {
		t.Fatalf("%+v", ups[1].Info())
	}
	mid := carol.slot(track.Video, 0)
	for i := range 6 {
		n := len(carol.got(mid))
		carol.peer.Bind(mid, ups[i%2], fullHD)
		unittest.Until(t, "pictures", func() bool { return len(carol.got(mid)) > n+10 })
	}
	headers := carol.got(mid)
	continuous(t, slices.Clone(headers))
	types := map[uint8]int{}
	pictures := map[uint16]uint16{} // picture ids by sequence number
	for i, payload := range carol.gotPayloads(mid)[:len(headers)] {
		types[headers[i].PayloadType]++
		if headers[i].PayloadType != 96 {
			continue
		}
		v, _, err := codec.ParseVP8(payload)
		if err != nil {
			t.Fatal(err)
		}
		pictures[headers[i].SequenceNumber] = v.PictureID
	}
	for seq, id := range pictures {
		if next, ok := pictures[seq+1]; ok && next != id && next != (id+1)&0x7fff {
			t.Fatalf("packet %d: picture id %d after %d", seq+1, next, id)
		}
	}
	if len(types) != 2 {
		t.Fatalf("payload types %v", types)
	}
}

func TestAudioAndLoudness(t *testing.T) {
	e := newEngine(t, Config{})
	alice, bob := newClient(t, e), newClient(t, e)
	speak := alice.microphone(func() uint8 { return 20 })
	alice.connect()
	speak()
	bob.receive(audioKind)
	bob.connect()
	up := alice.up(track.Microphone)
	mid := bob.slot(track.Audio, 0)
	bob.peer.Bind(mid, up, track.Size{})
	unittest.Until(t, "sound", func() bool { return len(bob.got(mid)) > 20 })
	continuousAudio(t, bob.got(mid))
	unittest.Until(t, "loudness", func() bool { return up.Loudness() > 0.6 })
	unittest.Until(t, "a sender report", func() bool { _, ok := up.ClockRef(0); return ok })
}

func continuousAudio(t *testing.T, headers []rtp.Header) {
	t.Helper()
	for i := 1; i < len(headers); i++ {
		if headers[i].SequenceNumber != headers[i-1].SequenceNumber+1 || headers[i].Timestamp != headers[i-1].Timestamp+960 {
			t.Fatalf("packet %d: %+v after %+v", i, headers[i], headers[i-1])
		}
	}
}

func TestReofferAddsAndEndsTracks(t *testing.T) {
	e := newEngine(t, Config{})
	alice, bob := newClient(t, e), newClient(t, e)
	cam := alice.publish(track.Camera, webrtc.MimeTypeVP8)
	alice.receive(audioKind)
	alice.connect()
	cam.start()
	camera := alice.up(track.Camera)
	bob.receive(videoKind)
	bob.connect()
	bob.peer.Bind(bob.slot(track.Video, 0), camera, fullHD)

	screen := alice.publish(track.Screen, webrtc.MimeTypeVP8)
	alice.receive(videoKind, audioKind)
	alice.negotiate(nil)
	screen.start()
	shown := alice.up(track.Screen)
	if n := len(alice.peer.Slots()); n != 3 {
		t.Fatalf("%d slots after the re-offer", n)
	}
	bob.receive(videoKind)
	bob.negotiate(nil)
	mids := []string{bob.slot(track.Video, 0), bob.slot(track.Video, 1)}
	bob.peer.Bind(mids[1], shown, fullHD)
	for _, mid := range mids {
		unittest.Until(t, "pictures in both slots", func() bool { return len(bob.got(mid)) > 10 })
	}
	if n := len(alice.peer.UpTracks()); n != 2 {
		t.Fatalf("%d tracks published", n)
	}

	// The screen goes: its m-line becomes inactive.
	for _, tr := range alice.pc.GetTransceivers() {
		if tr.Sender() == screen.sender {
			screen.end()
			if err := tr.Stop(); err != nil {
				t.Fatal(err)
			}
		}
	}
	alice.negotiate(nil)
	unittest.Until(t, "unpublished", func() bool {
		alice.mu.Lock()
		defer alice.mu.Unlock()
		return len(alice.ended) == 1 && alice.ended[0] == shown.Info().ID
	})
	if s := bob.peer.Stats().Slots[1]; s.Source != "" {
		t.Fatalf("slot keeps %q", s.Source)
	}
	n := len(bob.got(mids[0]))
	unittest.Until(t, "the camera goes on", func() bool { return len(bob.got(mids[0])) > n+10 })
}

func TestICERestart(t *testing.T) {
	e := newEngine(t, Config{})
	alice, bob := newClient(t, e), newClient(t, e)
	cam := alice.publish(track.Camera, webrtc.MimeTypeVP8)
	alice.connect()
	cam.start()
	bob.receive(videoKind)
	bob.connect()
	mid := bob.slot(track.Video, 0)
	bob.peer.Bind(mid, alice.up(track.Camera), fullHD)
	for range 2 {
		bob.negotiate(&webrtc.OfferOptions{ICERestart: true})
		n := len(bob.got(mid))
		unittest.Until(t, "pictures after the restart", func() bool { return len(bob.got(mid)) > n+50 && bob.peer.State() == Connected })
	}
	continuous(t, bob.got(mid))
}

func TestTCPOnly(t *testing.T) {
	e := newEngine(t, Config{TCP: true})
	alice, bob := newClient(t, e), newClient(t, e, tcpOnly)
	cam := alice.publish(track.Camera, webrtc.MimeTypeVP8)
	alice.connect()
	cam.start()
	bob.receive(videoKind)
	bob.connect()
	mid := bob.slot(track.Video, 0)
	bob.peer.Bind(mid, alice.up(track.Camera), fullHD)
	unittest.Until(t, "pictures over TCP", func() bool { return len(bob.got(mid)) > 20 })
}

func TestIPv6(t *testing.T) {
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	// ::1 is never a candidate (RFC 8445 §5.1.1.1).
	global := func(a net.Addr) bool {
		n, ok := a.(*net.IPNet)
		return ok && n.IP.To4() == nil && n.IP.IsGlobalUnicast()
	}
	if !slices.ContainsFunc(addrs, global) {
		t.Skip("this machine has no IPv6 address")
	}
	c := newClient(t, newEngine(t, Config{}), ipv6)
	c.receive(audioKind)
	c.connect()
}

// The path of a subscriber becomes narrow and wide again: the layer follows.
func TestLayerFollowsBandwidth(t *testing.T) {
	e := newEngine(t, Config{})
	alice, bob := newSimulcastClient(t, e), newClient(t, e)
	cam := alice.publish(track.Camera, webrtc.MimeTypeVP8, "q", "h", "f") // 160, 320 and 640 kbit/s
	alice.connect()
	cam.start()
	bob.receive(videoKind)
	bob.connect()
	bob.peer.Bind(bob.slot(track.Video, 0), alice.up(track.Camera), fullHD)
	layer := func(want int) func() bool {
		return func() bool { return bob.peer.Stats().Slots[0].Layer == want }
	}
	unittest.Until(t, "the top layer", layer(2))
	bob.conn.capacity.Store(300_000)
	unittest.Until(t, "a lower layer", func() bool { return !layer(2)() })
	unittest.Until(t, "the lowest layer", layer(0))
	bob.conn.capacity.Store(0)
	unittest.Until(t, "the top layer again", layer(2))
	t.Logf("%+v", bob.peer.Stats().Bandwidth)
}

// Packets lost on the way down are sent again from the cache, those lost on the
// way up are asked for.
func TestRecoversLostPackets(t *testing.T) {
	e := newEngine(t, Config{})
	alice, bob := newClient(t, e), newClient(t, e)
	cam := alice.publish(track.Camera, webrtc.MimeTypeVP8)
	alice.connect()
	bob.receive(videoKind)
	bob.connect()
	cam.start()
	mid := bob.slot(track.Video, 0)
	bob.peer.Bind(mid, alice.up(track.Camera), fullHD)
	unittest.Until(t, "pictures", func() bool { return len(bob.got(mid)) > 10 })
	alice.conn.dropOut.Store(13)
	bob.conn.dropIn.Store(10)
	unittest.Until(t, "pictures with loss", func() bool { return len(bob.got(mid)) > 250 })
	alice.conn.dropOut.Store(0)
	bob.conn.dropIn.Store(0)
	n := len(bob.got(mid))
	unittest.Until(t, "pictures after the loss", func() bool { return len(bob.got(mid)) > n+100 })
	seen := map[uint16]bool{}
	headers := bob.got(mid)
	for _, h := range headers {
		seen[h.SequenceNumber] = true
	}
	missing := 0
	for s := headers[0].SequenceNumber; s != headers[n].SequenceNumber; s++ {
		if !seen[s] {
			missing++
		}
	}
	down, upstream := bob.peer.Stats().Down, alice.peer.Stats().Up
	if down.RTX == 0 || upstream.Nacks == 0 {
		t.Fatalf("nothing was repaired: %+v %+v", down, upstream)
	}
	// About 17 % of 250 packets were hit on either way; probes, which carry
	// nothing, are missing too.
	if missing > 10+int(down.Padding) {
		t.Fatalf("%d of %d packets never came; %+v %+v", missing, n, down, upstream)
	}
}

// The client prefers AES-CM; ours decides. The tag of AES-GCM is 16 bytes long,
// the other one's 10.
func TestNegotiatesGCM(t *testing.T) {
	e := newEngine(t, Config{})
	alice, bob := newClient(t, e), newClient(t, e)
	sizes := make(chan int, 1000)
	bob.conn.seen = func(b []byte) {
		if b[0]&0x20 == 0 {
			select {
			case sizes <- len(b):
			default:
			}
		}
	}
	cam := alice.publish(track.Camera, webrtc.MimeTypeVP8)
	alice.connect()
	cam.start()
	bob.receive(videoKind)
	bob.connect()
	bob.peer.Bind(bob.slot(track.Video, 0), alice.up(track.Camera), fullHD)
	const plain = 12 + 8 + 200 // header, its extension, payload
	if got := <-sizes; got != plain+16 {
		t.Fatalf("%d bytes on the wire, want %d for AEAD_AES_128_GCM", got, plain+16)
	}
}

func TestAdvertisedAddress(t *testing.T) {
	e := newEngine(t, Config{AdvertisedIPs: []string{"127.0.0.1"}, TCP: true})
	c := newClient(t, e)
	c.receive(audioKind)
	c.connect()
	for _, m := range parsed(t, c.pc.RemoteDescription().SDP).MediaDescriptions {
		for _, a := range m.Attributes {
			if a.Key == "candidate" && !contains(a.Value, " 127.0.0.1 ") && !contains(a.Value, ":") {
				t.Errorf("candidate %q", a.Value)
			}
		}
	}
}

func TestTrickledCandidates(t *testing.T) {
	e := newEngine(t, Config{})
	c := newClient(t, e)
	mid, line := "0", uint16(0)
	if err := c.peer.AddCandidate("candidate:1 1 udp 2130706431 192.0.2.1 50000 typ host", &mid, &line, nil); err != nil {
		t.Fatalf("before the offer: %v", err)
	}
	c.receive(audioKind)
	c.connect()
	if err := c.peer.AddCandidate("candidate:2 1 udp 2130706431 192.0.2.2 50000 typ host", &mid, &line, nil); err != nil {
		t.Fatal(err)
	}
	if err := c.peer.AddCandidate("", &mid, &line, nil); err != nil {
		t.Fatalf("end of candidates: %v", err)
	}
	if err := c.peer.AddCandidate("candidate:nonsense", &mid, &line, nil); !errors.Is(err, ErrBadOffer) {
		t.Fatalf("nonsense: %v", err)
	}
	var err error
	for range MaxCandidates {
		err = c.peer.AddCandidate("", nil, nil, nil)
	}
	if !errors.Is(err, ErrBadOffer) {
		t.Fatalf("too many: %v", err)
	}
}

func TestCloseTellsAndRefuses(t *testing.T) {
	e := newEngine(t, Config{})
	alice, bob := newClient(t, e), newClient(t, e)
	cam := alice.publish(track.Camera, webrtc.MimeTypeVP8)
	alice.connect()
	cam.start()
	bob.receive(videoKind)
	bob.connect()
	up := alice.up(track.Camera)
	mid := bob.slot(track.Video, 0)
	bob.peer.Bind(mid, up, fullHD)
	unittest.Until(t, "pictures", func() bool { return len(bob.got(mid)) > 10 })
	before := e.Stats()
	if err := alice.peer.Close(); err != nil {
		t.Fatal(err)
	}
	if err := alice.peer.Close(); err != nil {
		t.Fatal(err)
	}
	alice.mu.Lock()
	if len(alice.ended) != 1 || alice.states[len(alice.states)-1] != Closed {
		t.Fatalf("ended %v, states %v", alice.ended, alice.states)
	}
	alice.mu.Unlock()
	if s := bob.peer.Stats().Slots[0]; s.Source != "" {
		t.Fatalf("slot keeps %q", s.Source)
	}
	if _, err := alice.peer.Answer(context.Background(), sdpHead, nil); !errors.Is(err, ErrClosed) {
		t.Fatalf("offer after close: %v", err)
	}
	if after := e.Stats(); after.Peers != 1 || after.Up.Packets < before.Up.Packets {
		t.Fatalf("%+v after %+v", after, before)
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := e.NewPeer(PeerConfig{Handler: bob}); !errors.Is(err, ErrClosed) {
		t.Fatalf("new peer after close: %v", err)
	}
}
