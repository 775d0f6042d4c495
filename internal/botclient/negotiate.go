package botclient

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/pion/webrtc/v4"

	"github.com/meetcast/meetcast/sfu/packet"
	"github.com/meetcast/meetcast/sfu/track"
	"github.com/meetcast/meetcast/signaling/wire"
)

// connect makes the PeerConnection with its published tracks and its slots.
func (b *Bot) connect(joined wire.Joined) error {
	pc, err := b.cfg.Stack.newPeer(iceServers(joined.ICEServers), b.feedback, len(b.cfg.Publish) > 0)
	if err != nil {
		return err
	}
	b.mu.Lock()
	b.pc = pc
	b.mu.Unlock()
	pc.OnConnectionStateChange(b.connectionChanged)
	pc.OnTrack(b.trackArrived)
	for _, t := range b.cfg.Publish {
		s, err := newSender(pc, t)
		if err != nil {
			return fmt.Errorf("publish %s: %w", t.Source, err)
		}
		b.senders[t.Source] = s
	}
	audio := b.cfg.AudioSlots
	if audio == AllSlots {
		audio = joined.AudioSlots
	}
	video := b.cfg.VideoSlots
	if joined.MaxVideoSlots > 0 {
		video = min(video, joined.MaxVideoSlots)
	}
	if err := b.addSlots(track.Audio, audio); err != nil {
		return err
	}
	return b.addSlots(track.Video, video)
}

func (b *Bot) addSlots(kind track.Kind, n int) error {
	codec := webrtc.RTPCodecTypeAudio
	if kind == track.Video {
		codec = webrtc.RTPCodecTypeVideo
	}
	for range n {
		_, err := b.pc.AddTransceiverFromKind(codec, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionRecvonly})
		if err != nil {
			return fmt.Errorf("add %v slot: %w", kind, err)
		}
	}
	return nil
}

// iceServers leaves relays out, as pages do at first: bots measure the direct way,
// and every relay named would be opened.
func iceServers(in []wire.ICEServer) []webrtc.ICEServer {
	var out []webrtc.ICEServer
	for _, s := range in {
		if len(s.URLs) > 0 && strings.HasPrefix(s.URLs[0], "turn") {
			continue
		}
		out = append(out, webrtc.ICEServer{URLs: s.URLs, Username: s.Username, Credential: s.Credential})
	}
	return out
}

// AddVideoSlots offers n more receive lines.
func (b *Bot) AddVideoSlots(ctx context.Context, n int) error {
	if err := b.addSlots(track.Video, n); err != nil {
		return err
	}
	return b.negotiate(ctx, false)
}

// RestartICE offers new ICE credentials, as after a change of network.
func (b *Bot) RestartICE(ctx context.Context) error { return b.negotiate(ctx, true) }

// negotiate sends one offer with all candidates in it and applies the answer.
// Bots gather host candidates only, so waiting for them costs no time.
func (b *Bot) negotiate(ctx context.Context, restart bool) error {
	b.negotiateMu.Lock()
	defer b.negotiateMu.Unlock()
	if len(b.pc.GetTransceivers()) == 0 {
		return nil // a member without media: there is nothing to offer
	}
	offer, err := b.pc.CreateOffer(&webrtc.OfferOptions{ICERestart: restart})
	if err != nil {
		return fmt.Errorf("create offer: %w", err)
	}
	gathered := webrtc.GatheringCompletePromise(b.pc)
	if err := b.pc.SetLocalDescription(offer); err != nil {
		return fmt.Errorf("apply offer: %w", err)
	}
	select {
	case <-gathered:
	case <-ctx.Done():
		return fmt.Errorf("gather candidates: %w", ctx.Err())
	}
	var answer wire.Answer
	err = b.socket().request(ctx, func(id string) any {
		return wire.Offer{
			Head: wire.Head{Type: wire.TypeOffer, ID: id}, SDP: b.pc.LocalDescription().SDP, Tracks: b.trackLines(),
		}
	}, &answer)
	if err != nil {
		return fmt.Errorf("offer: %w", err)
	}
	if err := b.pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: answer.SDP}); err != nil {
		return fmt.Errorf("apply answer: %w", err)
	}
	return nil
}

// trackLines tells what each sendonly line shows; mids exist once the offer is set.
func (b *Bot) trackLines() []wire.TrackLine {
	lines := []wire.TrackLine{}
	for _, t := range b.cfg.Publish {
		s := b.senders[t.Source]
		s.setMid(s.transceiver.Mid())
		lines = append(lines, wire.TrackLine{Mid: s.transceiver.Mid(), Source: string(t.Source)})
	}
	return lines
}

func (b *Bot) connectionChanged(state webrtc.PeerConnectionState) {
	connected := state == webrtc.PeerConnectionStateConnected
	if connected {
		b.mu.Lock()
		if b.connectedAt.IsZero() {
			b.connectedAt = time.Now()
			close(b.ready)
		}
		b.mu.Unlock()
	}
	b.board.update(func(s *State) { s.Connected = connected })
}

// trackArrived starts the read loop of a slot; pion calls it once the media path
// is up, before the slot's first packet.
func (b *Bot) trackArrived(remote *webrtc.TrackRemote, receiver *webrtc.RTPReceiver) {
	mid := ""
	for _, t := range b.pc.GetTransceivers() {
		if t.Receiver() == receiver {
			mid = t.Mid()
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return
	}
	r := b.receiverLocked(mid, kindOf(remote.Kind()))
	r.setStream(uint32(remote.SSRC()))
	b.wg.Go(func() { b.readLoop(remote, r) })
}

// receiverLocked returns the books of a slot, which outlive its stream.
func (b *Bot) receiverLocked(mid string, kind track.Kind) *receiver {
	r, ok := b.receivers[mid]
	if !ok {
		r = newReceiver(mid, kind)
		b.receivers[mid] = r
	}
	return r
}

func kindOf(k webrtc.RTPCodecType) track.Kind {
	if k == webrtc.RTPCodecTypeVideo {
		return track.Video
	}
	return track.Audio
}

// rebind notes what each slot carries from now on.
func (b *Bot) rebind(slots []wire.Slot) {
	now := time.Now()
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, s := range slots {
		kind := track.Audio
		if s.Kind == track.Video.String() {
			kind = track.Video
		}
		b.receiverLocked(s.Mid, kind).bind(now, s.Participant, track.Source(s.Source))
	}
}

func (b *Bot) allReceivers() []*receiver {
	b.mu.Lock()
	defer b.mu.Unlock()
	out := make([]*receiver, 0, len(b.receivers))
	for _, r := range b.receivers {
		out = append(out, r)
	}
	return out
}

// codecOf maps what pion negotiated for a payload type.
func codecOf(remote *webrtc.TrackRemote) packet.Codec {
	c, _ := packet.CodecFromMIME(remote.Codec().MimeType)
	return c
}
