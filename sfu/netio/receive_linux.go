package netio

import (
	"fmt"
	"net"
	"net/netip"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	// readAhead is how many packets one call may bring.
	readAhead = 64
	// busyRate is from how many packets a second on the reader looks every readPause
	// instead of getting up for each of them: the feedback of many subscribers comes
	// one by one, and each time that costs more than the packet.
	busyRate  = 1000
	readPause = 2 * time.Millisecond
	// paceWindow is how long packets are counted for it.
	paceWindow = 100 * time.Millisecond
)

// receiver reads several packets at once.
type receiver struct {
	raw     syscall.RawConn
	count   *counters
	call    func(uintptr) // r.recvmmsg, bound once
	n       int
	errno   syscall.Errno
	headers [readAhead]unix.Mmsghdr
	iov     [readAhead]unix.Iovec
	names   [readAhead]sockaddr
	bufs    [readAhead][packetSize]byte
}

func newReceiver(raw syscall.RawConn, count *counters) *receiver {
	r := &receiver{raw: raw, count: count}
	r.call = r.recvmmsg
	for i := range r.headers {
		r.iov[i].Base = &r.bufs[i][0]
		r.iov[i].SetLen(packetSize)
		h := &r.headers[i].Hdr
		h.Name = &r.names[i].raw[0]
		h.Iov = &r.iov[i]
		h.SetIovlen(1)
	}
	return r
}

// recvmmsg reads what is there.
func (r *receiver) recvmmsg(fd uintptr) {
	for i := range r.headers {
		r.headers[i].Hdr.Namelen = lengthV6
	}
	for {
		r.n, r.errno = rawSyscall(unix.SYS_RECVMMSG, fd, unsafe.Pointer(&r.headers[0]), readAhead)
		if r.errno == unix.EINTR {
			continue
		}
		if r.errno != 0 {
			r.n = 0
			return
		}
		r.count.reads.Add(1)
		r.count.received.Add(uint64(r.n))
		return
	}
}

// hand gives all packets of the last call to take.
func (r *receiver) hand(take func([]byte, netip.AddrPort, time.Time), now time.Time) {
	for i := range r.n {
		h := &r.headers[i]
		if h.Hdr.Flags&unix.MSG_TRUNC != 0 {
			r.count.oversized.Add(1)
			continue
		}
		take(r.bufs[i][:h.Len], r.names[i].addrPort(), now)
	}
}

// Receive reads packets until the socket is closed, as Sockets.Receive. It has one
// caller.
func (b *Batched) Receive(take func([]byte, netip.AddrPort, time.Time), pause func()) error {
	r := newReceiver(b.raw, &b.count)
	var p pace
	for {
		if err := b.raw.Control(r.call); err != nil {
			return b.lost(err)
		}
		if r.errno != 0 && r.errno != unix.EAGAIN && !transient(r.errno) {
			return b.lost(r.errno)
		}
		now := time.Now()
		p.count(r.n, now)
		if r.n > 0 {
			r.hand(take, now)
			pause()
		}
		switch {
		case r.n == readAhead: // there is more
		case p.busy:
			time.Sleep(readPause)
		case r.n == 0:
			if err := b.gate.wait(); err != nil {
				return b.lost(err)
			}
		}
	}
}

// lost names the error of a socket that was closed.
func (b *Batched) lost(err error) error {
	if b.closed.Load() {
		return net.ErrClosed
	}
	return fmt.Errorf("read media socket: %w", err)
}

// pace tells whether packets come so fast that reading may wait for several.
type pace struct {
	began   time.Time
	packets int
	busy    bool
}

func (p *pace) count(packets int, now time.Time) {
	p.packets += packets
	if took := now.Sub(p.began); took >= paceWindow {
		p.busy = float64(p.packets) >= busyRate*min(took, 2*paceWindow).Seconds()
		p.began, p.packets = now, 0
	}
}
