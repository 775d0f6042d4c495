//go:build !linux

package netio

import "net"

// force does nothing where the system has no such option.
func force(*net.UDPConn) {}
