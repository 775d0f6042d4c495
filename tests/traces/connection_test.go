package traces

import (
	"context"
	"encoding/binary"
	"math/rand/v2"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/sdp/v3"

	"github.com/meetcast/meetcast/internal/botclient/light"
	"github.com/meetcast/meetcast/sfu"
	"github.com/meetcast/meetcast/sfu/bwe/bwetest"
	"github.com/meetcast/meetcast/sfu/track"
	"github.com/meetcast/meetcast/sfu/transport"
	"github.com/meetcast/meetcast/tests/traces/netsim"
)

// These traces run an Engine in real time, with clients that shake hands and
// encrypt, each behind a relay of its own.

// client is a browser's place: a connection, what it sends and what it shows.
type client struct {
	t     *testing.T
	peer  *sfu.Peer
	conn  *light.Conn
	relay *relay
	offer light.Offer
	begun time.Time

	published chan track.UpTrack

	mu       sync.Mutex
	loop     *loop
	camera   *camera // of who publishes
	screen   *screen // of who watches
	recorder bwetest.Recorder
	slot     light.AnswerLine
}

// Published implements sfu.PeerHandler.
func (c *client) Published(u track.UpTrack) { c.published <- u }

// Unpublished implements sfu.PeerHandler.
func (c *client) Unpublished(track.TrackID) {}

// LayersWanted implements sfu.PeerHandler.
func (c *client) LayersWanted(track.TrackID, []string) {}

// serverWatch is the client as the server's handler: both sides tell of states in a
// way of their own.
type serverWatch struct{ *client }

// StateChanged implements sfu.PeerHandler.
func (serverWatch) StateChanged(sfu.PeerState) {}

var vp8 = []light.Codec{
	{Type: vp8Type, Name: "VP8", Rate: 90000, Feedback: []string{"nack", "nack pli", "transport-cc"}},
	{Type: rtxType, Name: "rtx", Rate: 90000, Format: "apt=96"},
}

const publishedSSRC = 7000

// newClient makes a client of an engine that publishes a camera or watches one.
func newClient(t *testing.T, e *sfu.Engine, publishes bool) *client {
	t.Helper()
	c := &client{t: t, loop: &loop{}, begun: time.Now(), published: make(chan track.UpTrack, 4)}
	cert, err := transport.NewCertificate()
	if err != nil {
		t.Fatal(err)
	}
	if c.peer, err = e.NewPeer(sfu.PeerConfig{Member: "m", MaxVideoSlots: 1, Handler: serverWatch{c}}); err != nil {
		t.Fatal(err)
	}
	c.relay = newRelay(t, netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), uint16(e.Port())), 20*time.Millisecond)
	c.conn = light.New(light.Config{Certificate: cert, Handler: c})
	line := light.Line{Mid: "0", Kind: "video", Send: publishes, Codecs: vp8,
		Extensions: []light.Extension{{ID: transportCC, URI: sdp.TransportCCURI}}}
	if publishes {
		line.SSRC = publishedSSRC
	}
	c.offer = light.Offer{Session: rand.Uint64() >> 1, Fingerprint: fingerprint(cert.Certificate[0]), CNAME: "c", Lines: []light.Line{line}}
	c.model(publishes)
	stop := make(chan struct{})
	var playing sync.WaitGroup
	playing.Go(func() { c.play(stop) })
	t.Cleanup(func() {
		close(stop)
		playing.Wait()
		_ = c.conn.Close()
		_ = c.peer.Close()
	})
	c.negotiate(c.relay)
	return c
}

// model makes the camera or the screen.
func (c *client) model(publishes bool) {
	if !publishes {
		c.screen = newScreen(c.loop, func(seqs []uint16) {
			c.tell(&rtcp.TransportLayerNack{MediaSSRC: c.slot.SSRC, Nacks: rtcp.NackPairsFromSequenceNumbers(seqs)})
		}, func() { c.tell(&rtcp.PictureLossIndication{MediaSSRC: c.slot.SSRC}) })
		c.loop.every(feedbackInterval, func() {
			if b := c.recorder.Report(); b != nil {
				_ = c.conn.WriteRTCP(b)
			}
		})
		return
	}
	direct := netsim.NewLink(netsim.Path{})
	c.camera = newCamera(c.loop, 1, direct, direct, &encoding{rate: 500_000, width: 640, height: 360})
	c.camera.layers[0].ssrc = publishedSSRC
	c.camera.deliver = func(_ *encoding, b []byte) {
		var p rtp.Packet
		if p.Unmarshal(b) == nil {
			_ = c.conn.WriteRTP(&p.Header, p.Payload)
		}
	}
}

func (c *client) tell(p rtcp.Packet) {
	if b, err := p.Marshal(); err == nil {
		_ = c.conn.WriteRTCP(b)
	}
}

// play moves the models' clock on.
func (c *client) play(stop chan struct{}) {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-stop:
			return
		case <-tick.C:
			c.do(func() {})
		}
	}
}

// do does something at the present time of the models.
func (c *client) do(f func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.loop.run(time.Since(c.begun))
	f()
}

// negotiate offers, and connects through a relay.
func (c *client) negotiate(through *relay) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	c.offer.Version++
	c.offer.Local = c.conn.Local()
	tracks := map[string]track.Source{}
	if c.camera != nil {
		tracks["0"] = track.Camera
	}
	text, err := c.peer.Answer(ctx, c.offer.String(), tracks)
	if err != nil {
		c.t.Fatal(err)
	}
	a, err := light.ParseAnswer(text)
	if err != nil {
		c.t.Fatal(err)
	}
	c.do(func() { c.slot = a.Lines[0] })
	a.Remote.Candidates = []netip.AddrPort{through.address()}
	if err := c.conn.Connect(ctx, a.Remote); err != nil {
		c.t.Fatal(err)
	}
}

// RTP implements light.Handler.
func (c *client) RTP(h *rtp.Header, payload []byte, _ int, _ time.Time) {
	header := h.Clone()
	payload = slices.Clone(payload)
	if header.Padding && len(payload) > 0 {
		payload = payload[:max(0, len(payload)-int(payload[len(payload)-1]))]
	}
	c.do(func() {
		if ext := header.GetExtension(transportCC); len(ext) == 2 {
			c.recorder.Note(binary.BigEndian.Uint16(ext), c.loop.now)
		}
		if header.PayloadType == rtxType {
			if len(payload) < 2 {
				return
			}
			header.SequenceNumber = binary.BigEndian.Uint16(payload)
			payload = payload[2:]
		}
		if c.screen != nil {
			c.screen.receive(&header, payload)
		}
	})
}

// RTCP implements light.Handler.
func (c *client) RTCP(b []byte, _ time.Time) {
	pkts, err := rtcp.Unmarshal(b)
	if err != nil || c.camera == nil {
		return
	}
	c.do(func() {
		for _, p := range pkts {
			switch p := p.(type) {
			case *rtcp.PictureLossIndication:
				cameraFeedback{c.camera}.PictureLoss(p.MediaSSRC)
			case *rtcp.TransportLayerNack:
				for _, n := range p.Nacks {
					cameraFeedback{c.camera}.Nack(p.MediaSSRC, n.PacketList())
				}
			}
		}
	})
}

// StateChanged implements light.Handler.
func (c *client) StateChanged(bool) {}

// frames returns how many pictures were shown.
func (c *client) frames() (n int) {
	c.do(func() { n = len(c.screen.shown) })
	return n
}

// back waits until pictures move again and returns how long it took.
func (c *client) back(limit time.Duration) time.Duration {
	c.t.Helper()
	begin, from := time.Now(), c.frames()
	for c.frames() < from+5 {
		if time.Since(begin) > limit+20*time.Second {
			c.t.Fatal("no picture came back")
		}
		time.Sleep(5 * time.Millisecond)
	}
	return time.Since(begin)
}
