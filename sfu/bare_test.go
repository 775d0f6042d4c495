package sfu

import (
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"

	"github.com/meetcast/meetcast/sfu/track"
	"github.com/meetcast/meetcast/sfu/transport"
)

// fakeConn stands for the transport.
type fakeConn struct {
	mu       sync.Mutex
	remote   transport.Remote
	restarts int
	sent     []rtp.Header
	payloads [][]byte
	told     []rtcp.Packet
	longest  int // bytes of a compound packet
	closed   bool
}

func (c *fakeConn) Local() transport.Parameters {
	return transport.Parameters{Ufrag: "ours", Pwd: "ourpasswordisverylongindeed", Fingerprint: transport.Fingerprint{Algorithm: "sha-256", Value: digest}}
}

func (c *fakeConn) SetRemote(r transport.Remote) error { c.remote = r; return nil }

func (c *fakeConn) Restart() transport.Parameters { c.restarts++; return c.Local() }

func (c *fakeConn) WriteRTP(h *rtp.Header, payload []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sent = append(c.sent, h.Clone())
	c.payloads = append(c.payloads, append([]byte{}, payload...))
	return len(payload), nil
}

func (c *fakeConn) WriteRTCP(b []byte) error {
	pkts, err := rtcp.Unmarshal(b)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.told, c.longest = append(c.told, pkts...), max(c.longest, len(b))
	return err
}

func (c *fakeConn) Close() error { c.closed = true; return nil }

// heard keeps what the handler hears.
type heard struct {
	mu        sync.Mutex
	published []track.UpTrack
	ended     []track.TrackID
	wanted    map[track.TrackID][]string
}

func (h *heard) Published(u track.UpTrack) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.published = append(h.published, u)
}

func (h *heard) Unpublished(id track.TrackID) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.ended = append(h.ended, id)
}

func (h *heard) LayersWanted(id track.TrackID, rids []string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.wanted == nil {
		h.wanted = make(map[track.TrackID][]string)
	}
	h.wanted[id] = rids
}

func (h *heard) StateChanged(PeerState) {}

// newBarePeer makes a peer without sockets. The loop does not visit it.
func newBarePeer(t testing.TB, h *heard) (*Peer, *fakeConn) {
	t.Helper()
	if h == nil {
		h = &heard{}
	}
	e := &Engine{cfg: Config{StartBitrate: 1_000_000}, peers: map[*Peer]struct{}{}, candidates: candidates{cfg: Config{Loopback: true}, port: 4000}}
	p := newPeer(e, PeerConfig{Member: "m", AudioSlots: 3, MaxVideoSlots: 4, Handler: h, Logger: slog.New(slog.DiscardHandler)})
	c, l := &fakeConn{}, newLoop()
	p.conn, p.loop = c, l
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Errorf("close peer: %v", err)
		}
		l.close()
	})
	return p, c
}

// connected makes the transport be up.
func connected(p *Peer) { handler{p}.StateChanged(transport.Connected) }

func now() time.Time { return time.Now() }

// vp8Packet is the only packet of a key frame; extensions by id.
func vp8Packet(ssrc uint32, seq uint16, extensions map[uint8]string) []byte {
	h := rtp.Header{Version: 2, PayloadType: 96, SSRC: ssrc, SequenceNumber: seq, Timestamp: uint32(seq) * 3000, Marker: true}
	for id, v := range extensions {
		_ = h.SetExtension(id, []byte(v))
	}
	b, _ := (&rtp.Packet{Header: h, Payload: []byte{0x10, 0x10, 0, 0, 0x9d, 0x01, 0x2a, 0x40, 0x01, 0xb4, 0x00, 1, 2, 3}}).Marshal()
	return b
}

// rtxPacket is a packet wrapped for retransmission.
func rtxPacket(ssrc uint32, seq uint16, payloadType uint8, original []byte, extensions map[uint8]string) []byte {
	var p rtp.Packet
	_ = p.Unmarshal(original)
	p.Payload = append([]byte{byte(p.SequenceNumber >> 8), byte(p.SequenceNumber)}, p.Payload...)
	p.SSRC, p.SequenceNumber, p.PayloadType = ssrc, seq, payloadType
	for id, v := range extensions {
		_ = p.SetExtension(id, []byte(v))
	}
	b, _ := p.Marshal()
	return b
}
