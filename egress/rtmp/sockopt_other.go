//go:build !linux

package rtmp

import (
	"net"
	"syscall"
	"time"
)

// setUserTimeout does nothing here: write deadlines alone notice a dead peer.
func setUserTimeout(syscall.RawConn, time.Duration) error { return nil }

// unsent cannot be told here; what the kernel took counts as taken.
func unsent(*net.TCPConn) int { return 0 }
