package netio

import (
	"net"

	"golang.org/x/sys/unix"
)

// force sets the buffers beyond net.core.rmem_max and wmem_max, which are small
// by default; the kernel lets only CAP_NET_ADMIN do it.
func force(c *net.UDPConn) {
	raw, err := c.SyscallConn()
	if err != nil {
		return
	}
	_ = raw.Control(func(fd uintptr) {
		_ = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, bufferSize)
		_ = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_SNDBUFFORCE, bufferSize)
	})
}
