package sfu

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/meetcast/meetcast/sfu/track"
)

// The loop looks at every peer in time, at once when it is told to, and at none
// that has left.
func TestLoopVisits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLoop()
		defer l.close()
		time.Sleep(time.Hour) // without anybody
		var peers []*Peer
		for range 2*turns + 1 {
			p, _ := newBarePeer(t, nil)
			answer(t, p, sdpHead+mline("video", "v", "recvonly", "VP8/90000"), nil)
			connected(p)
			p.loop = l
			l.add(p)
			peers = append(peers, p)
		}
		due := func(p *Peer) time.Time {
			p.visiting.Lock()
			defer p.visiting.Unlock()
			return p.due.tick
		}
		for range 20 {
			time.Sleep(tickInterval + visitInterval)
			for i, p := range peers {
				if due(p).Before(time.Now()) {
					t.Fatalf("peer %d was due at %v, now it is %v", i, due(p), time.Now())
				}
			}
		}
		p := peers[0]
		chosen := func() time.Time {
			p.visiting.Lock()
			defer p.visiting.Unlock()
			return p.due.choose
		}
		before := chosen()
		time.Sleep(time.Millisecond)
		p.Bind("v", nil, track.Size{})
		synctest.Wait()
		if !chosen().After(before) {
			t.Fatal("a change was not looked at")
		}
		l.remove(p)
		last := due(p)
		time.Sleep(time.Second)
		if due(p) != last {
			t.Fatal("who has left was visited")
		}
		for _, p := range peers {
			l.remove(p)
		}
	})
}
