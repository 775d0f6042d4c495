package sfu

import (
	"slices"
	"sync"
	"time"
)

// Peers are visited in turns, so that their work is spread over the interval.
const (
	turns        = 5
	turnInterval = visitInterval / turns
)

// loop visits peers: one goroutine for many of them, instead of a goroutine and a
// timer each. While it has no peers it sleeps.
type loop struct {
	wake chan struct{}
	quit chan struct{}
	done chan struct{}

	mu     sync.Mutex
	peers  [turns][]*Peer // replaced when they change
	count  int
	urgent []*Peer
}

func newLoop() *loop {
	l := &loop{wake: make(chan struct{}, 1), quit: make(chan struct{}), done: make(chan struct{})}
	go l.run()
	return l
}

// close ends the loop and waits.
func (l *loop) close() {
	close(l.quit)
	<-l.done
}

// add lets the loop visit a peer.
func (l *loop) add(p *Peer) {
	l.mu.Lock()
	p.turn = l.count % turns
	for i := range l.peers {
		if len(l.peers[i]) < len(l.peers[p.turn]) {
			p.turn = i
		}
	}
	l.peers[p.turn] = append(slices.Clip(l.peers[p.turn]), p)
	l.count++
	l.mu.Unlock()
	l.rouse()
}

// remove ends the visits of a peer; one may still be under way.
func (l *loop) remove(p *Peer) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if i := slices.Index(l.peers[p.turn], p); i >= 0 {
		l.peers[p.turn] = slices.Delete(slices.Clone(l.peers[p.turn]), i, i+1)
		l.count--
	}
	if i := slices.Index(l.urgent, p); i >= 0 {
		l.urgent = slices.Delete(l.urgent, i, i+1)
	}
}

// hurry lets the loop visit a peer now.
func (l *loop) hurry(p *Peer) {
	if !p.hurried.CompareAndSwap(false, true) {
		return
	}
	l.mu.Lock()
	l.urgent = append(l.urgent, p)
	l.mu.Unlock()
	l.rouse()
}

func (l *loop) rouse() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

func (l *loop) run() {
	defer close(l.done)
	timer := time.NewTimer(turnInterval)
	defer timer.Stop()
	next := time.Now().Add(turnInterval)
	var eager []*Peer // want to be visited every turn
	for turn := 0; ; {
		select {
		case <-l.quit:
			return
		case <-l.wake:
		case <-timer.C:
		}
		now := time.Now()
		peers, urgent, idle := l.take(turn)
		for _, p := range urgent {
			p.hurried.Store(false)
			p.visit(now, true)
		}
		if now.Before(next) {
			timer.Reset(next.Sub(now))
			continue
		}
		eager = visitAll(peers, eager, now)
		turn = (turn + 1) % turns
		if next = next.Add(turnInterval); next.Before(now) {
			next = now.Add(turnInterval)
		}
		if !idle {
			timer.Reset(time.Until(next))
		}
	}
}

// take returns the peers of a turn and those in a hurry, and whether there are none
// at all.
func (l *loop) take(turn int) (peers, urgent []*Peer, idle bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	peers, urgent = l.peers[turn], l.urgent
	l.urgent = nil
	return peers, urgent, l.count == 0
}

// visitAll visits the peers of a turn, and those that could not wait for theirs. It
// returns those who cannot now.
func visitAll(peers, eager []*Peer, now time.Time) []*Peer {
	again := eager[:0]
	for _, p := range eager {
		if !slices.Contains(peers, p) && p.visit(now, false) <= turnInterval && !p.closed.Load() {
			again = append(again, p)
		}
	}
	for _, p := range peers {
		if p.visit(now, false) <= turnInterval && !slices.Contains(again, p) {
			again = append(again, p)
		}
	}
	clear(again[len(again):cap(again)])
	return again
}
