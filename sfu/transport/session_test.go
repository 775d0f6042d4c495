package transport

import (
	"errors"
	"net"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/meetcast/meetcast/internal/unittest"
)

// A peer that misses our last flight asks for it by repeating its own, when dtls is
// gone already.
func TestLastFlightIsRepeated(t *testing.T) {
	p := openPort(t, nil)
	c, r := newTestConn(t, p)
	f := newFar(t, c, farConfig{})
	f.dial(t, p, c, "udp")
	f.lose.Store(2)
	if err := f.secure(t, farConfig{}); err != nil {
		t.Fatal(err)
	}
	r.waitState(t, Connected)
	exchange(t, c, r, f)
	c.mu.Lock()
	defer c.mu.Unlock()
	if f.lose.Load() != 0 || c.secured.repeats == 0 {
		t.Fatalf("%d still to lose, %d repetitions", f.lose.Load(), c.secured.repeats)
	}
}

// losing drops datagrams that begin with ChangeCipherSpec or carry one: our last
// flight.
func losing(b []byte, left *atomic.Int32) bool {
	for _, r := range records(b) {
		if r.kind == recordChange && left.Load() > 0 {
			left.Add(-1)
			return true
		}
	}
	return false
}

func TestSession(t *testing.T) {
	aead, err := newAEAD(make([]byte, 16))
	if err != nil {
		t.Fatal(err)
	}
	flight := [][]byte{{1}, {2}}
	s := &session{local: aead, remote: aead, flight: flight, began: time.Unix(0, 0)}
	ask := []byte{recordHandshake, 254, 253, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 9}
	now := time.Unix(1, 0)
	if got := s.take(ask, now); len(got) != 2 {
		t.Fatalf("%d datagrams", len(got))
	}
	if got := s.take(ask, now.Add(flightPause-1)); got != nil {
		t.Fatal("repeated at once")
	}
	for i := range 100 {
		s.take(ask, now.Add(time.Duration(i)*time.Second))
	}
	if s.repeats != maxRepeats {
		t.Fatalf("%d repetitions", s.repeats)
	}
	bad := s.goodbye()
	bad[len(bad)-1] ^= 1
	if s.take(bad, now); s.gone {
		t.Fatal("took a forged good-bye")
	}
	if s.take(s.goodbye(), now); !s.gone {
		t.Fatal("took no good-bye")
	}
	if s.age(now.Add(flightAge)); s.flight != nil {
		t.Fatal("the flight is kept for ever")
	}
}

// When the handshake is over nothing runs for a peer that only watches.
func TestNoGoroutines(t *testing.T) {
	p := openPort(t, nil)
	for range 3 {
		c, _, f := connect(t, p, farConfig{})
		f.sendRTCP(t, rtcpPacket(1))
		unittest.Until(t, "RTCP", func() bool { return c.Stats().ControlReceived == 1 })
	}
	unittest.Until(t, "end of all goroutines of peers", func() bool {
		buf := make([]byte, 1<<20)
		all := string(buf[:runtime.Stack(buf, true)])
		return !strings.Contains(all, "transport.(*Conn)")
	})
}

// handshakeConn obeys deadlines as dtls needs.
func TestHandshakeConn(t *testing.T) {
	h := newHandshakeConn(nil)
	if err := h.SetReadDeadline(time.Now()); err != nil {
		t.Fatal(err)
	}
	if _, _, err := h.ReadFrom(nil); err == nil {
		t.Fatal("read after the deadline")
	}
	if err := h.SetDeadline(time.Time{}); err != nil {
		t.Fatal(err)
	}
	for range handshakeQueue {
		if !h.put([]byte{1}) {
			t.Fatal("full too early")
		}
	}
	if h.put([]byte{1}) {
		t.Fatal("unbounded")
	}
	for range 2 {
		if err := h.Close(); err != nil {
			t.Fatal(err)
		}
	}
	h.mute()
	if _, err := h.WriteTo([]byte{1}, &net.UDPAddr{}); !errors.Is(err, net.ErrClosed) {
		t.Fatal(err)
	}
}

// BenchmarkConn shows the memory of a peer that only watches; an operation is one.
func BenchmarkConn(b *testing.B) {
	p := openPort(b, nil)
	to := sinks(b, 1)[0]
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	for range b.N {
		connected(b, p, to)
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/float64(b.N), "heap-B/op")
}
