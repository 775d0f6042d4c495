//go:build linux

package netio

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

func TestFullQueueDrops(t *testing.T) {
	o := defaults()
	o.delay, o.limit = time.Hour, 3
	b := openBatched(t, "127.0.0.1:0", o)
	b.queues[0].limit = 3
	sent := 0
	for port := uint16(40000); sent < 5; port++ {
		to := netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), port)
		if b.queueOf(to) == b.queues[0] {
			write(t, b, numbered(1100, 0, false), to)
			sent++
		}
	}
	if s := b.Stats(); s.Drops[DropFull] != 2 {
		t.Fatalf("%+v", s)
	}
}

// Where trains are refused, packets go singly, and so do all after them.
func TestFallsBack(t *testing.T) {
	b := openBatched(t, "127.0.0.1:0", defaults())
	narrow(t, b)
	c, to := receivePlain(t, "127.0.0.1:0")
	sizes := []int{1500, 1500, 1500, 700, 1500, 1500}
	for i, size := range sizes {
		write(t, b, numbered(size, i, i == 3 || i == 5), to)
	}
	expect(t, c, sizes)
	if s := waitSent(t, b, 6); s.Fallbacks != 1 || s.Messages != 6 || s.Drops != [Drops]uint64{} {
		t.Fatalf("%+v", s)
	}
}

// Packets that the kernel refuses are counted, and stand in nobody's way.
func TestRefused(t *testing.T) {
	b := openBatched(t, "127.0.0.1:0", defaults())
	c, to := receivePlain(t, "127.0.0.1:0")
	abroad := netip.MustParseAddrPort("192.0.2.1:9") // a loopback source reaches it nowhere
	for i := range 3 {
		write(t, b, numbered(1100, i, false), abroad)
		write(t, b, numbered(1100, i, true), to)
	}
	write(t, b, numbered(1100, 3, true), abroad)
	expect(t, c, []int{1100, 1100, 1100})
	for deadline := time.Now().Add(5 * time.Second); b.Stats().Drops[DropRefused] != 4; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%+v", b.Stats())
		}
	}
}

func TestCloseFlushes(t *testing.T) {
	o := defaults()
	o.delay = time.Hour
	b := openBatched(t, "127.0.0.1:0", o)
	c, to := receivePlain(t, "127.0.0.1:0")
	write(t, b, numbered(1100, 0, false), to)
	write(t, b, numbered(1100, 1, false), to)
	for range 2 {
		if err := b.Close(); err != nil {
			t.Fatal(err)
		}
	}
	expect(t, c, []int{1100, 1100})
	if send(t, b, numbered(1100, 2, true), to) {
		t.Fatal("room after close")
	}
	if err := b.Receive(nil, nil); !errors.Is(err, net.ErrClosed) {
		t.Fatalf("read after close: %v", err)
	}
	if err := b.Send([]byte("x"), to); err == nil {
		t.Fatal("sent after close")
	}
}

// Writers and a reader meet Close; every packet accepted is sent or counted.
func TestCloseUnderLoad(t *testing.T) {
	b := openBatched(t, "127.0.0.1:0", defaults())
	_, to := receivePlain(t, "127.0.0.1:0")
	var wg sync.WaitGroup
	var accepted atomic.Uint64
	for range 4 {
		wg.Go(func() {
			for i := 0; !b.queues[0].ended(); i++ {
				if send(t, b, numbered(1000, i, i%8 == 7), to) {
					accepted.Add(1)
				}
			}
		})
	}
	receive(t, b)
	waitSent(t, b, 1000)
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	wg.Wait()
	s := b.Stats()
	if got := s.Sent + s.Drops[DropRefused] + s.Drops[DropClosed]; got != accepted.Load() {
		t.Fatalf("%d packets accepted, %d accounted for: %+v", accepted.Load(), got, s)
	}
}

func TestWriteDoesNotAllocate(t *testing.T) {
	if raceEnabled {
		t.Skip("pools forget at random under -race")
	}
	b := openBatched(t, "127.0.0.1:0", defaults())
	_, to := receivePlain(t, "127.0.0.1:0")
	p, end := numbered(1100, 0, false), numbered(1100, 0, true)
	frames := testing.AllocsPerRun(500, func() {
		for range 7 {
			send(t, b, p, to)
		}
		send(t, b, end, to)
	})
	if frames > 1 { // of eight packets; a collection empties the pool
		t.Fatalf("%.1f allocations for a frame", frames)
	}
}

// A socket that could not be batched is as it was: reads obey deadlines.
func TestGiveBack(t *testing.T) {
	c, _ := receivePlain(t, "127.0.0.1:0")
	file, err := take(c)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(giveBack(c), file.Close(), c.SetReadDeadline(time.Now().Add(10*time.Millisecond))); err != nil {
		t.Fatal(err)
	}
	if _, _, err := c.ReadFromUDPAddrPort(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatal(err)
	}
}
