package netio

import (
	"net/netip"
	"sync"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	// readAhead is how many packets one call may bring to those who read them one
	// by one, and readSize what is kept of each, bytes.
	readAhead = 16
	readSize  = 8192
	// receiveAhead is how many packets one call may bring to Receive.
	receiveAhead = 64
)

// receiver reads several packets at once and hands them out one by one.
type receiver struct {
	raw   syscall.RawConn
	count *counters
	call  func(uintptr) bool // r.recvmmsg, bound once

	mu       sync.Mutex
	next, to int
	headers  []unix.Mmsghdr
	iov      []unix.Iovec
	names    []sockaddr
	bufs     [][]byte
	errno    syscall.Errno
}

// newReceiver makes a receiver of that many packets of that many bytes at once.
func newReceiver(raw syscall.RawConn, count *counters, packets, size int) *receiver {
	r := &receiver{raw: raw, count: count, headers: make([]unix.Mmsghdr, packets), iov: make([]unix.Iovec, packets),
		names: make([]sockaddr, packets), bufs: make([][]byte, packets)}
	r.call = r.recvmmsg
	for i := range r.headers {
		r.bufs[i] = make([]byte, size)
		r.iov[i].Base = &r.bufs[i][0]
		r.iov[i].SetLen(size)
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
		if err := r.fill(); err != nil {
			return 0, netip.AddrPort{}, err
		}
	}
	packet, from, _ := r.packet(r.next)
	r.next++
	return copy(b, packet), from, nil
}

// fill waits for packets.
func (r *receiver) fill() error {
	if err := r.raw.Read(r.call); err != nil {
		return err
	}
	if r.errno != 0 {
		return r.errno
	}
	return nil
}

// packet returns one of the packets of the last call; false when it was cut.
func (r *receiver) packet(i int) ([]byte, netip.AddrPort, bool) {
	h := &r.headers[i]
	return r.bufs[i][:h.Len], r.names[i].addrPort(), h.Hdr.Flags&unix.MSG_TRUNC == 0
}

// recvmmsg reads what is there; false waits for the socket.
func (r *receiver) recvmmsg(fd uintptr) bool {
	r.next, r.to, r.errno = 0, 0, 0
	for i := range r.headers {
		r.headers[i].Hdr.Namelen = lengthV6
	}
	for {
		n, errno := rawSyscall(unix.SYS_RECVMMSG, fd, unsafe.Pointer(&r.headers[0]), len(r.headers))
		switch errno {
		case unix.EINTR:
			continue
		case unix.EAGAIN:
			return false
		case 0:
			r.to = n
			r.count.reads.Add(1)
			r.count.received.Add(uint64(n))
		default:
			r.errno = errno
		}
		return true
	}
}
