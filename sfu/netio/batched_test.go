//go:build linux

package netio

import (
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"os"
	"sync"
	"testing"
	"time"
)

// openBatched makes a batched socket; it is closed with the test.
func openBatched(t testing.TB, address string, o options) *Batched {
	t.Helper()
	c, err := net.ListenPacket("udp", address)
	if err != nil {
		t.Skip(err) // no IPv6 here
	}
	grow(c)
	b, err := newBatched(c.(*net.UDPConn), o)
	if err != nil {
		_ = c.Close()
		t.Skip(err)
	}
	t.Cleanup(func() { _ = b.Close() })
	return b
}

func defaults() options { return options{delay: flushAfter, limit: queueLimit} }

// receivePlain opens a plain socket to send to.
func receivePlain(t testing.TB, address string) (*net.UDPConn, netip.AddrPort) {
	t.Helper()
	c, err := net.ListenPacket("udp", address)
	if err != nil {
		t.Skip(err)
	}
	grow(c)
	t.Cleanup(func() { _ = c.Close() })
	u := c.(*net.UDPConn)
	return u, u.LocalAddr().(*net.UDPAddr).AddrPort()
}

// numbered makes an RTP packet with a number in it.
func numbered(size, number int, marker bool) []byte {
	p := make([]byte, size)
	p[0] = 0x80
	if marker {
		p[1] = 0x80
	}
	binary.BigEndian.PutUint32(p[4:], uint32(number))
	return p
}

// expect reads packets of these sizes, numbered from zero on.
func expect(t *testing.T, c *net.UDPConn, sizes []int) {
	t.Helper()
	if err := c.SetReadDeadline(time.Now().Add(5 * time.Second)); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 1<<16)
	for i, size := range sizes {
		n, _, err := c.ReadFromUDPAddrPort(buf)
		if err != nil {
			t.Fatalf("packet %d of %d: %v", i, len(sizes), err)
		}
		if got := int(binary.BigEndian.Uint32(buf[4:])); n != size || got != i {
			t.Fatalf("packet %d has number %d and %d bytes, want %d", i, got, n, size)
		}
	}
}

func write(t *testing.T, b *Batched, p []byte, to netip.AddrPort) {
	t.Helper()
	if n, err := b.WriteToAddrPort(p, to); err != nil || n != len(p) {
		t.Fatalf("wrote %d of %d: %v", n, len(p), err)
	}
}

// mixed is sizes as they come: frames, sound between, a large one.
func mixed() []int {
	var sizes []int
	for i := range 40 {
		for range i % 9 {
			sizes = append(sizes, 1100)
		}
		sizes = append(sizes, 500+i, 120, 1100, 1200, 8, 1101)
	}
	return append(sizes, 20000, 1100, 65000, 9)
}

func TestOrderAndSizes(t *testing.T) {
	for _, trains := range []bool{true, false} {
		o := defaults()
		o.noTrains = !trains
		b := openBatched(t, "127.0.0.1:0", o)
		c, to := receivePlain(t, "127.0.0.1:0")
		sizes := mixed()
		for i, size := range sizes {
			write(t, b, numbered(size, i, i%9 == 8), to)
		}
		expect(t, c, sizes)
		s := waitSent(t, b, uint64(len(sizes)))
		if s.Fallbacks != 0 || s.Drops != [Drops]uint64{} {
			t.Fatalf("%+v", s)
		}
		if trains != (s.Messages < s.Sent) {
			t.Fatalf("trains %v: %d packets in %d messages", trains, s.Sent, s.Messages)
		}
	}
}

// waitSent waits for the counters, which follow the packets.
func waitSent(t *testing.T, b *Batched, want uint64) Stats {
	t.Helper()
	for deadline := time.Now().Add(5 * time.Second); ; time.Sleep(100 * time.Microsecond) {
		s := b.Stats()
		if s.Sent >= want {
			return s
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d packets were sent, want %d", s.Sent, want)
		}
	}
}

// A frame goes out as one message when its marker comes, however long the delay.
func TestMarkerSendsFrame(t *testing.T) {
	o := defaults()
	o.delay = time.Hour
	b := openBatched(t, "127.0.0.1:0", o)
	c, to := receivePlain(t, "127.0.0.1:0")
	for i := range 8 {
		size := 1100
		if i == 7 {
			size = 700
		}
		write(t, b, numbered(size, i, i == 7), to)
	}
	expect(t, c, []int{1100, 1100, 1100, 1100, 1100, 1100, 1100, 700})
	if s := waitSent(t, b, 8); s.Messages != 1 || s.Calls != 1 {
		t.Fatalf("%+v", s)
	}
}

func TestUrgent(t *testing.T) {
	stun, rtcp, dtls := make([]byte, 600), make([]byte, 600), make([]byte, 600)
	rtcp[0], rtcp[1], dtls[0] = 0x80, 205, 22
	for name, c := range map[string]struct {
		packet []byte
		want   bool
	}{
		"middle of a frame": {numbered(1100, 0, false), false}, "end of a frame": {numbered(1100, 0, true), true},
		"sound": {numbered(120, 0, false), true}, "empty": {nil, true}, "one byte": {[]byte{0x80}, true},
		"stun": {stun, true}, "rtcp": {rtcp, true}, "dtls": {dtls, true},
	} {
		if got := urgent(c.packet); got != c.want {
			t.Errorf("%s: urgent is %v", name, got)
		}
	}
}

// Without a marker packets go after the delay.
func TestDelaySends(t *testing.T) {
	b := openBatched(t, "127.0.0.1:0", defaults())
	c, to := receivePlain(t, "127.0.0.1:0")
	write(t, b, numbered(1100, 0, false), to)
	expect(t, c, []int{1100})
}

func TestManyDestinations(t *testing.T) {
	b := openBatched(t, "127.0.0.1:0", defaults())
	var wg sync.WaitGroup
	for range 150 {
		c, to := receivePlain(t, "127.0.0.1:0")
		wg.Go(func() {
			for i := range 40 {
				if _, err := b.WriteToAddrPort(numbered(900, i, i%8 == 7), to); err != nil {
					t.Error(err)
				}
			}
		})
		defer func() {
			sizes := make([]int, 40)
			for i := range sizes {
				sizes[i] = 900
			}
			expect(t, c, sizes)
		}()
	}
	wg.Wait()
}

func TestFamilies(t *testing.T) {
	for _, c := range []struct{ from, to, mapped string }{
		{":0", "127.0.0.1:0", "::ffff:127.0.0.1"}, {":0", "[::1]:0", ""}, {"[::1]:0", "[::1]:0", ""},
		{"127.0.0.1:0", "127.0.0.1:0", "::ffff:127.0.0.1"}, {"0.0.0.0:0", "127.0.0.1:0", ""},
	} {
		t.Run(c.from+" "+c.to, func(t *testing.T) {
			b := openBatched(t, c.from, defaults())
			far, to := receivePlain(t, c.to)
			if c.mapped != "" {
				to = netip.AddrPortFrom(netip.MustParseAddr(c.mapped), to.Port())
			}
			write(t, b, numbered(1100, 0, false), to)
			write(t, b, numbered(1100, 1, true), to)
			expect(t, far, []int{1100, 1100})
			answer(t, b, far)
		})
	}
	b := openBatched(t, "127.0.0.1:0", defaults())
	if _, err := b.WriteToAddrPort([]byte("x"), netip.MustParseAddrPort("[::1]:9")); !errors.Is(err, errFamily) {
		t.Fatalf("IPv6 on an IPv4 socket: %v", err)
	}
}

// answer sends back, and checks where that seems to come from.
func answer(t *testing.T, b *Batched, far *net.UDPConn) {
	t.Helper()
	own := far.LocalAddr().(*net.UDPAddr)
	near := &net.UDPAddr{IP: own.IP, Port: b.LocalAddr().(*net.UDPAddr).Port}
	for _, text := range []string{"one", "two"} {
		if _, err := far.WriteTo([]byte(text), near); err != nil {
			t.Fatal(err)
		}
	}
	buf := make([]byte, 100)
	n, from, err := b.ReadFromAddrPort(buf)
	if err != nil || string(buf[:n]) != "one" || from != netip.AddrPortFrom(own.AddrPort().Addr().Unmap(), uint16(own.Port)) {
		t.Fatalf("read %q from %v, want from %v: %v", buf[:n], from, own, err)
	}
	n, addr, err := b.ReadFrom(buf[:2])
	if err != nil || string(buf[:n]) != "tw" || addr.String() != own.String() {
		t.Fatalf("read %q from %v, want from %v: %v", buf[:n], addr, own, err)
	}
}

func TestDeadlines(t *testing.T) {
	b := openBatched(t, "127.0.0.1:0", defaults())
	_, to := receivePlain(t, "127.0.0.1:0")
	if err := b.SetDeadline(time.Now()); err != nil {
		t.Fatal(err)
	}
	var timeout net.Error
	if _, _, err := b.ReadFromAddrPort(make([]byte, 9)); !errors.As(err, &timeout) || !timeout.Timeout() || !os.IsTimeout(err) {
		t.Fatalf("read: %v", err)
	}
	if _, err := b.WriteToAddrPort([]byte("x"), to); !os.IsTimeout(err) {
		t.Fatalf("write: %v", err)
	}
	if err := b.SetDeadline(time.Time{}); err != nil {
		t.Fatal(err)
	}
	write(t, b, []byte("x"), to)
}
