package vod

import (
	"os"

	"golang.org/x/sys/unix"
)

// dataSync brings the data of f to the disk, and its length, not its times.
func dataSync(f *os.File) error { return unix.Fdatasync(int(f.Fd())) }
