package netio

import (
	"errors"
	"fmt"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// gate waits for packets, once for each call of wait. The runtime's own poller is told
// of every packet, wanted or not, and each time an idle thread gets up and finds
// nothing to do. Here it watches an epoll of ours, which watches the socket only when
// it is armed (EPOLLONESHOT).
type gate struct {
	socket syscall.RawConn
	file   *os.File        // the epoll
	raw    syscall.RawConn // of file
	events [1]unix.EpollEvent
	fd     int // of the socket, while it is held
	err    error

	// Bound once: g.ready, g.hold, g.arm.
	call         func(uintptr) bool
	outer, inner func(uintptr)
}

func newGate(socket syscall.RawConn) (*gate, error) {
	epoll, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("make epoll: %w", err)
	}
	if err := unix.SetNonblock(epoll, true); err != nil { // else os leaves it out of its poller
		return nil, errors.Join(fmt.Errorf("make epoll: %w", err), unix.Close(epoll))
	}
	g := &gate{socket: socket, file: os.NewFile(uintptr(epoll), "media epoll")}
	g.call, g.outer, g.inner = g.ready, g.hold, g.arm
	if g.raw, err = g.file.SyscallConn(); err != nil {
		return nil, errors.Join(fmt.Errorf("reach epoll: %w", err), g.file.Close())
	}
	ctl := socket.Control(func(fd uintptr) {
		err = unix.EpollCtl(epoll, unix.EPOLL_CTL_ADD, int(fd), &unix.EpollEvent{Events: unix.EPOLLONESHOT})
	})
	if err = errors.Join(ctl, err); err != nil {
		return nil, errors.Join(fmt.Errorf("watch media socket: %w", err), g.file.Close())
	}
	return g, nil
}

// wait waits until there is a packet. It has one caller.
func (g *gate) wait() error {
	if err := g.socket.Control(g.outer); err != nil {
		return err
	}
	if g.err != nil {
		return g.err
	}
	return g.raw.Read(g.call)
}

// hold keeps both descriptors from being closed and used again meanwhile.
func (g *gate) hold(fd uintptr) {
	g.fd = int(fd)
	if err := g.raw.Control(g.inner); err != nil {
		g.err = err
	}
}

func (g *gate) arm(epoll uintptr) {
	g.events[0] = unix.EpollEvent{Events: unix.EPOLLIN | unix.EPOLLONESHOT}
	g.err = unix.EpollCtl(int(epoll), unix.EPOLL_CTL_MOD, g.fd, &g.events[0])
}

// ready takes the event, if it has come.
func (g *gate) ready(epoll uintptr) bool {
	n, err := unix.EpollWait(int(epoll), g.events[:], 0)
	return n > 0 || err != nil && !errors.Is(err, unix.EINTR)
}

func (g *gate) close() error { return g.file.Close() }
