//go:build !linux

package netio

import "net"

// Batched is a socket with batches, which only Linux has.
type Batched struct{ net.PacketConn }

// batch does nothing where the system has no batches.
func batch(*net.UDPConn) *Batched { return nil }

// Stats is all zero.
func (*Batched) Stats() Stats { return Stats{} }
