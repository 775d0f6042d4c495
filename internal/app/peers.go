package app

import (
	"context"
	"errors"

	"github.com/meetcast/meetcast/sfu"
	"github.com/meetcast/meetcast/sfu/track"
	"github.com/meetcast/meetcast/signaling"
)

// peers lets signaling make peers of the engine without knowing WebRTC.
type peers struct {
	engine *sfu.Engine
}

// NewPeer implements signaling.PeerFactory.
func (f peers) NewPeer(c signaling.PeerConfig) (signaling.Peer, error) {
	p, err := f.engine.NewPeer(sfu.PeerConfig{
		Member:        c.Member,
		AudioSlots:    c.AudioSlots,
		MaxVideoSlots: c.MaxVideoSlots,
		Handler:       peerHandler{c.Handler},
		Logger:        c.Logger,
	})
	if err != nil {
		return nil, err
	}
	return peer{p}, nil
}

// peer sorts the engine's errors for signaling.
type peer struct {
	*sfu.Peer
}

// Answer implements signaling.Peer.
func (p peer) Answer(ctx context.Context, sdp string, tracks map[string]track.Source) (string, error) {
	answer, err := p.Peer.Answer(ctx, sdp, tracks)
	if errors.Is(err, sfu.ErrBadOffer) {
		return "", signaling.NewError(signaling.KindUser, err.Error(), nil)
	}
	return answer, err
}

// peerHandler passes on what a peer tells, in signaling's words.
type peerHandler struct {
	signaling.PeerHandler
}

// StateChanged implements sfu.PeerHandler.
func (h peerHandler) StateChanged(s sfu.PeerState) {
	states := map[sfu.PeerState]signaling.PeerState{
		sfu.Connecting:   signaling.PeerConnecting,
		sfu.Connected:    signaling.PeerConnected,
		sfu.Disconnected: signaling.PeerDisconnected,
		sfu.Failed:       signaling.PeerFailed,
		sfu.Closed:       signaling.PeerClosed,
	}
	h.PeerHandler.StateChanged(states[s])
}
