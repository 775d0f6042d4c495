package light

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// meminfo reads SO_MEMINFO, for which x/sys has no call of its own.
func meminfo(fd uintptr, info *[9]uint32) error {
	size := uint32(unsafe.Sizeof(*info))
	_, _, errno := unix.Syscall6(unix.SYS_GETSOCKOPT, fd, unix.SOL_SOCKET, unix.SO_MEMINFO,
		uintptr(unsafe.Pointer(info)), uintptr(unsafe.Pointer(&size)), 0)
	if errno != 0 {
		return errno
	}
	return nil
}
