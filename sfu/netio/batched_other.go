//go:build !linux

package netio

import (
	"errors"
	"net"
	"net/netip"
	"time"
)

// Batched is a socket with batches, which only Linux has.
type Batched struct{}

// batch does nothing where the system has no batches.
func batch(*net.UDPConn) *Batched { return nil }

// Stats is all zero.
func (*Batched) Stats() Stats { return Stats{} }

// Outlet fails.
func (*Batched) Outlet(netip.AddrPort) (Outlet, error) { return nil, errors.ErrUnsupported }

// Send fails.
func (*Batched) Send([]byte, netip.AddrPort) error { return errors.ErrUnsupported }

// Receive fails.
func (*Batched) Receive(func([]byte, netip.AddrPort, time.Time), func()) error {
	return errors.ErrUnsupported
}

// LocalAddr is nil.
func (*Batched) LocalAddr() *net.UDPAddr { return nil }

// Close does nothing.
func (*Batched) Close() error { return nil }
