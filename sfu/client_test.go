package sfu

import (
	"context"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pion/interceptor"
	"github.com/pion/rtp"
	"github.com/pion/sdp/v3"
	"github.com/pion/webrtc/v4"
	"go.uber.org/goleak"

	"github.com/meetcast/meetcast/internal/unittest"
	"github.com/meetcast/meetcast/sfu/track"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("github.com/pion/webrtc/v4.(*PeerConnection).handleIncomingSSRC"))
}

func newEngine(t *testing.T, cfg Config) *Engine {
	t.Helper()
	t.Parallel()
	cfg.Loopback = true
	e, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Errorf("close engine: %v", err)
		}
	})
	return e
}

// lossy is a client's socket that can drop what comes and what goes.
type lossy struct {
	net.PacketConn
	dropIn, dropOut atomic.Int64 // one media packet in this many; 0 none
	in, out         atomic.Int64
	capacity        atomic.Int64 // of what comes, bit/s; 0 without limit
	full            float64      // bytes in the bucket that stands for the path
	drained         time.Time
	seen            func(b []byte) // of media packets that come
}

func media(b []byte) bool {
	return len(b) > 12 && b[0]>>6 == 2 && b[1]&0x7f < 64 || len(b) > 12 && b[0]>>6 == 2 && b[1]&0x7f >= 96
}

func every(n *atomic.Int64, count *atomic.Int64) bool {
	k := n.Load()
	return k > 0 && count.Add(1)%k == 0
}

func (l *lossy) ReadFrom(b []byte) (int, net.Addr, error) {
	for {
		n, a, err := l.PacketConn.ReadFrom(b)
		if err == nil && media(b[:n]) {
			if l.seen != nil {
				l.seen(b[:n])
			}
			if every(&l.dropIn, &l.in) || l.overflows(n) {
				continue
			}
		}
		return n, a, err
	}
}

// overflows tells whether a packet finds the queue of 100 ms in front of the path full.
func (l *lossy) overflows(n int) bool {
	rate := float64(l.capacity.Load()) / 8
	if rate == 0 {
		return false
	}
	now := time.Now()
	l.full = max(0, l.full-now.Sub(l.drained).Seconds()*rate)
	l.drained = now
	if l.full+float64(n) > rate/10 {
		return true
	}
	l.full += float64(n)
	return false
}

func (l *lossy) WriteTo(b []byte, a net.Addr) (int, error) {
	if media(b) && every(&l.dropOut, &l.out) {
		return len(b), nil
	}
	return l.PacketConn.WriteTo(b, a)
}

// client is a pion client: one that we did not write negotiates with the peer.
type client struct {
	t    *testing.T
	pc   *webrtc.PeerConnection
	peer *Peer
	conn *lossy

	mu        sync.Mutex
	published []track.UpTrack
	ended     []track.TrackID
	states    []PeerState
	wanted    []string                // layers of the last track that this changed for
	received  map[string][]rtp.Header // by mid
	payloads  map[string][][]byte
	sources   map[string]track.Source
}

func (c *client) Published(u track.UpTrack) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.published = append(c.published, u)
}

func (c *client) Unpublished(id track.TrackID) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ended = append(c.ended, id)
}

func (c *client) LayersWanted(_ track.TrackID, rids []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.wanted = rids
}

func (c *client) StateChanged(s PeerState) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.states = append(c.states, s)
}

type clientOption func(*webrtc.SettingEngine)

func ipv6(s *webrtc.SettingEngine) {
	s.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeUDP6})
	s.SetIPFilter(func(ip net.IP) bool { return ip.To4() == nil })
}

func tcpOnly(s *webrtc.SettingEngine) {
	s.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeTCP4})
}

// registerWithoutRTX leaves out pion's retransmissions: of a simulcast layer they
// bear the layer's RID instead of a repaired RID (RFC 8852 §3.2), and are then
// taken for the layer itself.
func registerWithoutRTX(m *webrtc.MediaEngine, r *interceptor.Registry) error {
	if err := webrtc.ConfigureRTCPReports(r); err != nil {
		return err
	}
	if err := webrtc.ConfigureSimulcastExtensionHeaders(m); err != nil {
		return err
	}
	return webrtc.ConfigureTWCCHeaderExtensionSender(m, r)
}

func newClient(t *testing.T, e *Engine, options ...clientOption) *client {
	t.Helper()
	return makeClient(t, e, false, options...)
}

func newSimulcastClient(t *testing.T, e *Engine) *client {
	t.Helper()
	return makeClient(t, e, true)
}

func makeClient(t *testing.T, e *Engine, simulcast bool, options ...clientOption) *client {
	t.Helper()
	c := &client{t: t, received: map[string][]rtp.Header{}, payloads: map[string][][]byte{}, sources: map[string]track.Source{}}
	s := webrtc.SettingEngine{LoggerFactory: logFactory{e.cfg.Logger}}
	s.SetIncludeLoopbackCandidate(true)
	s.SetIPFilter(func(ip net.IP) bool { return ip.IsLoopback() })
	if len(options) == 0 {
		udp, err := net.ListenPacket("udp4", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		c.conn = &lossy{PacketConn: udp}
		mux := webrtc.NewICEUDPMux(nil, c.conn)
		s.SetICEUDPMux(mux)
		t.Cleanup(func() { _ = mux.Close() })
	}
	for _, o := range options {
		o(&s)
	}
	m := &webrtc.MediaEngine{}
	if err := m.RegisterDefaultCodecs(); err != nil {
		t.Fatal(err)
	}
	if err := m.RegisterHeaderExtension(webrtc.RTPHeaderExtensionCapability{URI: sdp.AudioLevelURI}, webrtc.RTPCodecTypeAudio); err != nil {
		t.Fatal(err)
	}
	r := &interceptor.Registry{}
	register := webrtc.RegisterDefaultInterceptors
	if simulcast {
		register = registerWithoutRTX
	}
	if err := register(m, r); err != nil {
		t.Fatal(err)
	}
	api := webrtc.NewAPI(webrtc.WithSettingEngine(s), webrtc.WithMediaEngine(m), webrtc.WithInterceptorRegistry(r))
	pc, err := api.NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		t.Fatal(err)
	}
	c.pc = pc
	pc.OnTrack(c.read)
	if c.peer, err = e.NewPeer(PeerConfig{Member: "m", AudioSlots: 3, MaxVideoSlots: 4, Handler: c}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = pc.GracefulClose()
		_ = c.peer.Close()
	})
	return c
}

// read keeps what comes in a slot.
func (c *client) read(remote *webrtc.TrackRemote, receiver *webrtc.RTPReceiver) {
	mid := receiver.RTPTransceiver().Mid()
	for {
		p, _, err := remote.ReadRTP()
		if err != nil {
			return
		}
		if len(p.Payload) == 0 {
			continue // a probe
		}
		c.mu.Lock()
		c.received[mid] = append(c.received[mid], p.Header)
		c.payloads[mid] = append(c.payloads[mid], p.Payload)
		c.mu.Unlock()
	}
}

func (c *client) got(mid string) []rtp.Header {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.received[mid])
}

func (c *client) gotPayloads(mid string) [][]byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.payloads[mid])
}

// receive adds recvonly m-lines.
func (c *client) receive(kinds ...webrtc.RTPCodecType) {
	c.t.Helper()
	for _, k := range kinds {
		if _, err := c.pc.AddTransceiverFromKind(k, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionRecvonly}); err != nil {
			c.t.Fatal(err)
		}
	}
}

// negotiate offers and takes the answer.
func (c *client) negotiate(o *webrtc.OfferOptions) {
	c.t.Helper()
	if err := c.tryNegotiate(o); err != nil {
		c.t.Fatal(err)
	}
}

func (c *client) tryNegotiate(o *webrtc.OfferOptions) error {
	c.t.Helper()
	offer, err := c.pc.CreateOffer(o)
	if err != nil {
		c.t.Fatal(err)
	}
	gathered := webrtc.GatheringCompletePromise(c.pc)
	if err := c.pc.SetLocalDescription(offer); err != nil {
		c.t.Fatal(err)
	}
	<-gathered
	tracks := map[string]track.Source{}
	for _, t := range c.pc.GetTransceivers() {
		if t.Direction() == webrtc.RTPTransceiverDirectionSendonly && t.Sender() != nil && t.Sender().Track() != nil {
			tracks[t.Mid()] = c.sources[t.Sender().Track().ID()]
		}
	}
	answer, err := c.peer.Answer(context.Background(), c.pc.LocalDescription().SDP, tracks)
	if err != nil {
		return err
	}
	if err := c.pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: answer}); err != nil {
		c.t.Fatal(err)
	}
	return nil
}

func (c *client) connect() {
	c.t.Helper()
	c.negotiate(nil)
	c.await(Connected)
}

func (c *client) await(s PeerState) {
	c.t.Helper()
	unittest.Until(c.t, "state "+s.String(), func() bool { return c.peer.State() == s })
}

// up waits for a published track.
func (c *client) up(s track.Source) track.UpTrack {
	c.t.Helper()
	var found track.UpTrack
	unittest.Until(c.t, "published "+string(s), func() bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		for _, u := range c.published {
			if u.Info().Source == s && !slices.Contains(c.ended, u.Info().ID) {
				found = u
			}
		}
		return found != nil
	})
	return found
}

func (c *client) slot(kind track.Kind, n int) string {
	c.t.Helper()
	for _, s := range c.peer.Slots() {
		if s.Kind == kind {
			if n == 0 {
				return s.Mid
			}
			n--
		}
	}
	c.t.Fatalf("no such slot")
	return ""
}
