package whip

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/meetcast/meetcast/internal/unittest"
	"github.com/meetcast/meetcast/sfu/room"
	"github.com/meetcast/meetcast/sfu/track"
	"github.com/meetcast/meetcast/signaling"
)

// puppets makes peers whose transport a test moves.
type puppets struct{ made chan *puppet }

type puppet struct {
	signaling.PeerHandler
	mu     sync.Mutex
	offers []string
	closed bool
}

func (f puppets) NewPeer(c signaling.PeerConfig) (signaling.Peer, error) {
	p := &puppet{PeerHandler: c.Handler}
	f.made <- p
	return p, nil
}

func (p *puppet) Answer(_ context.Context, sdp string, _ map[string]track.Source) (string, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.offers = append(p.offers, sdp)
	return sdp, nil // as good as any
}

func (p *puppet) AddCandidate(string, *string, *uint16, *string) error { return nil }
func (p *puppet) Slots() []track.Slot                                  { return nil }
func (p *puppet) Bind(string, track.UpTrack, track.Size)               {}
func (p *puppet) Close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	return nil
}

// watcher is a member who hears of the others.
type watcher struct {
	mu   sync.Mutex
	away map[string]bool // by name
}

func (w *watcher) Notify(e room.Event) {
	p, ok := e.(*room.Presence)
	if !ok {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, m := range append(p.Joined, p.Updated...) {
		w.away[m.Name] = m.Away
	}
}

func (w *watcher) isAway(name string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.away[name]
}

// TestAwayAndBack: others see whether an encoder can be reached; one that comes
// back stays, one that does not is given up.
func TestAwayAndBack(t *testing.T) {
	peers := puppets{make(chan *puppet, 1)}
	w := newWorld(t, func(c *Config, _ *room.Config) { c.Peers, c.ConnectTimeout = peers, time.Second })
	see := &watcher{away: map[string]bool{}}
	ann, err := w.rooms.Join(t.Context(), "acme/standup", room.Identity{Name: "Ann"}, see)
	if err != nil {
		t.Fatal(err)
	}
	defer ann.Leave()
	r := w.call(http.MethodPost, "/whip/acme/standup", golden(t, "obs"), isSDP, asBob)
	if r.status != http.StatusCreated {
		t.Fatalf("%d %s", r.status, r.body)
	}
	p := <-peers.made
	for n := range 2 {
		p.StateChanged(signaling.PeerConnected)
		unittest.Until(t, "there", func() bool { return w.rooms.Stats().Resumes == int64(n+1) && !see.isAway(encoderName) })
		p.StateChanged(signaling.PeerFailed)
		unittest.Until(t, "away", func() bool { return see.isAway(encoderName) })
	}
	const restart = "a=ice-ufrag:next\r\na=ice-pwd:0123456789012345678901\r\n"
	if r := w.call(http.MethodPatch, r.header.Get("Location"), restart, isFra, "If-Match: *"); r.status != http.StatusOK {
		t.Errorf("a restart after a failure: %d %s", r.status, r.body)
	}
	p.mu.Lock()
	if n := len(p.offers); n != 2 || !strings.Contains(p.offers[1], "a=ice-ufrag:next\r\n") || strings.Contains(p.offers[1], "candidate:") {
		t.Errorf("offers are %q", p.offers)
	}
	p.mu.Unlock()
	unittest.Until(t, "given up", func() bool { return w.server.Stats().Lost == 1 && w.rooms.Stats().Members == 1 })
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.closed {
		t.Error("the peer is still open")
	}
}

// TestPeerEnds: a peer that ends by itself ends the session.
func TestPeerEnds(t *testing.T) {
	peers := puppets{make(chan *puppet, 1)}
	w := newWorld(t, func(c *Config, _ *room.Config) { c.Peers = peers })
	w.shows.set()
	r := w.call(http.MethodPost, "/whep/show", strings.ReplaceAll(golden(t, "obs"), "sendonly", "recvonly"), isSDP)
	if r.status != http.StatusCreated {
		t.Fatalf("%d %s", r.status, r.body)
	}
	(<-peers.made).StateChanged(signaling.PeerClosed)
	unittest.Until(t, "the viewer is gone", func() bool { return w.shows.viewers() == 0 && w.server.Stats().Viewers == 0 })
}
