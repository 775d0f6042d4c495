// Package netio opens the sockets that carry all media. What is above sees outlets,
// bursts of packets and a net.Listener, so that how packets are read and written can
// change here alone.
package netio

import (
	"errors"
	"fmt"
	"net"
	"strconv"
)

// bufferSize is what the kernel may queue on the media socket, bytes: a key
// frame to every subscriber of a large room.
const bufferSize = 4 << 20

// attempts is how many ports are tried when any will do but UDP and TCP must
// agree on one.
const attempts = 16

// Config says where to listen.
type Config struct {
	IP   string // address to bind, empty for all, IPv4 and IPv6
	Port int    // 0 picks one
	TCP  bool   // listen on TCP as well, on the same number
	// Plain makes one system call for each packet, as where the system has nothing
	// better.
	Plain bool
}

// Sockets are the open sockets of one port.
type Sockets struct {
	TCP net.Listener // nil without TCP

	// UDP is one of these.
	plain   *net.UDPConn
	batched *Batched
}

// Stats returns what the UDP socket has done, all zero for a plain one.
func (s *Sockets) Stats() Stats {
	if s.batched == nil {
		return Stats{}
	}
	return s.batched.Stats()
}

// Open listens on one port number.
func Open(cfg Config) (*Sockets, error) {
	tries := 1
	if cfg.Port == 0 && cfg.TCP {
		tries = attempts
	}
	var err error
	for range tries {
		var s *Sockets
		if s, err = open(cfg); err == nil {
			return s, nil
		}
	}
	return nil, err
}

func open(cfg Config) (*Sockets, error) {
	udp, err := net.ListenPacket("udp", net.JoinHostPort(cfg.IP, strconv.Itoa(cfg.Port)))
	if err != nil {
		return nil, fmt.Errorf("listen for media on UDP: %w", err)
	}
	s := &Sockets{plain: udp.(*net.UDPConn)}
	grow(s.plain)
	if !cfg.Plain {
		if s.batched = batch(s.plain); s.batched != nil {
			s.plain = nil
		}
	}
	if !cfg.TCP {
		return s, nil
	}
	if s.TCP, err = net.Listen("tcp", net.JoinHostPort(cfg.IP, strconv.Itoa(s.Port()))); err != nil {
		return nil, errors.Join(fmt.Errorf("listen for media on TCP: %w", err), s.closeUDP())
	}
	return s, nil
}

// grow asks for large buffers; less than asked for still works.
func grow(u *net.UDPConn) {
	_ = u.SetReadBuffer(bufferSize)
	_ = u.SetWriteBuffer(bufferSize)
	force(u)
}

// Port is the number of the open port.
func (s *Sockets) Port() int {
	if s.batched != nil {
		return s.batched.LocalAddr().Port
	}
	return s.plain.LocalAddr().(*net.UDPAddr).Port
}

func (s *Sockets) closeUDP() error {
	if s.batched != nil {
		return s.batched.Close()
	}
	return s.plain.Close()
}

// Close closes the sockets. Closing again is no error.
func (s *Sockets) Close() error {
	err := ignoreClosed(s.closeUDP())
	if s.TCP != nil {
		err = errors.Join(err, ignoreClosed(s.TCP.Close()))
	}
	return err
}

func ignoreClosed(err error) error {
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}
