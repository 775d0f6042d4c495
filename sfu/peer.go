package sfu

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/webrtc/v4"

	"github.com/meetcast/meetcast/sfu/bwe"
	"github.com/meetcast/meetcast/sfu/track"
)

// Peer is one participant's connection. It is track.Up and track.Down of a
// member at once.
//
// Lock order: negotiating, publication.telling, mu, publication.mu, and then
// those of package forward. The handler is called with telling held at most.
type Peer struct {
	// Static after construction.
	engine *Engine
	cfg    PeerConfig
	log    *slog.Logger
	pc     *webrtc.PeerConnection
	bwe    *bwe.Estimator

	// lifetime ends in Close; wg counts our goroutines.
	lifetime context.Context
	cancel   context.CancelFunc
	wg       sync.WaitGroup
	closing  sync.Once

	// wake makes the control loop look at the slots now.
	wake chan struct{}

	// negotiating serialises Answer; broken is set when no offer can be taken
	// any more.
	negotiating sync.Mutex
	broken      bool

	state  atomic.Uint32 // PeerState
	limits limits

	mu         sync.Mutex
	slots      []*slot                 // in m-line order
	spare      []*slot                 // added to the connection, not yet matched to an m-line
	published  map[string]*publication // by mid
	serial     int
	candidates []webrtc.ICECandidateInit // came before the first offer
	ufrag      string                    // of the client's ICE generation
	added      int                       // candidates taken in it
	gone       peerTotals                // of slots and tracks that are no more
}

var (
	_ track.Up   = (*Peer)(nil)
	_ track.Down = (*Peer)(nil)
)

func newPeer(e *Engine, cfg PeerConfig) (*Peer, error) {
	pc, err := e.api.NewPeerConnection(webrtc.Configuration{Certificates: []webrtc.Certificate{e.cert}})
	if err != nil {
		return nil, err
	}
	p := &Peer{
		engine: e, cfg: cfg, pc: pc,
		log:       cfg.Logger.With("member", string(cfg.Member)),
		bwe:       bwe.New(bwe.Config{Start: e.cfg.StartBitrate}, time.Now()),
		wake:      make(chan struct{}, 1),
		limits:    limits{audioSlots: cfg.AudioSlots, videoSlots: cfg.MaxVideoSlots},
		published: make(map[string]*publication),
	}
	p.lifetime, p.cancel = context.WithCancel(context.Background())
	pc.OnConnectionStateChange(p.stateChanged)
	pc.OnTrack(p.trackArrived)
	p.wg.Go(p.control)
	return p, nil
}

// stateChanged maps pion's states onto ours.
func (p *Peer) stateChanged(s webrtc.PeerConnectionState) {
	var state PeerState
	switch s {
	case webrtc.PeerConnectionStateConnecting:
		state = Connecting
	case webrtc.PeerConnectionStateConnected:
		state = Connected
	case webrtc.PeerConnectionStateDisconnected:
		state = Disconnected
	case webrtc.PeerConnectionStateFailed:
		state = Failed
	default:
		return // Close itself tells of Closed
	}
	if p.lifetime.Err() != nil || PeerState(p.state.Swap(uint32(state))) == state {
		return
	}
	p.log.Debug("media connection", "state", state.String())
	p.cfg.Handler.StateChanged(state)
	p.poke()
}

// State returns how the peer is connected now, 0 before the first offer.
func (p *Peer) State() PeerState { return PeerState(p.state.Load()) }

// poke wakes the control loop.
func (p *Peer) poke() {
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

// AddCandidate takes a trickled ICE candidate (RFC 8838); an empty one ends the
// gathering. Candidates may come before the first offer.
func (p *Peer) AddCandidate(candidate string, mid *string, mline *uint16, ufrag *string) error {
	if p.lifetime.Err() != nil {
		return ErrClosed
	}
	c := webrtc.ICECandidateInit{Candidate: candidate, SDPMid: mid, SDPMLineIndex: mline, UsernameFragment: ufrag}
	p.mu.Lock()
	p.added++
	many, early := p.added > MaxCandidates, p.pc.RemoteDescription() == nil
	if early && !many {
		p.candidates = append(p.candidates, c)
	}
	p.mu.Unlock()
	if many {
		return fmt.Errorf("%w: more than %d candidates", ErrBadOffer, MaxCandidates)
	}
	if early {
		return nil
	}
	return p.addCandidate(c)
}

func (p *Peer) addCandidate(c webrtc.ICECandidateInit) error {
	if len(c.Candidate) > 1024 {
		return fmt.Errorf("%w: candidate too long", ErrBadOffer)
	}
	if err := p.pc.AddICECandidate(c); err != nil {
		return fmt.Errorf("%w: candidate: %w", ErrBadOffer, err)
	}
	return nil
}

// UpTracks implements track.Up: the tracks whose media has arrived.
func (p *Peer) UpTracks() []track.UpTrack {
	p.mu.Lock()
	defer p.mu.Unlock()
	var ups []track.UpTrack
	for _, pub := range p.published {
		if t := pub.track(); t != nil {
			ups = append(ups, t)
		}
	}
	slices.SortFunc(ups, func(a, b track.UpTrack) int {
		if a.Info().ID < b.Info().ID {
			return -1
		}
		return 1
	})
	return ups
}

// Slots implements track.Down.
func (p *Peer) Slots() []track.Slot {
	p.mu.Lock()
	defer p.mu.Unlock()
	slots := make([]track.Slot, len(p.slots))
	for i, s := range p.slots {
		slots[i] = track.Slot{Mid: s.mid, Kind: s.kind}
	}
	return slots
}

// Bind implements track.Down. A mid that is no slot, and a track of the other
// kind, are ignored: the client may have offered anew meanwhile.
func (p *Peer) Bind(mid string, up track.UpTrack, size track.Size) {
	p.mu.Lock()
	i := slices.IndexFunc(p.slots, func(s *slot) bool { return s.mid == mid })
	var s *slot
	if i >= 0 {
		s = p.slots[i]
	}
	p.mu.Unlock()
	if s == nil || (up != nil && up.Info().Kind != s.kind) {
		return
	}
	s.down.Bind(up, size)
	p.poke()
}

// currentSlots returns the slots as of now.
func (p *Peer) currentSlots() []*slot {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.slots)
}

// writeRTCP sends feedback and reports to the client. Before the transport is up
// there is nobody to tell.
func (p *Peer) writeRTCP(pkts ...rtcp.Packet) {
	if p.lifetime.Err() == nil {
		_ = p.pc.WriteRTCP(pkts)
	}
}

// Close ends the connection, its tracks and its slots, and waits. It must not be
// called from the handler. Closing again is no error.
func (p *Peer) Close() error {
	var err error
	p.closing.Do(func() { err = p.close() })
	return err
}

func (p *Peer) close() error {
	p.cancel()
	// An answer under way ends first.
	p.negotiating.Lock()
	defer p.negotiating.Unlock()
	for _, s := range p.currentSlots() {
		s.down.Close()
	}
	p.mu.Lock()
	mids := make([]string, 0, len(p.published))
	for mid := range p.published {
		mids = append(mids, mid)
	}
	p.mu.Unlock()
	for _, mid := range mids {
		p.unpublish(mid)
	}
	err := p.pc.GracefulClose()
	p.wg.Wait()
	p.engine.forget(p)
	p.state.Store(uint32(Closed))
	p.cfg.Handler.StateChanged(Closed)
	if err != nil && !errors.Is(err, ErrClosed) {
		return fmt.Errorf("close peer: %w", err)
	}
	return nil
}
