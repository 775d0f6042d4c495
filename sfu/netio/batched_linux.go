package netio

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// flushAfter is how long a packet may wait for the rest of its frame when few
	// destinations wait with it.
	flushAfter = time.Millisecond
	// flushPatience is how long Close waits for a socket that takes nothing.
	flushPatience = time.Second
	// maxSenders bounds the goroutines that send; destinations are spread over them.
	maxSenders = 4
	// maxDatagram is the largest UDP payload over IPv4, bytes.
	maxDatagram = 65507
)

// options are what tests change.
type options struct {
	delay    time.Duration
	limit    int
	noTrains bool
}

// Batched is a UDP socket that sends what has accumulated for a destination in one
// go. Writes never block; they copy the packet, and what the kernel then says
// about it is only counted. It keeps the order of each destination's packets.
type Batched struct {
	conn     *net.UDPConn
	raw      syscall.RawConn
	v6       bool
	queues   []*queue
	receiver *receiver
	count    counters
	late     atomic.Int64 // write deadline, Unix ns; zero for none

	senders sync.WaitGroup
	close   func() error // once
}

// batch puts batches over a socket; nil when the kernel has none.
func batch(conn *net.UDPConn) *Batched {
	b, err := newBatched(conn, options{delay: flushAfter, limit: queueLimit})
	if err != nil {
		return nil
	}
	return b
}

func newBatched(conn *net.UDPConn, o options) (*Batched, error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return nil, fmt.Errorf("reach media socket: %w", err)
	}
	batches, trains := probe(raw)
	if !batches {
		return nil, errors.ErrUnsupported
	}
	b := &Batched{conn: conn, raw: raw}
	var family int
	if ctl := raw.Control(func(fd uintptr) { family, err = unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_DOMAIN) }); ctl != nil || err != nil {
		return nil, fmt.Errorf("ask family of media socket: %w", errors.Join(ctl, err))
	}
	b.v6 = family == unix.AF_INET6
	b.receiver = newReceiver(raw, &b.count, readAhead, readSize)
	b.close = sync.OnceValue(b.shut)
	for range min(runtime.GOMAXPROCS(0), maxSenders) {
		q := newQueue(o.delay, o.limit, &b.count)
		b.queues = append(b.queues, q)
		b.senders.Go(newSender(q, raw, trains && !o.noTrains, &b.count).run)
	}
	return b, nil
}

// WriteToAddrPort queues a packet (ice.AddrPortReaderWriter).
func (b *Batched) WriteToAddrPort(packet []byte, to netip.AddrPort) (int, error) {
	if late := b.late.Load(); late != 0 && time.Now().UnixNano() >= late {
		return 0, os.ErrDeadlineExceeded
	}
	switch {
	case !to.IsValid():
		return 0, fmt.Errorf("send media packet: %w", net.InvalidAddrError("no address"))
	case len(packet) > maxDatagram:
		return 0, fmt.Errorf("send media packet of %d bytes: %w", len(packet), unix.EMSGSIZE)
	}
	to = netip.AddrPortFrom(to.Addr().Unmap(), to.Port())
	if err := b.queueOf(to).put(packet, to, b.v6); err != nil {
		return 0, err
	}
	return len(packet), nil
}

// queueOf spreads destinations.
func (b *Batched) queueOf(to netip.AddrPort) *queue {
	ip := to.Addr().As16()
	h := uint32(to.Port())*31 + uint32(ip[15])*7 + uint32(ip[14])
	return b.queues[(h>>4^h)%uint32(len(b.queues))]
}

// ReadFromAddrPort waits for a packet (ice.AddrPortReaderWriter). IPv4 sources are
// not mapped.
func (b *Batched) ReadFromAddrPort(p []byte) (int, netip.AddrPort, error) { return b.receiver.read(p) }

// WriteTo implements net.PacketConn for *net.UDPAddr.
func (b *Batched) WriteTo(packet []byte, to net.Addr) (int, error) {
	a, ok := to.(*net.UDPAddr)
	if !ok {
		return 0, fmt.Errorf("send media packet: %w", net.InvalidAddrError("not a UDP address"))
	}
	return b.WriteToAddrPort(packet, a.AddrPort())
}

// ReadFrom implements net.PacketConn.
func (b *Batched) ReadFrom(p []byte) (int, net.Addr, error) {
	n, from, err := b.receiver.read(p)
	if err != nil {
		return n, nil, err
	}
	return n, net.UDPAddrFromAddrPort(from), nil
}

// LocalAddr implements net.PacketConn.
func (b *Batched) LocalAddr() net.Addr { return b.conn.LocalAddr() }

// SetDeadline implements net.PacketConn.
func (b *Batched) SetDeadline(t time.Time) error {
	return errors.Join(b.SetReadDeadline(t), b.SetWriteDeadline(t))
}

// SetReadDeadline implements net.PacketConn.
func (b *Batched) SetReadDeadline(t time.Time) error { return b.conn.SetReadDeadline(t) }

// SetWriteDeadline implements net.PacketConn: writes after it fail. What is queued
// is sent all the same.
func (b *Batched) SetWriteDeadline(t time.Time) error {
	if t.IsZero() {
		b.late.Store(0)
	} else {
		b.late.Store(t.UnixNano())
	}
	return nil
}

// Stats returns what it has done so far.
func (b *Batched) Stats() Stats { return b.count.load() }

// Close sends what is queued, waits for that and closes the socket. Closing again
// returns what the first time did.
func (b *Batched) Close() error { return b.close() }

func (b *Batched) shut() error {
	err := b.conn.SetWriteDeadline(time.Now().Add(flushPatience))
	for _, q := range b.queues {
		q.end()
	}
	b.senders.Wait()
	return errors.Join(err, b.conn.Close())
}
