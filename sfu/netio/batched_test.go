//go:build linux

package netio

import (
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"strconv"
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
	grow(c.(*net.UDPConn))
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
	t.Cleanup(func() { _ = c.Close() })
	u := c.(*net.UDPConn)
	grow(u)
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

// outlets are those that tests write to, one for each socket and address.
var outlets sync.Map

type outletKey struct {
	b  *Batched
	to netip.AddrPort
}

// send writes a packet as one of a picture would be: its end goes at once, and so does
// what is short. It is false when there is no room.
func send(t testing.TB, b *Batched, p []byte, to netip.AddrPort) bool {
	t.Helper()
	key := outletKey{b, to}
	o, ok := outlets.Load(key)
	if !ok {
		fresh, err := b.Outlet(to)
		if err != nil {
			t.Error(err)
			return false
		}
		o, _ = outlets.LoadOrStore(key, fresh)
	}
	room := o.(Outlet).Reserve(len(p))
	if room == nil {
		return false
	}
	copy(room, p)
	o.(Outlet).Commit(p[1]&0x80 == 0 && len(p) > 400)
	return true
}

func write(t *testing.T, b *Batched, p []byte, to netip.AddrPort) {
	t.Helper()
	send(t, b, p, to)
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
				if !send(t, b, numbered(900, i, i%8 == 7), to) {
					t.Error("no room")
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
	if _, err := b.Outlet(netip.MustParseAddrPort("[::1]:9")); !errors.Is(err, errFamily) {
		t.Fatalf("IPv6 on an IPv4 socket: %v", err)
	}
}

// arrival is a packet that was received.
type arrival struct {
	text string
	from netip.AddrPort
}

// receive reads until the socket is closed, and waits for that with the test.
func receive(t testing.TB, b *Batched) <-chan arrival {
	t.Helper()
	c, done := make(chan arrival, 1000), make(chan error, 1)
	go func() {
		done <- b.Receive(func(p []byte, from netip.AddrPort, _ time.Time) { c <- arrival{string(p), from} }, func() {})
	}()
	t.Cleanup(func() {
		_ = b.Close()
		if err := <-done; !errors.Is(err, net.ErrClosed) {
			t.Errorf("reading ended with %v", err)
		}
	})
	return c
}

// answer sends back, and checks where that seems to come from.
func answer(t *testing.T, b *Batched, far *net.UDPConn) {
	t.Helper()
	own := far.LocalAddr().(*net.UDPAddr)
	near := &net.UDPAddr{IP: own.IP, Port: b.LocalAddr().Port}
	got := receive(t, b)
	for _, text := range []string{"one", "two"} {
		if _, err := far.WriteTo([]byte(text), near); err != nil {
			t.Fatal(err)
		}
		want := arrival{text, netip.AddrPortFrom(own.AddrPort().Addr().Unmap(), uint16(own.Port))}
		select {
		case a := <-got:
			if a != want {
				t.Fatalf("read %v, want %v", a, want)
			}
		case <-time.After(5 * time.Second):
			t.Fatal("nothing came")
		}
	}
}

// Every packet comes, whether they come one by one or many at a time; too long ones
// are counted.
func TestReceive(t *testing.T) {
	b := openBatched(t, "127.0.0.1:0", defaults())
	got := receive(t, b)
	far, _ := receivePlain(t, "127.0.0.1:0")
	near := b.LocalAddr()
	next := 0
	for _, burst := range []int{1, 1, 100, 200, 1, 3, 500, 1} {
		for range burst {
			if _, err := far.WriteTo([]byte(strconv.Itoa(next)), near); err != nil {
				t.Fatal(err)
			}
			next++
		}
		for i := next - burst; i < next; i++ {
			select {
			case a := <-got:
				if a.text != strconv.Itoa(i) {
					t.Fatalf("packet %q, want %d", a.text, i)
				}
			case <-time.After(5 * time.Second):
				t.Fatalf("packet %d of %d did not come", i, next)
			}
		}
	}
	if _, err := far.WriteTo(make([]byte, packetSize+1), near); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(5 * time.Second); b.Stats().Oversized != 1; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%+v", b.Stats())
		}
	}
}

func TestPace(t *testing.T) {
	var p pace
	now := time.Unix(1000, 0)
	for _, step := range []struct {
		packets int
		after   time.Duration
		busy    bool
	}{
		{1, 0, false}, {1, paceWindow, false}, {100, paceWindow / 2, false}, {100, paceWindow, true}, {2, paceWindow / 2, true},
		{2, paceWindow, false}, {500, paceWindow, true}, {150, time.Hour, false},
	} {
		now = now.Add(step.after)
		if p.count(step.packets, now); p.busy != step.busy {
			t.Fatalf("%+v: busy is %v", step, p.busy)
		}
	}
}
