//go:build !linux

package vod

import "os"

// dataSync brings f to the disk.
func dataSync(f *os.File) error { return f.Sync() }
