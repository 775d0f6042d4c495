//go:build unix

package vod

import (
	"os"

	"golang.org/x/sys/unix"
)

// lock marks f as being written by this process until it is closed; false when
// another process has marked it. The mark goes with the process.
func lock(f *os.File) bool { return unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB) == nil }
