package netio

import (
	"net/netip"
	"sync"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	// readAhead is how many packets one call may bring.
	readAhead = 16
	// readSize is what is kept of a packet, bytes. No peer has reason to send more.
	readSize = 8192
)

// receiver reads several packets at once and hands them out one by one.
type receiver struct {
	raw   syscall.RawConn
	count *counters
	call  func(uintptr) bool // r.recvmmsg, bound once

	mu       sync.Mutex
	next, to int
	headers  [readAhead]unix.Mmsghdr
	iov      [readAhead]unix.Iovec
	names    [readAhead]sockaddr
	bufs     [readAhead][readSize]byte
	errno    syscall.Errno
}

func newReceiver(raw syscall.RawConn, count *counters) *receiver {
	r := &receiver{raw: raw, count: count}
	r.call = r.recvmmsg
	for i := range r.headers {
		r.iov[i].Base = &r.bufs[i][0]
		r.iov[i].SetLen(readSize)
		h := &r.headers[i].Hdr
		h.Name = &r.names[i].raw[0]
		h.Iov = &r.iov[i]
		h.SetIovlen(1)
	}
	return r
}

// read returns the next packet, cut to the length of b.
func (r *receiver) read(b []byte) (int, netip.AddrPort, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.next == r.to {
		if err := r.raw.Read(r.call); err != nil {
			return 0, netip.AddrPort{}, err
		}
		if r.errno != 0 {
			return 0, netip.AddrPort{}, r.errno
		}
	}
	i := r.next
	r.next++
	return copy(b, r.bufs[i][:r.headers[i].Len]), r.names[i].addrPort(), nil
}

// recvmmsg reads what is there; false waits for the socket.
func (r *receiver) recvmmsg(fd uintptr) bool {
	r.next, r.to, r.errno = 0, 0, 0
	for i := range r.headers {
		r.headers[i].Hdr.Namelen = lengthV6
	}
	for {
		n, _, errno := unix.Syscall6(unix.SYS_RECVMMSG, fd, uintptr(unsafe.Pointer(&r.headers[0])),
			readAhead, unix.MSG_DONTWAIT, 0, 0)
		switch errno {
		case unix.EINTR:
			continue
		case unix.EAGAIN:
			return false
		case 0:
			r.to = int(n)
			r.count.reads.Add(1)
			r.count.received.Add(uint64(n))
		default:
			r.errno = errno
		}
		return true
	}
}
