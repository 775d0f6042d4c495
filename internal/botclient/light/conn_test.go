package light

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/pion/rtp"
	"go.uber.org/goleak"

	"github.com/meetcast/meetcast/internal/unittest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// idle is a handler of nothing.
type idle struct{ states chan bool }

func (idle) RTP(*rtp.Header, []byte, int, time.Time) {}
func (idle) RTCP([]byte, time.Time)                  {}
func (h idle) StateChanged(connected bool) {
	if h.states != nil {
		h.states <- connected
	}
}

// lite answers checks as an ICE-lite server does, and nothing else.
func lite(t *testing.T, password string) netip.AddrPort {
	t.Helper()
	sock, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	t.Cleanup(func() {
		sock.Close()
		<-done
	})
	go func() {
		defer close(done)
		buf := make([]byte, 2048)
		for {
			n, from, err := sock.ReadFromUDPAddrPort(buf)
			if err != nil {
				return
			}
			if m, err := parseSTUN(buf[:n], password, ""); err == nil && m.kind == bindingRequest {
				_, _ = sock.WriteToUDPAddrPort(appendSuccess(nil, m.id, from, password), from)
			}
		}
	}()
	return sock.LocalAddr().(*net.UDPAddr).AddrPort()
}

func TestFindPathTriesTheNextCandidate(t *testing.T) {
	c := New(Config{Certificate: unittest.Certificate(t), Handler: idle{}})
	defer c.Close()
	dead, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)}) // reads nothing, answers nothing
	if err != nil {
		t.Fatal(err)
	}
	defer dead.Close()
	alive := lite(t, "secret")
	remote := Remote{Credentials: Credentials{"frag", "secret"}, Candidates: []netip.AddrPort{dead.LocalAddr().(*net.UDPAddr).AddrPort(), alive}}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	p, err := c.findPath(ctx, c.Local(), remote)
	if err != nil || p.to != alive {
		t.Fatalf("path %+v, %v", p, err)
	}
	p.sock.Close()
}

func TestConnectEndsWithItsContext(t *testing.T) {
	c := New(Config{Certificate: unittest.Certificate(t), Handler: idle{}})
	defer c.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer cancel()
	remote := Remote{Credentials: Credentials{"frag", "right"}, Candidates: []netip.AddrPort{lite(t, "other")}}
	if err := c.Connect(ctx, remote); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("connected to who does not know the password: %v", err)
	}
	if err := c.Connect(context.Background(), Remote{}); err == nil {
		t.Error("connected to nowhere")
	}
}

func TestCloseEndsAHandshake(t *testing.T) {
	c := New(Config{Certificate: unittest.Certificate(t), Handler: idle{}})
	remote := Remote{Credentials: Credentials{"frag", "secret"}, Fingerprint: Fingerprint(unittest.Certificate(t)), Candidates: []netip.AddrPort{lite(t, "secret")}}
	ended := make(chan error, 1)
	go func() { ended <- c.Connect(context.Background(), remote) }()
	for c.active.Load() == nil {
		time.Sleep(time.Millisecond)
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	if err := <-ended; err == nil {
		t.Error("connected without a handshake")
	}
	if err := c.Connect(context.Background(), remote); !errors.Is(err, ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
	if err := c.WriteRTCP(nil); !errors.Is(err, ErrClosed) {
		t.Errorf("write after Close: %v", err)
	}
}

func TestLossIsSeeded(t *testing.T) {
	count := func(seed, stream uint64) (n int, first []bool) {
		d := newDice(0.2, seed, stream)
		for range 1000 {
			lost := d.drops()
			if lost {
				n++
			}
			first = append(first, lost)
		}
		return n, first
	}
	n, a := count(1, 2)
	if n < 150 || n > 250 {
		t.Errorf("%d of 1000 lost, want about 200", n)
	}
	_, b := count(1, 2)
	_, other := count(1, 3)
	same, differ := true, false
	for i := range a {
		same = same && a[i] == b[i]
		differ = differ || a[i] != other[i]
	}
	if !same || !differ {
		t.Errorf("same seed the same: %v, other stream another: %v", same, differ)
	}
	if newDice(0, 1, 1).drops() {
		t.Error("lost without loss")
	}
}

func TestTruncatedTrain(t *testing.T) {
	for _, b := range [][]byte{nil, {1}, make([]byte, 15), {8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}} {
		if n := segmentSize(b); n != 0 {
			t.Errorf("%v: %d", b, n)
		}
	}
}
