package sfu

import (
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/rtp"

	"github.com/meetcast/meetcast/sfu/bwe"
	"github.com/meetcast/meetcast/sfu/downlink"
	"github.com/meetcast/meetcast/sfu/forward"
	"github.com/meetcast/meetcast/sfu/jsep"
	"github.com/meetcast/meetcast/sfu/track"
	"github.com/meetcast/meetcast/sfu/transport"
)

// conn is what a peer needs of its transport: *transport.Conn.
type conn interface {
	Local() transport.Parameters
	SetRemote(transport.Remote) error
	Restart() transport.Parameters
	WriteRTP(h *rtp.Header, payload []byte) (int, error)
	WriteRTCP(pkts []byte) error
	Close() error
}

// Peer is one participant's connection. It is track.Up and track.Down of a
// member at once.
//
// Lock order: negotiating, publication.telling, mu, publication.mu, slot.mu and
// then those of package forward. visiting comes before those of forward and is held
// with none of the others. The handler is called with telling held at most.
type Peer struct {
	// Static after construction.
	engine *Engine
	cfg    PeerConfig
	log    *slog.Logger
	conn   conn
	bwe    *bwe.Estimator
	loop   *loop
	turn   int    // of the loop
	ssrc   uint32 // ours in feedback
	cname  string

	closing sync.Once
	closed  atomic.Bool // Close has begun

	state   atomic.Uint32 // PeerState
	hurried atomic.Bool   // the loop was told to visit now

	// What packets and the loop look up, replaced as a whole under mu.
	wired   atomic.Pointer[wiring]
	streams atomic.Pointer[streams]

	arrivals      arrivals
	firs          atomic.Uint32 // requests for key frames by FIR
	unrouted      atomic.Uint64 // packets that belong nowhere
	malformedRTCP atomic.Uint64
	totals        totals // of slots and tracks that are no more

	unwrapped []byte // a packet out of a retransmission; belongs to who delivers packets

	// negotiating serialises Answer and guards what it remembers.
	negotiating sync.Mutex
	remote      transport.Remote // of the last good offer
	session     uint64
	version     uint64
	slotsMade   int

	// visiting is held while the loop looks at the peer.
	visiting sync.Mutex
	due      schedule
	choice   *downlink.Controller

	mu         sync.Mutex
	serial     int
	connected  bool // the transport was up at least once
	candidates int  // taken in the client's ICE generation
}

// wiring is what was negotiated. It never changes.
type wiring struct {
	routing     jsep.Routing
	reducedSize bool
	slots       []*slot         // in m-line order
	downs       []*forward.Down // of the slots
	pubs        []*publication  // in m-line order
}

// slot returns the slot with an SSRC, nil when there is none.
func (w *wiring) slot(ssrc uint32) *slot {
	for _, s := range w.slots {
		if s.ssrc == ssrc || s.rtx == ssrc {
			return s
		}
	}
	return nil
}

var (
	_ track.Up   = (*Peer)(nil)
	_ track.Down = (*Peer)(nil)
)

// handler is what the transport calls; a Peer has no such methods of its own.
type handler struct{ p *Peer }

var _ transport.Handler = handler{}

func newPeer(e *Engine, cfg PeerConfig) *Peer {
	now := time.Now()
	p := &Peer{
		engine: e, cfg: cfg, log: cfg.Logger.With("member", string(cfg.Member)),
		bwe: bwe.New(bwe.Config{Start: e.cfg.StartBitrate}, now), ssrc: newSSRC(),
		cname: strconv.FormatUint(rand.Uint64(), 36), session: rand.Uint64() >> 1,
	}
	p.choice = downlink.New(p.bwe)
	p.arrivals.ssrc, p.arrivals.epoch = p.ssrc, now
	p.wired.Store(&wiring{})
	p.streams.Store(&streams{})
	return p
}

// newSSRC picks a synchronisation source that is not 0.
func newSSRC() uint32 { return rand.Uint32N(1<<32-1) + 1 }

// StateChanged maps the transport's states onto ours: transport.Handler.
func (c handler) StateChanged(s transport.State) {
	p := c.p
	var state PeerState
	switch s {
	case transport.Connecting:
		state = Connecting
	case transport.Connected:
		state = Connected
	case transport.Disconnected:
		state = Disconnected
	case transport.Failed, transport.Closed: // Close itself tells of Closed
		state = Failed
	default:
		return
	}
	if p.closed.Load() || PeerState(p.state.Swap(uint32(state))) == state {
		return
	}
	if state == Connected {
		p.mu.Lock()
		p.connected = true
		slots := p.wired.Load().slots
		p.mu.Unlock()
		for _, s := range slots {
			s.open()
		}
	}
	p.log.Debug("media connection", "state", state.String())
	p.cfg.Handler.StateChanged(state)
	p.loop.hurry(p)
}

// State returns how the peer is connected now, 0 before the first offer.
func (p *Peer) State() PeerState { return PeerState(p.state.Load()) }

// AddCandidate takes a trickled ICE candidate (RFC 8838); an empty one ends the
// gathering. Candidates may come before the first offer. They are checked and
// counted only: a lite agent answers wherever checks come from.
func (p *Peer) AddCandidate(candidate string, _ *string, _ *uint16, _ *string) error {
	if p.closed.Load() {
		return ErrClosed
	}
	p.mu.Lock()
	p.candidates++
	many := p.candidates > MaxCandidates
	p.mu.Unlock()
	if many {
		return fmt.Errorf("%w: more than %d candidates", ErrBadOffer, MaxCandidates)
	}
	if err := jsep.CheckCandidate(candidate); err != nil {
		return fmt.Errorf("%w: %w", ErrBadOffer, err)
	}
	return nil
}

// UpTracks implements track.Up: the tracks whose media has arrived.
func (p *Peer) UpTracks() []track.UpTrack {
	var ups []track.UpTrack
	for _, pub := range p.wired.Load().pubs {
		if t := pub.track(); t != nil {
			ups = append(ups, t)
		}
	}
	slices.SortFunc(ups, func(a, b track.UpTrack) int {
		return strings.Compare(string(a.Info().ID), string(b.Info().ID))
	})
	return ups
}

// Slots implements track.Down.
func (p *Peer) Slots() []track.Slot {
	w := p.wired.Load()
	slots := make([]track.Slot, len(w.slots))
	for i, s := range w.slots {
		slots[i] = track.Slot{Mid: s.mid, Kind: s.kind}
	}
	return slots
}

// Bind implements track.Down. A mid that is no slot, and a track of the other
// kind, are ignored: the client may have offered anew meanwhile.
func (p *Peer) Bind(mid string, up track.UpTrack, size track.Size) {
	w := p.wired.Load()
	i := slices.IndexFunc(w.slots, func(s *slot) bool { return s.mid == mid })
	if i < 0 || (up != nil && up.Info().Kind != w.slots[i].kind) {
		return
	}
	w.slots[i].down.Bind(up, size)
	p.loop.hurry(p)
}

// Close ends the connection, its tracks and its slots, and waits. It must not be
// called from the handler. Closing again is no error.
func (p *Peer) Close() error {
	var err error
	p.closing.Do(func() { err = p.close() })
	return err
}

func (p *Peer) close() error {
	p.closed.Store(true)
	p.loop.remove(p)
	// An answer and a visit under way end first.
	p.negotiating.Lock()
	defer p.negotiating.Unlock()
	p.visiting.Lock()
	p.visiting.Unlock() //lint:ignore SA2001 waiting is the purpose
	// No packet comes after this.
	err := p.conn.Close()
	w := p.wired.Load()
	for _, s := range w.slots {
		s.down.Close()
	}
	for _, pub := range w.pubs {
		pub.end()
	}
	p.engine.forget(p)
	p.state.Store(uint32(Closed))
	p.cfg.Handler.StateChanged(Closed)
	if err != nil && !errors.Is(err, transport.ErrClosed) {
		return fmt.Errorf("close peer: %w", err)
	}
	return nil
}
