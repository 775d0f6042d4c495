package netio

import (
	"testing"

	"golang.org/x/sys/unix"
)

// narrow makes trains fail as they do where the device has no checksum offload:
// the kernel refuses UDP_SEGMENT on a socket that sends no UDP checksums (EIO).
func narrow(t *testing.T, b *Batched) {
	t.Helper()
	var failed error
	if err := b.raw.Control(func(fd uintptr) {
		failed = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_NO_CHECK, 1)
	}); err != nil || failed != nil {
		t.Fatal(err, failed)
	}
}
