package turn

import (
	"errors"
	"net"

	"github.com/meetcast/meetcast/internal/subscriber"
)

// errFull refuses an allocation; the client is told "insufficient capacity".
var errFull = errors.New("no more allocations")

// withinQuota is asked before an allocation is made; a refusal is told as "quota
// reached". The quotas of users and of the server hold exactly (see claim), that
// of addresses may be exceeded by requests of the same moment.
func (s *Server) withinQuota(user, _ string, from net.Addr) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.users[user] >= s.cfg.MaxPerUser:
		s.count.refuse(RefusedUser)
	case s.ips[subscriber.OfAddr(from)] >= s.cfg.MaxPerIP:
		s.count.refuse(RefusedIP)
	default:
		return true
	}
	return false
}

// claim takes a place for a relay.
func (s *Server) claim(user string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.closed:
		return net.ErrClosed
	case s.open >= s.cfg.MaxAllocations:
		s.count.refuse(RefusedFull)
		return errFull
	case s.users[user] >= s.cfg.MaxPerUser:
		s.count.refuse(RefusedUser)
		return errFull
	}
	s.open++
	s.users[user]++
	s.relays.Add(2) // its reader and its Close
	return nil
}

// release gives a relay's place back.
func (s *Server) release(user string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open--
	if s.users[user]--; s.users[user] <= 0 {
		delete(s.users, user)
	}
}

func (s *Server) onCreated(from, to net.Addr, _, _, _ string, _ net.Addr, _ int) {
	s.mu.Lock()
	s.ips[subscriber.OfAddr(from)]++
	s.mu.Unlock()
	s.count.allocated.Add(1)
	s.streams.allocated(from, to, 1)
}

func (s *Server) onDeleted(from, to net.Addr, _, _, _ string) {
	s.mu.Lock()
	ip := subscriber.OfAddr(from)
	if s.ips[ip]--; s.ips[ip] <= 0 {
		delete(s.ips, ip)
	}
	s.mu.Unlock()
	s.streams.allocated(from, to, -1)
}
