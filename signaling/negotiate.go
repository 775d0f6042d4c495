package signaling

import (
	"context"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/meetcast/meetcast/sfu/room"
	"github.com/meetcast/meetcast/sfu/track"
	"github.com/meetcast/meetcast/signaling/wire"
)

// job is an offer or a candidate.
type job struct {
	id        string
	sdp       string
	tracks    map[string]track.Source
	candidate *wire.Candidate // nil for an offer
}

// negotiation is owned by the goroutine of its session: offers and candidates
// are handled one after the other, off the room's loop and off the socket's.
type negotiation struct {
	s    *session
	peer Peer // nil before the first offer
	ear  *ear
	// key is the fingerprint of the page's certificate (RFC 8122): another one
	// means another PeerConnection.
	key   string
	early []*wire.Candidate // before the first offer, bounded
}

func (n *negotiation) handle(j job) {
	if j.candidate != nil {
		n.candidate(j.candidate)
		return
	}
	answer, err := n.offer(j)
	n.s.answerLater(j.id, wire.Answer{Head: wire.Head{Type: wire.TypeAnswer, ID: j.id}, SDP: answer}, err)
	if err == nil {
		n.s.srv.stats.offers.Add(1)
		n.settle()
	}
}

// offer answers an offer, with a new peer if there is none or the offer is not
// for the one there is: a page that was reloaded resumes with a new connection.
func (n *negotiation) offer(j job) (string, error) {
	key := fingerprint(j.sdp)
	if n.peer != nil && (n.ear.closed.Load() || key != n.key) {
		n.close()
	}
	fresh := n.peer == nil
	if fresh {
		if err := n.open(); err != nil {
			return "", err
		}
		n.key = key
	}
	ctx, cancel := context.WithTimeout(n.s.ctx, n.s.srv.cfg.AnswerTimeout)
	defer cancel()
	answer, err := n.peer.Answer(ctx, j.sdp, j.tracks)
	if err != nil && fresh {
		n.close()
	}
	return answer, err
}

// open makes the peer.
func (n *negotiation) open() error {
	cfg := &n.s.srv.cfg
	ear := &ear{member: n.s.member, layers: n.s.layers, published: make(map[track.TrackID]track.UpTrack)}
	peer, err := cfg.Peers.NewPeer(PeerConfig{
		Member: n.s.member.ID(), AudioSlots: cfg.AudioSlots, MaxVideoSlots: cfg.MaxVideoSlots,
		Handler: ear, Logger: n.s.logger,
	})
	if err != nil {
		return err
	}
	n.peer, n.ear = peer, ear
	return nil
}

// settle has the room look at the slots and adds the candidates that waited.
func (n *negotiation) settle() {
	if n.ear.bound {
		n.s.member.SlotsChanged()
	} else {
		n.ear.bound = true
		n.s.member.SetDown(n.peer)
	}
	for _, c := range n.early {
		n.candidate(c)
	}
	n.early = nil
}

// candidate adds a candidate, or keeps it for the offer to come; too many are
// dropped. A candidate that cannot be used costs one way of connecting, no more.
func (n *negotiation) candidate(c *wire.Candidate) {
	if n.peer == nil {
		if len(n.early) < maxEarly {
			n.early = append(n.early, c)
		}
		return
	}
	if err := n.peer.AddCandidate(c.Candidate, c.SDPMid, c.SDPMLineIndex, c.UsernameFragment); err != nil {
		n.s.logger.Debug("candidate not used", "err", err)
	}
}

// close ends the peer, if there is one; the room does not use it any more.
func (n *negotiation) close() {
	if n.peer == nil {
		return
	}
	if n.ear.bound {
		n.s.member.SetDown(nil)
	}
	if err := n.peer.Close(); err != nil {
		n.s.logger.Debug("peer closed with an error", "err", err)
	}
	n.ear.silence()
	n.peer, n.ear = nil, nil
}

// fingerprint returns the first certificate fingerprint of an SDP.
func fingerprint(sdp string) string {
	_, rest, _ := strings.Cut(sdp, "a=fingerprint:")
	line, _, _ := strings.Cut(rest, "\n")
	return strings.TrimSpace(line)
}

// ear hears of one peer and tells the room. Track ids may come again with the
// next peer, so it remembers which tracks were this one's.
type ear struct {
	member *room.Member
	layers *layers
	bound  bool        // the room has the peer; owned by the negotiation
	closed atomic.Bool // the peer cannot be used again

	mu        sync.Mutex
	published map[track.TrackID]track.UpTrack
}

// Published brings a track of the page.
func (e *ear) Published(up track.UpTrack) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.published[up.Info().ID] = up
	e.member.Publish(up)
}

// Unpublished takes it away.
func (e *ear) Unpublished(id track.TrackID) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if up, ok := e.published[id]; ok {
		delete(e.published, id)
		e.layers.forget(up.Info().Source)
		e.member.Unpublish(up)
	}
}

// LayersWanted tells the page which layers of a track are watched.
func (e *ear) LayersWanted(id track.TrackID, rids []string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if up, ok := e.published[id]; ok {
		e.layers.set(up.Info().Source, rids)
	}
}

// StateChanged notes the end of the transport. A transport that failed waits for
// the page's ICE restart.
func (e *ear) StateChanged(state PeerState) {
	if state == PeerClosed {
		e.closed.Store(true)
		e.silence()
	}
}

// silence takes away all tracks.
func (e *ear) silence() {
	e.mu.Lock()
	defer e.mu.Unlock()
	for id, up := range e.published {
		delete(e.published, id)
		e.layers.forget(up.Info().Source)
		e.member.Unpublish(up)
	}
}
