package transport

import (
	"net"
	"net/netip"
	"syscall"
	"testing"
	"time"

	"github.com/pion/rtp"
)

// sinks are sockets that nobody reads from: the kernel drops what does not fit.
func sinks(t testing.TB, n int) []netip.AddrPort {
	t.Helper()
	var list []netip.AddrPort
	for range n {
		c, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
		list = append(list, c.LocalAddr().(*net.UDPAddr).AddrPort())
	}
	return list
}

// connected makes a connection to an address as if all handshakes were done.
func connected(t testing.TB, p *Port, to netip.AddrPort) (*Conn, *recorder) {
	t.Helper()
	c, r := newTestConn(t, p)
	out, err := p.cfg.Sockets.Outlet(to)
	if err != nil {
		t.Fatal(err)
	}
	pa := &path{conn: c, address: to, out: out}
	c.mu.Lock()
	c.paths, c.nominated, c.known, c.handshake = []*path{pa}, pa, true, nil
	c.mu.Unlock()
	c.hear(time.Now())
	p.claim(pa, time.Now())
	installTest(t, c)
	return c, r
}

// cpu is the time that the process has used.
func cpu(t testing.TB) time.Duration {
	t.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkWriteRTP writes frames of eight packets to 100 peers and waits until they
// are sent, as frames come in life; an operation is a packet. cpu-ns/op is what both
// the writer and the sender took.
func BenchmarkWriteRTP(b *testing.B) {
	p := openPort(b, nil)
	var conns []*Conn
	for _, to := range sinks(b, 100) {
		c, _ := connected(b, p, to)
		conns = append(conns, c)
	}
	payload := make([]byte, 1080)
	h := rtp.Header{Version: 2, PayloadType: 96, SSRC: 5}
	if err := h.SetExtension(3, []byte{1, 2}); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	before, written := cpu(b), uint64(0)
	b.ResetTimer()
	for i := 0; i < b.N; {
		for k := range 8 {
			h.SequenceNumber++
			h.Marker = k == 7
			for _, c := range conns {
				if _, err := c.WriteRTP(&h, payload); err != nil {
					b.Fatal(err)
				}
				i++
			}
		}
		written += 8 * uint64(len(conns))
		for p.cfg.Sockets.Stats().Sent < written {
			time.Sleep(100 * time.Microsecond)
		}
	}
	b.StopTimer()
	b.ReportMetric(float64(cpu(b)-before)/float64(written), "cpu-ns/op")
	s := p.cfg.Sockets.Stats()
	b.ReportMetric(float64(s.Sent)/float64(max(1, s.Messages)), "packets/message")
}
