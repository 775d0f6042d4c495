package sfu

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/pion/webrtc/v4"

	"github.com/meetcast/meetcast/sfu/track"
)

// Answer takes the client's offer, the first one or a later one that adds or
// ends m-lines or restarts ICE, and returns the answer with all candidates.
// tracks says what each sendonly m-line shows, by mid. An error that wraps
// ErrBadOffer is the client's fault and leaves everything as it was, unless the
// offer contradicts itself so that it fails halfway: the state is then Failed
// and every later offer is answered by ErrBroken.
func (p *Peer) Answer(ctx context.Context, sdp string, tracks map[string]track.Source) (string, error) {
	p.negotiating.Lock()
	defer p.negotiating.Unlock()
	if p.lifetime.Err() != nil {
		return "", ErrClosed
	}
	if p.broken {
		return "", ErrBroken
	}
	o, err := parseOffer(sdp, tracks, p.limits)
	if err != nil {
		return "", err
	}
	lines := o.lines
	if err := p.checkAgainstFormer(lines); err != nil {
		return "", err
	}
	fresh, err := p.addSlots(lines)
	if err != nil {
		return "", fmt.Errorf("add slots: %w", err)
	}
	// What is sent must be known before its first packet comes.
	p.expect(lines)
	answer, err := p.negotiate(ctx, sdp, o.ufrag)
	if err != nil {
		p.abandon(fresh)
		return "", err
	}
	if err := p.adopt(lines, fresh); err != nil {
		return "", err
	}
	p.poke()
	return answer, nil
}

// checkAgainstFormer refuses what cannot be done to m-lines that exist.
func (p *Peer) checkAgainstFormer(lines []line) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, l := range lines {
		if pub := p.published[l.mid]; l.use == publish && pub != nil && pub.line.source != l.source {
			return fmt.Errorf("%w: mid %q was the %s and cannot become the %s; use another m-line", ErrBadOffer, l.mid, pub.line.source, l.source)
		}
		ours := func(s *slot) bool { return s.mid == l.mid && s.kind == l.kind }
		if l.use != receive || slices.ContainsFunc(p.slots, ours) || slices.ContainsFunc(p.spare, ours) {
			continue
		}
		for _, t := range p.pc.GetTransceivers() {
			if t.Mid() == l.mid {
				return fmt.Errorf("%w: mid %q was used otherwise and cannot become a slot; use another m-line", ErrBadOffer, l.mid)
			}
		}
	}
	return nil
}

// addSlots adds a sender for each new recvonly m-line, in their order: pion
// matches them to the m-lines of a kind in the order in which they were added.
func (p *Peer) addSlots(lines []line) ([]*slot, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	spare := p.spare
	p.spare = nil
	var fresh []*slot
	for _, l := range lines {
		if l.use != receive || slices.ContainsFunc(p.slots, func(s *slot) bool { return s.mid == l.mid }) {
			continue
		}
		i := slices.IndexFunc(spare, func(s *slot) bool {
			return s.kind == l.kind && (s.transceiver.Mid() == "" || s.transceiver.Mid() == l.mid)
		})
		if i >= 0 {
			spare[i].mid = l.mid
			fresh = append(fresh, spare[i])
			spare = slices.Delete(spare, i, i+1)
			continue
		}
		s := newSlot(p, l.mid, l.kind, p.serial)
		p.serial++
		t, err := p.pc.AddTransceiverFromTrack(s, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionSendonly})
		if err != nil {
			p.spare = append(spare, fresh...)
			return nil, err
		}
		s.transceiver = t
		p.wg.Go(s.readRTCP)
		fresh = append(fresh, s)
	}
	p.spare = spare
	return fresh, nil
}

// abandon keeps slots that an offer did not bring about for the next one.
func (p *Peer) abandon(fresh []*slot) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.spare = append(p.spare, fresh...)
}

// negotiate runs the offer through the connection.
func (p *Peer) negotiate(ctx context.Context, sdp, ufrag string) (string, error) {
	if err := p.pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeOffer, SDP: sdp}); err != nil {
		return "", p.giveUp(fmt.Errorf("%w: %w", ErrBadOffer, err))
	}
	p.takeCandidates(ufrag)
	answer, err := p.pc.CreateAnswer(nil)
	if err != nil {
		return "", p.giveUp(fmt.Errorf("%w: make answer: %w", ErrBadOffer, err))
	}
	gathered := webrtc.GatheringCompletePromise(p.pc)
	if err := p.pc.SetLocalDescription(answer); err != nil {
		return "", p.giveUp(fmt.Errorf("set answer: %w", err))
	}
	select {
	case <-gathered:
	case <-p.lifetime.Done():
		return "", ErrClosed
	case <-ctx.Done():
		return "", fmt.Errorf("gather candidates: %w", ctx.Err())
	}
	return p.pc.LocalDescription().SDP, nil
}

// giveUp ends the connection when an offer was refused halfway: pion cannot roll
// a remote offer back, so that no later one would be taken.
func (p *Peer) giveUp(cause error) error {
	if p.pc.SignalingState() == webrtc.SignalingStateHaveRemoteOffer {
		p.broken = true
		p.stateChanged(webrtc.PeerConnectionStateFailed)
	}
	return cause
}

// takeCandidates adds the candidates that came before the first offer, and
// counts anew after an ICE restart.
func (p *Peer) takeCandidates(ufrag string) {
	p.mu.Lock()
	early := p.candidates
	p.candidates = nil
	if p.ufrag != ufrag {
		p.ufrag, p.added = ufrag, len(early)
	}
	p.mu.Unlock()
	for _, c := range early {
		if err := p.addCandidate(c); err != nil {
			p.log.Debug("early candidate", "error", err)
		}
	}
}

// adopt makes the slots and tracks what the offer says.
func (p *Peer) adopt(lines []line, fresh []*slot) error {
	for _, s := range fresh {
		if got := s.transceiver.Mid(); got != s.mid {
			return errors.New("slot for mid " + strconv.Quote(s.mid) + " was matched to " + strconv.Quote(got))
		}
	}
	p.mu.Lock()
	byMid := make(map[string]*slot)
	for _, s := range append(p.slots, fresh...) {
		byMid[s.mid] = s
	}
	p.slots = nil
	var ended []string
	for _, l := range lines {
		if s := byMid[l.mid]; s != nil && l.use == receive {
			p.slots = append(p.slots, s)
			delete(byMid, l.mid)
		}
	}
	for mid := range p.published {
		if !slices.ContainsFunc(lines, func(l line) bool { return l.mid == mid && l.use == publish }) {
			ended = append(ended, mid)
		}
	}
	for _, s := range byMid {
		p.gone.down(s)
	}
	p.mu.Unlock()
	for _, s := range byMid {
		s.down.Close()
	}
	for _, mid := range ended {
		p.unpublish(mid)
	}
	return nil
}
