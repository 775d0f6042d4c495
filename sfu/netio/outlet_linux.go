package netio

import (
	"fmt"
	"net/netip"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Outlet makes the outlet to an address.
func (b *Batched) Outlet(to netip.AddrPort) (Outlet, error) {
	to = netip.AddrPortFrom(to.Addr().Unmap(), to.Port())
	name, err := newSockaddr(to, b.v6)
	if err != nil {
		return nil, err
	}
	return &destination{queue: b.queueOf(to), name: name}, nil
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

// Receive reads packets until the socket is closed, as Sockets.Receive.
func (b *Batched) Receive(take func([]byte, netip.AddrPort, time.Time), pause func()) error {
	r := newReceiver(b.raw, &b.count, receiveAhead, packetSize)
	for {
		if err := r.fill(); err != nil {
			if transient(err) {
				continue
			}
			return err
		}
		now := time.Now()
		for i := range r.to {
			packet, from, whole := r.packet(i)
			if !whole {
				b.count.oversized.Add(1)
				continue
			}
			take(packet, from, now)
		}
		pause()
	}
}
