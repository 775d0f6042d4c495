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
	"unsafe"

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
)

// options are what tests change.
type options struct {
	delay    time.Duration
	limit    int
	noTrains bool
}

// Batched is a UDP socket that sends what has accumulated for a destination in one
// go. Writes never block, and what the kernel says about a packet is only counted.
// It keeps the order of each outlet's packets.
//
// The socket is not known to the runtime's poller, which would wake somebody for
// every packet that comes: see gate.
type Batched struct {
	file   *os.File
	raw    syscall.RawConn // of file
	local  *net.UDPAddr
	v6     bool
	queues []*queue
	gate   *gate
	count  counters

	senders sync.WaitGroup
	closed  atomic.Bool
	close   func() error // once
}

// batch puts batches over a socket; nil when the kernel has none. The socket belongs
// to the Batched then.
func batch(conn *net.UDPConn) *Batched {
	b, err := newBatched(conn, options{delay: flushAfter, limit: queueLimit})
	if err != nil {
		return nil
	}
	return b
}

func newBatched(conn *net.UDPConn, o options) (*Batched, error) {
	b := &Batched{local: conn.LocalAddr().(*net.UDPAddr)}
	var err error
	if b.file, err = take(conn); err != nil {
		return nil, fmt.Errorf("take media socket: %w", err)
	}
	trains, err := b.prepare()
	if err != nil {
		return nil, errors.Join(err, giveBack(conn), b.file.Close())
	}
	_ = conn.Close() // ours is a copy
	b.close = sync.OnceValue(b.shut)
	for range min(runtime.GOMAXPROCS(0), maxSenders) {
		q := newQueue(o.delay, o.limit, &b.count)
		b.queues = append(b.queues, q)
		b.senders.Go(newSender(q, b.raw, trains && !o.noTrains, &b.count).run)
	}
	return b, nil
}

// take copies the descriptor of a socket.
func take(conn *net.UDPConn) (*os.File, error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return nil, err
	}
	var file *os.File
	if ctl := raw.Control(func(fd uintptr) {
		var own int
		if own, err = unix.FcntlInt(fd, unix.F_DUPFD_CLOEXEC, 0); err != nil {
			return
		}
		// What blocks the poller leaves alone. None of our calls waits.
		if err = unix.SetNonblock(own, false); err != nil {
			_ = unix.Close(own)
			return
		}
		file = os.NewFile(uintptr(own), "media")
	}); ctl != nil {
		return nil, ctl
	}
	return file, err
}

// giveBack makes the socket what it was: the mode is the same for all copies.
func giveBack(conn *net.UDPConn) error {
	raw, err := conn.SyscallConn()
	if err != nil {
		return err
	}
	if ctl := raw.Control(func(fd uintptr) { err = unix.SetNonblock(int(fd), true) }); ctl != nil {
		return ctl
	}
	return err
}

// prepare finds out what the kernel has.
func (b *Batched) prepare() (trains bool, err error) {
	if b.raw, err = b.file.SyscallConn(); err != nil {
		return false, fmt.Errorf("reach media socket: %w", err)
	}
	batches, trains := probe(b.raw)
	if !batches {
		return false, errors.ErrUnsupported
	}
	var family int
	if ctl := b.raw.Control(func(fd uintptr) { family, err = unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_DOMAIN) }); ctl != nil || err != nil {
		return false, fmt.Errorf("ask family of media socket: %w", errors.Join(ctl, err))
	}
	b.v6 = family == unix.AF_INET6
	b.gate, err = newGate(b.raw)
	return trains, err
}

// Outlet makes the outlet to an address.
func (b *Batched) Outlet(to netip.AddrPort) (Outlet, error) {
	to = netip.AddrPortFrom(to.Addr().Unmap(), to.Port())
	name, err := newSockaddr(to, b.v6)
	if err != nil {
		return nil, err
	}
	return &destination{queue: b.queueOf(to), name: name}, nil
}

// queueOf spreads destinations.
func (b *Batched) queueOf(to netip.AddrPort) *queue {
	ip := to.Addr().As16()
	h := uint32(to.Port())*31 + uint32(ip[15])*7 + uint32(ip[14])
	return b.queues[(h>>4^h)%uint32(len(b.queues))]
}

// Send sends a packet at once, past the queues.
func (b *Batched) Send(packet []byte, to netip.AddrPort) error {
	if len(packet) == 0 {
		return nil
	}
	name, err := newSockaddr(to, b.v6)
	if err != nil {
		return err
	}
	var errno syscall.Errno
	err = b.raw.Control(func(fd uintptr) {
		_, _, errno = unix.Syscall6(unix.SYS_SENDTO, fd, uintptr(unsafe.Pointer(unsafe.SliceData(packet))),
			uintptr(len(packet)), unix.MSG_DONTWAIT, uintptr(unsafe.Pointer(&name.raw[0])), uintptr(name.length))
	})
	if err == nil && errno != 0 {
		err = errno
	}
	if err != nil {
		b.count.drop(DropRefused, 1)
		return fmt.Errorf("send media packet: %w", err)
	}
	return nil
}

// LocalAddr is where the socket is bound.
func (b *Batched) LocalAddr() *net.UDPAddr { return b.local }

// Stats returns what it has done so far.
func (b *Batched) Stats() Stats { return b.count.load() }

// Close sends what is queued, waits for that and closes the socket. Closing again
// returns what the first time did.
func (b *Batched) Close() error { return b.close() }

func (b *Batched) shut() error {
	for _, q := range b.queues {
		q.end()
	}
	b.senders.Wait()
	b.closed.Store(true)
	return errors.Join(b.gate.close(), b.file.Close())
}
