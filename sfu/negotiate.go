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
// ErrBadOffer is the client's fault and leaves everything as it was.
func (p *Peer) Answer(ctx context.Context, offer string, tracks map[string]track.Source) (string, error) {
	p.negotiating.Lock()
	defer p.negotiating.Unlock()
	if p.lifetime.Err() != nil {
		return "", ErrClosed
	}
	lines, err := parseOffer(offer, tracks, p.limits)
	if err != nil {
		return "", err
	}
	if err := p.checkAgainstFormer(lines); err != nil {
		return "", err
	}
	fresh, err := p.addSlots(lines)
	if err != nil {
		return "", fmt.Errorf("add slots: %w", err)
	}
	// What is sent must be known before its first packet comes.
	p.expect(lines)
	answer, err := p.negotiate(ctx, offer)
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
		known := slices.ContainsFunc(p.slots, func(s *slot) bool { return s.mid == l.mid })
		if known || l.use != receive {
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
		i := slices.IndexFunc(spare, func(s *slot) bool { return s.kind == l.kind })
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
func (p *Peer) negotiate(ctx context.Context, offer string) (string, error) {
	before := iceUfrag(p.pc.RemoteDescription())
	if err := p.pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeOffer, SDP: offer}); err != nil {
		return "", p.rollBack(fmt.Errorf("%w: %w", ErrBadOffer, err))
	}
	p.takeCandidates(before)
	answer, err := p.pc.CreateAnswer(nil)
	if err != nil {
		return "", p.rollBack(fmt.Errorf("%w: make answer: %w", ErrBadOffer, err))
	}
	gathered := webrtc.GatheringCompletePromise(p.pc)
	if err := p.pc.SetLocalDescription(answer); err != nil {
		return "", p.rollBack(fmt.Errorf("set answer: %w", err))
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

// rollBack makes the connection ready for another offer.
func (p *Peer) rollBack(cause error) error {
	if p.pc.SignalingState() != webrtc.SignalingStateHaveRemoteOffer {
		return cause
	}
	if err := p.pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeRollback}); err != nil {
		return errors.Join(cause, fmt.Errorf("roll back: %w", err))
	}
	return cause
}

// takeCandidates adds the candidates that came before the first offer, and
// counts anew after an ICE restart.
func (p *Peer) takeCandidates(ufrag string) {
	p.mu.Lock()
	early := p.candidates
	p.candidates = nil
	if iceUfrag(p.pc.RemoteDescription()) != ufrag {
		p.added = 0
	}
	p.mu.Unlock()
	for _, c := range early {
		if err := p.addCandidate(c); err != nil {
			p.log.Debug("early candidate", "error", err)
		}
	}
}

// iceUfrag returns the ICE user fragment of a description, empty without one.
func iceUfrag(d *webrtc.SessionDescription) string {
	if d == nil {
		return ""
	}
	parsed, err := d.Unmarshal()
	if err != nil {
		return ""
	}
	if v, ok := parsed.Attribute("ice-ufrag"); ok {
		return v
	}
	for _, m := range parsed.MediaDescriptions {
		if v, ok := m.Attribute("ice-ufrag"); ok {
			return v
		}
	}
	return ""
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
