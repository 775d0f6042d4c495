package light

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"time"
)

const (
	// firstRetry is the pause before a check is repeated; it doubles.
	firstRetry = 50 * time.Millisecond
	maxRetry   = 500 * time.Millisecond
	// stagger is the lead of one candidate before the next is tried.
	stagger       = 250 * time.Millisecond
	maxCandidates = 8
)

// adopt makes a path the present one.
func (c *Conn) adopt(p *path, remote Remote) error {
	c.mu.Lock()
	if c.closed {
		c.mu.Unlock()
		p.sock.Close()
		return ErrClosed
	}
	c.remote = remote
	old := c.active.Swap(p)
	c.mu.Unlock()
	if old != nil {
		c.lostBefore.Add(overflows(old.sock))
		old.sock.Close()
	}
	return nil
}

// findPath tries the server's candidates, each a little after the one before;
// the first that answers wins.
func (c *Conn) findPath(ctx context.Context, local Credentials, remote Remote) (*path, error) {
	if len(remote.Candidates) == 0 {
		return nil, errors.New("the answer names no UDP candidate")
	}
	ctx, cancel := context.WithCancel(ctx)
	won := make(chan *path, maxCandidates)
	failed := make(chan error, maxCandidates)
	var trying sync.WaitGroup
	for i, to := range remote.Candidates[:min(len(remote.Candidates), maxCandidates)] {
		trying.Go(func() {
			p, err := c.try(ctx, time.Duration(i)*stagger, to, local, remote.Credentials)
			if err != nil {
				failed <- err
				return
			}
			won <- p
		})
	}
	var err error
	var p *path
	for left := min(len(remote.Candidates), maxCandidates); left > 0 && p == nil; left-- {
		select {
		case p = <-won:
		case err = <-failed:
		}
	}
	cancel()
	trying.Wait()
	close(won)
	for second := range won {
		second.sock.Close()
	}
	return p, err
}

// try checks one candidate until it answers.
func (c *Conn) try(ctx context.Context, lead time.Duration, to netip.AddrPort, local, remote Credentials) (*path, error) {
	timer := time.NewTimer(lead)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-timer.C:
	}
	p, err := c.openPath(to, local, remote)
	if err != nil {
		return nil, err
	}
	for pause := firstRetry; ; pause = min(2*pause, maxRetry) {
		p.ask()
		timer.Reset(pause)
		select {
		case <-p.answered:
			return p, nil
		case <-ctx.Done():
			p.sock.Close()
			return nil, fmt.Errorf("no answer from %v: %w", to, ctx.Err())
		case <-timer.C:
		}
	}
}

// Prefer moves the candidates at an address to the front, and IPv4 before IPv6.
func Prefer(candidates []netip.AddrPort, at netip.Addr) {
	rank := func(a netip.AddrPort) int {
		switch {
		case a.Addr() == at:
			return 0
		case a.Addr().Is4():
			return 1
		}
		return 2
	}
	slices.SortStableFunc(candidates, func(a, b netip.AddrPort) int { return rank(a) - rank(b) })
}
