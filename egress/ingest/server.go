package ingest

import (
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"net/netip"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// Server listens for publishers.
type Server struct {
	cfg Config
	log *slog.Logger
	ln  net.Listener
	wg  sync.WaitGroup
	ids atomic.Uint64

	mu         sync.Mutex // guards what follows
	closed     bool
	conns      map[*conn]struct{}
	hosts      map[netip.Addr]int
	publishers map[string]*conn // by name
	accepted   uint64
	refused    map[string]uint64
}

// Listen starts a server on a TCP address; port 0 picks one.
func Listen(address string, cfg Config) (*Server, error) {
	ln, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("listen for rtmp: %w", err)
	}
	cfg = cfg.withDefaults()
	s := &Server{
		cfg: cfg, log: cfg.Logger, ln: ln,
		conns: map[*conn]struct{}{}, hosts: map[netip.Addr]int{},
		publishers: map[string]*conn{}, refused: map[string]uint64{},
	}
	s.wg.Add(1)
	go s.acceptLoop()
	return s, nil
}

// Addr returns the address the server listens on.
func (s *Server) Addr() net.Addr { return s.ln.Addr() }

// Close hangs up on everybody and waits.
func (s *Server) Close() error {
	s.mu.Lock()
	first := !s.closed
	s.closed = true
	for c := range s.conns {
		c.hangUp()
	}
	s.mu.Unlock()
	var err error
	if first {
		err = s.ln.Close()
	}
	s.wg.Wait()
	return err
}

// Stats returns what is going on.
func (s *Server) Stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	return Stats{Conns: len(s.conns), Publishers: len(s.publishers), Accepted: s.accepted, Refused: maps.Clone(s.refused)}
}

// acceptPause keeps a server without file handles from spinning.
const acceptPause = 50 * time.Millisecond

func (s *Server) acceptLoop() {
	defer s.wg.Done()
	for {
		nc, err := s.ln.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			s.log.Warn("accept rtmp", "error", err)
			time.Sleep(acceptPause)
			continue
		}
		s.serve(nc)
	}
}

// serve runs a connection in its own goroutine, if there is room for it.
func (s *Server) serve(nc net.Conn) {
	c := &conn{srv: s, nc: nc, freed: make(chan struct{}), host: hostOf(nc.RemoteAddr())}
	c.req.Addr = nc.RemoteAddr().String()
	c.req.Client = strconv.FormatUint(s.ids.Add(1), 10)
	c.log = s.log.With("client", c.req.Client, "addr", c.req.Addr)
	if !s.admit(c) {
		_ = nc.Close()
		return
	}
	go func() {
		defer s.wg.Done()
		defer s.forget(c)
		defer nc.Close()
		c.run()
	}()
}

func (s *Server) admit(c *conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || len(s.conns) >= s.cfg.MaxConns || (!c.host.IsLoopback() && s.hosts[c.host] >= s.cfg.MaxPerHost) {
		s.refused["limit"]++
		return false
	}
	s.conns[c] = struct{}{}
	s.hosts[c.host]++
	s.wg.Add(1)
	return true
}

func (s *Server) forget(c *conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.conns, c)
	if s.hosts[c.host]--; s.hosts[c.host] <= 0 {
		delete(s.hosts, c.host)
	}
}

func (s *Server) count(reason string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refused[reason]++
}

func hostOf(a net.Addr) netip.Addr {
	ap, err := netip.ParseAddrPort(a.String())
	if err != nil {
		return netip.Addr{}
	}
	return ap.Addr().Unmap().WithZone("")
}

// errBusy tells a publisher that the name is taken.
var errBusy = errors.New("somebody else is publishing under this name")

// takeoverWait bounds how long a newcomer waits for the old one to go.
const takeoverWait = 2 * time.Second

// claim gives c the name, closing a publisher that has gone silent.
func (s *Server) claim(c *conn, name string) error {
	s.mu.Lock()
	old := s.publishers[name]
	s.mu.Unlock()
	if old != nil {
		if time.Since(time.Unix(0, old.lastMedia.Load())) < s.cfg.TakeoverAfter {
			return errBusy
		}
		old.log.Info("silent publisher replaced", "name", name)
		if !old.leave() {
			return errBusy
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.publishers[name] != nil {
		return errBusy // somebody was faster
	}
	s.publishers[name] = c
	s.accepted++
	return nil
}

// Drop hangs up on whoever publishes under a name and waits until the name is
// free; false when it is not within two seconds.
func (s *Server) Drop(name string) bool {
	s.mu.Lock()
	old := s.publishers[name]
	s.mu.Unlock()
	if old == nil {
		return true
	}
	old.log.Info("publisher dropped", "name", name)
	return old.leave()
}

// leave hangs up and waits until c has given up its name.
func (c *conn) leave() bool {
	c.hangUp()
	timer := time.NewTimer(takeoverWait)
	defer timer.Stop()
	select {
	case <-c.freed:
		return true
	case <-timer.C:
		return false
	}
}

func (s *Server) unclaim(c *conn, name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.publishers[name] == c {
		delete(s.publishers, name)
		close(c.freed)
	}
}
