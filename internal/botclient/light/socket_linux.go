package light

import (
	"encoding/binary"
	"net"

	"golang.org/x/sys/unix"
)

// tune asks the kernel to hand over trains of packets as one datagram (udp(7),
// UDP_GRO). A kernel that cannot is as good, at a higher price.
func tune(sock *net.UDPConn) {
	raw, err := sock.SyscallConn()
	if err != nil {
		return
	}
	_ = raw.Control(func(fd uintptr) {
		_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_UDP, unix.UDP_GRO, 1)
		// Root may go beyond net.core.rmem_max: five hundred bots and a server
		// on two cores leave a socket unread for many milliseconds.
		if unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, socketBuffer) != nil {
			_ = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUF, socketBuffer)
		}
	})
}

// segmentSize returns the size of the packets in a train, zero for a single one.
func segmentSize(oob []byte) int {
	for len(oob) >= unix.SizeofCmsghdr {
		h, data, rest, err := unix.ParseOneSocketControlMessage(oob)
		if err != nil {
			return 0
		}
		if h.Level == unix.IPPROTO_UDP && h.Type == unix.UDP_GRO && len(data) >= 2 {
			return int(binary.NativeEndian.Uint16(data))
		}
		oob = rest
	}
	return 0
}

// overflows returns how many packets the kernel dropped for want of room
// (SO_MEMINFO, the last of its numbers).
func overflows(sock *net.UDPConn) uint64 {
	const drops = 8 // SK_MEMINFO_DROPS
	raw, err := sock.SyscallConn()
	if err != nil {
		return 0
	}
	n := uint64(0)
	_ = raw.Control(func(fd uintptr) {
		var info [9]uint32
		if err := meminfo(fd, &info); err == nil {
			n = uint64(info[drops])
		}
	})
	return n
}
