// Package netio opens the sockets that carry all media. Everything above sees a
// net.PacketConn and a net.Listener, so that how packets are read and written
// can change here alone.
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
	UDP net.PacketConn
	TCP net.Listener // nil without TCP

	batched *Batched // UDP, nil when it is plain
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
	grow(udp)
	s := &Sockets{UDP: udp}
	if u, ok := udp.(*net.UDPConn); ok && !cfg.Plain {
		if s.batched = batch(u); s.batched != nil {
			s.UDP = s.batched
		}
	}
	if !cfg.TCP {
		return s, nil
	}
	if s.TCP, err = net.Listen("tcp", net.JoinHostPort(cfg.IP, strconv.Itoa(s.Port()))); err != nil {
		return nil, errors.Join(fmt.Errorf("listen for media on TCP: %w", err), s.UDP.Close())
	}
	return s, nil
}

// grow asks for large buffers; less than asked for still works.
func grow(c net.PacketConn) {
	u, ok := c.(*net.UDPConn)
	if !ok {
		return
	}
	_ = u.SetReadBuffer(bufferSize)
	_ = u.SetWriteBuffer(bufferSize)
	force(u)
}

// Port is the number of the open port.
func (s *Sockets) Port() int {
	if a, ok := s.UDP.LocalAddr().(*net.UDPAddr); ok {
		return a.Port
	}
	return 0
}

// Close closes the sockets. Closing again is no error.
func (s *Sockets) Close() error {
	err := ignoreClosed(s.UDP.Close())
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
