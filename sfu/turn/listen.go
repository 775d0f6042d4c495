package turn

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strconv"
	"time"
)

const (
	// attempts is how many ports are tried when any will do but UDP and TCP must
	// agree on one.
	attempts = 16
	// acceptPause is waited after an accept that failed, as without descriptors.
	acceptPause = 50 * time.Millisecond
	// socketBuffer is what the kernel may queue on the UDP socket, bytes.
	socketBuffer = 2 << 20
)

// listen opens the sockets.
func (s *Server) listen() error {
	if s.cfg.Address != "" {
		if err := s.listenBoth(); err != nil {
			return err
		}
	}
	if s.cfg.TLSAddress == "" {
		return nil
	}
	l, err := net.Listen("tcp", s.cfg.TLSAddress)
	if err != nil {
		return fmt.Errorf("listen for TURN over TLS: %w", err)
	}
	s.sockets = append(s.sockets, tlsListener{l, s.cfg.TLS})
	return nil
}

// listenBoth opens UDP and TCP on one port number.
func (s *Server) listenBoth() error {
	host, port, err := net.SplitHostPort(s.cfg.Address)
	if err != nil {
		return fmt.Errorf("listen for TURN: %w", err)
	}
	for range attempts {
		var udp net.PacketConn
		if udp, err = net.ListenPacket("udp", s.cfg.Address); err != nil {
			return fmt.Errorf("listen for TURN on UDP: %w", err)
		}
		number := portOf(udp.LocalAddr())
		var tcp net.Listener
		if tcp, err = net.Listen("tcp", net.JoinHostPort(host, strconv.Itoa(number))); err == nil {
			if u, ok := udp.(*net.UDPConn); ok {
				_ = u.SetReadBuffer(socketBuffer)
				_ = u.SetWriteBuffer(socketBuffer)
			}
			s.udp = newDatagrams(udp)
			s.sockets = append(s.sockets, tcp)
			return nil
		}
		err = errors.Join(fmt.Errorf("listen for TURN on TCP: %w", err), udp.Close())
		if port != "0" {
			break
		}
	}
	return err
}

func portOf(a net.Addr) int {
	switch a := a.(type) {
	case *net.UDPAddr:
		return a.Port
	case *net.TCPAddr:
		return a.Port
	}
	return 0
}

// Port is the number for UDP and TCP, 0 without Address.
func (s *Server) Port() int {
	if s.udp == nil {
		return 0
	}
	return portOf(s.udp.LocalAddr())
}

// TLSPort is the number for TLS, 0 without TLSAddress.
func (s *Server) TLSPort() int {
	for _, l := range s.sockets {
		if t, ok := l.(tlsListener); ok {
			return portOf(t.Addr())
		}
	}
	return 0
}

// closeSockets undoes listen when the server did not start.
func (s *Server) closeSockets() error {
	var errs []error
	if s.udp != nil {
		errs = append(errs, s.udp.Close())
	}
	for _, l := range s.sockets {
		errs = append(errs, l.Close())
	}
	return errors.Join(errs...)
}

// accept feeds Serve until its listener is closed.
func (s *Server) accept(l net.Listener) {
	for {
		conn, err := l.Accept()
		switch {
		case errors.Is(err, net.ErrClosed):
			return
		case err != nil:
			s.cfg.Logger.Debug("accept TURN connection", "error", err)
			time.Sleep(acceptPause)
			continue
		}
		s.Serve(conn)
	}
}

// tlsListener makes connections that still have to shake hands, so that nobody
// waits for a slow client.
type tlsListener struct {
	net.Listener
	config *tls.Config
}

// Accept implements net.Listener.
func (l tlsListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return tls.Server(conn, l.config), nil
}

// handshake completes TLS where there is any.
func handshake(conn net.Conn) error {
	t, ok := conn.(*tls.Conn)
	if !ok {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), firstFrame)
	defer cancel()
	return t.HandshakeContext(ctx)
}
