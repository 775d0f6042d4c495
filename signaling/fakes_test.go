package signaling

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/meetcast/meetcast/sfu/track"
	"github.com/meetcast/meetcast/sfu/track/tracktest"
	"github.com/meetcast/meetcast/signaling/wire"
)

// fakeVerifier takes tokens such as "acme/standup bob mod": room, jti, role.
type fakeVerifier struct{}

func (fakeVerifier) Verify(_ context.Context, token string) (Identity, error) {
	f := strings.Fields(token)
	if len(f) != 3 {
		return Identity{}, errors.New("bad signature")
	}
	switch f[2] {
	case "expired":
		return Identity{}, NewError(KindUnauthorized, "The link has expired.", nil)
	case "broken":
		return Identity{}, NewError(KindOurs, "", errors.New("store is down"))
	}
	return Identity{Room: track.RoomID(f[0]), StreamName: "STREAM", TokenID: f[1], Moderator: f[2] == "mod",
		Expires: time.Now().Add(time.Hour)}, nil
}

// fakePeers makes peers and hands them to the test.
type fakePeers struct {
	made chan *fakePeer
	mu   sync.Mutex
	list []*fakePeer
	fail error
}

func (f *fakePeers) NewPeer(cfg PeerConfig) (Peer, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.fail != nil {
		return nil, f.fail
	}
	p := &fakePeer{cfg: cfg, bound: map[string]string{}}
	f.list = append(f.list, p)
	select {
	case f.made <- p:
	default: // nobody looks at that many
	}
	return p, nil
}

func (f *fakePeers) all() []*fakePeer {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.list)
}

func (f *fakePeers) setFail(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.fail = err
}

// fakePeer answers offers whose SDP is a list of words: "slots=av" gives slots,
// "bad" is refused, "fp=x" is the fingerprint, "wait" waits for the context.
// It publishes what an offer's tracks say.
type fakePeer struct {
	cfg PeerConfig

	mu         sync.Mutex
	slots      []track.Slot
	bound      map[string]string
	binds      int
	answers    int
	candidates []string
	published  map[track.Source]*tracktest.FakeUpTrack
	closed     bool
}

func (p *fakePeer) Answer(ctx context.Context, sdp string, tracks map[string]track.Source) (string, error) {
	if strings.Contains(sdp, "bad") {
		return "", NewError(KindUser, "The offer cannot be used.", nil)
	}
	if strings.Contains(sdp, "wait") {
		<-ctx.Done()
		return "", ctx.Err()
	}
	_, kinds, _ := strings.Cut(sdp, "slots=")
	kinds, _, _ = strings.Cut(kinds, " ")
	p.mu.Lock()
	defer p.mu.Unlock()
	p.answers++
	p.slots = nil
	for i, c := range kinds {
		kind := track.Audio
		if c == 'v' {
			kind = track.Video
		}
		p.slots = append(p.slots, track.Slot{Mid: fmt.Sprint("s", i), Kind: kind})
	}
	if p.published == nil {
		p.published = map[track.Source]*tracktest.FakeUpTrack{}
	}
	for _, s := range tracks {
		if p.published[s] == nil {
			up := tracktest.NewUpTrack(track.Info{ID: track.TrackID(string(p.cfg.Member) + "/" + string(s)), Member: p.cfg.Member, Source: s})
			p.published[s] = up
			p.cfg.Handler.Published(up)
		}
	}
	return "answer to " + sdp, nil
}

func (p *fakePeer) AddCandidate(c string, _ *string, _ *uint16, _ *string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.candidates = append(p.candidates, c)
	return nil
}

func (p *fakePeer) Slots() []track.Slot {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.slots)
}

func (p *fakePeer) Bind(mid string, up track.UpTrack, _ track.Size) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		panic("Bind after Close")
	}
	p.binds++
	delete(p.bound, mid)
	if up != nil {
		p.bound[mid] = string(up.Info().ID)
	}
}

func (p *fakePeer) Close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	return nil
}

func (p *fakePeer) isClosed() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.closed
}

func (p *fakePeer) counts() (answers, binds int, candidates []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.answers, p.binds, slices.Clone(p.candidates)
}

// fakeCaster is a Broadcaster whose start waits for the test.
type fakeCaster struct {
	mu       sync.Mutex
	status   BroadcastStatus
	watchers map[int]func(BroadcastStatus)
	next     int
	request  BroadcastRequest
	layout   string

	started chan struct{} // one for each Start
	ingest  chan error    // what the ingest says to each Start
}

func newFakeCaster() *fakeCaster {
	return &fakeCaster{watchers: map[int]func(BroadcastStatus){}, started: make(chan struct{}, 16), ingest: make(chan error, 16)}
}

func (c *fakeCaster) set(s BroadcastStatus) {
	c.mu.Lock()
	c.status = s
	var list []func(BroadcastStatus)
	for _, f := range c.watchers {
		list = append(list, f)
	}
	c.mu.Unlock()
	for _, f := range list {
		f(s)
	}
}

func (c *fakeCaster) Start(ctx context.Context, r BroadcastRequest) (BroadcastStatus, error) {
	c.mu.Lock()
	c.request = r
	c.mu.Unlock()
	c.set(BroadcastStatus{State: wire.BroadcastStarting, Record: r.Record})
	select {
	case c.started <- struct{}{}:
	default: // nobody counts that many
	}
	select {
	case err := <-c.ingest:
		if err != nil {
			c.set(BroadcastStatus{State: wire.BroadcastFailed, Reason: err.Error()})
			return BroadcastStatus{}, err
		}
	case <-ctx.Done():
		return BroadcastStatus{}, ctx.Err()
	}
	live := BroadcastStatus{State: wire.BroadcastLive, Record: r.Record, Live: "https://x/live", VOD: "https://x/vod", NanoStream: "rtmp://x/live/STREAM",
		Since: time.UnixMilli(5), Destinations: []DestinationStatus{{URL: "rtmp://x/live", State: wire.BroadcastLive}}}
	c.set(live)
	return live, nil
}

func (c *fakeCaster) Stop(context.Context, track.RoomID) (BroadcastStatus, error) {
	stopped := BroadcastStatus{State: wire.BroadcastStopped, VOD: "https://x/vod"}
	c.set(stopped)
	return stopped, nil
}

func (c *fakeCaster) SetLayout(_ track.RoomID, layout string) error {
	if layout == "spiral" {
		return NewError(KindUser, "There is no such layout.", nil)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.layout = layout
	return nil
}

func (c *fakeCaster) Status(track.RoomID) BroadcastStatus {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.status
}

func (c *fakeCaster) Watch(_ track.RoomID, f func(BroadcastStatus)) func() {
	c.mu.Lock()
	defer c.mu.Unlock()
	id := c.next
	c.next++
	c.watchers[id] = f
	return func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		delete(c.watchers, id)
	}
}

func (c *fakeCaster) watching() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.watchers)
}
