package transport

import (
	"encoding/binary"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/meetcast/meetcast/internal/unittest"
	"github.com/meetcast/meetcast/sfu/netio"
)

// openPort opens a port on loopback that is closed with the test.
func openPort(t testing.TB, change func(*Config)) *Port {
	t.Helper()
	sockets, err := netio.Open(netio.Config{IP: "127.0.0.1", TCP: true})
	if err != nil {
		t.Fatal(err)
	}
	cert, err := NewCertificate()
	if err != nil {
		t.Fatal(err)
	}
	cfg := Config{Sockets: sockets, Certificate: cert}
	if change != nil {
		change(&cfg)
	}
	p, err := NewPort(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	return p
}

// number is the number of the open port.
func (p *Port) number() int { return p.cfg.Sockets.Port() }

// recorder is a Handler that keeps what it gets.
type recorder struct {
	mu     sync.Mutex
	rtp    [][]byte
	rtcp   [][]byte
	states []State
	slow   chan struct{} // RTP waits for it, unless nil
}

func (r *recorder) RTP(b []byte, _ time.Time) {
	if r.slow != nil {
		<-r.slow
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.rtp = append(r.rtp, slices.Clone(b))
}

func (r *recorder) RTCP(b []byte, _ time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.rtcp = append(r.rtcp, slices.Clone(b))
}

func (r *recorder) StateChanged(s State) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.states = append(r.states, s)
}

func (r *recorder) history() []State {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.states)
}

func (r *recorder) packets() [][]byte {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.rtp)
}

func (r *recorder) control() [][]byte {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.rtcp)
}

// waitState waits until the newest state is s.
func (r *recorder) waitState(t testing.TB, s State) {
	t.Helper()
	unittest.Until(t, "state "+s.String(), func() bool {
		h := r.history()
		return len(h) > 0 && h[len(h)-1] == s
	})
}

// newTestConn makes a connection; it ends with its port.
func newTestConn(t testing.TB, p *Port) (*Conn, *recorder) {
	t.Helper()
	r := &recorder{}
	c, err := p.NewConn(ConnConfig{Handler: r})
	if err != nil {
		t.Fatal(err)
	}
	return c, r
}

// rtpPacket makes a packet in the clear.
func rtpPacket(ssrc uint32, seq uint16, payload ...byte) []byte {
	b := make([]byte, minRTP, minRTP+len(payload))
	b[0], b[1] = 0x80, 96
	binary.BigEndian.PutUint16(b[2:], seq)
	binary.BigEndian.PutUint32(b[8:], ssrc)
	return append(b, payload...)
}

// rtcpPacket makes an empty receiver report.
func rtcpPacket(ssrc uint32) []byte {
	b := []byte{0x80, 201, 0, 1}
	return binary.BigEndian.AppendUint32(b, ssrc)
}
