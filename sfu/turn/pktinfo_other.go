//go:build !linux

package turn

import (
	"errors"
	"net"
	"net/netip"
)

const controlSize = 1

func tellDestinations(*net.UDPConn) error { return errors.ErrUnsupported }

func destination([]byte) netip.Addr { return netip.Addr{} }

func source(netip.Addr) []byte { return nil }
