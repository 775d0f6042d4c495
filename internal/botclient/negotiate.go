package botclient

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/meetcast/meetcast/internal/botclient/light"
	"github.com/meetcast/meetcast/sfu/packet"
	"github.com/meetcast/meetcast/sfu/track"
	"github.com/meetcast/meetcast/signaling/wire"
)

// line is one m-line of a bot: a published track or a slot.
type line struct {
	mid      string
	kind     track.Kind
	sender   *sender // nil for a slot
	receiver *receiver
}

// addLines makes the published tracks and the slots.
func (b *Bot) addLines(joined wire.Joined) {
	out := &transport{conn: b.conn}
	for _, t := range b.cfg.Publish {
		mid := strconv.Itoa(len(b.lines))
		s := newSender(t, mid, out)
		s.owner.Store(senderHash(joined.Self))
		b.senders[t.Source] = s
		kind, _ := t.Source.Kind()
		b.lines = append(b.lines, line{mid: mid, kind: kind, sender: s})
	}
	audio := b.cfg.AudioSlots
	if audio == AllSlots {
		audio = joined.AudioSlots
	}
	video := b.cfg.VideoSlots
	if joined.MaxVideoSlots > 0 {
		video = min(video, joined.MaxVideoSlots)
	}
	b.addSlots(track.Audio, audio)
	b.addSlots(track.Video, video)
}

func (b *Bot) addSlots(kind track.Kind, n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for range n {
		mid := strconv.Itoa(len(b.lines))
		b.lines = append(b.lines, line{mid: mid, kind: kind, receiver: b.receiverLocked(mid, kind)})
	}
}

// AddVideoSlots offers n more receive lines.
func (b *Bot) AddVideoSlots(ctx context.Context, n int) error {
	b.negotiateMu.Lock()
	defer b.negotiateMu.Unlock()
	b.addSlots(track.Video, n)
	return b.negotiateLocked(ctx)
}

// RestartICE offers new ICE credentials and moves to a new socket, as after a
// change of network.
func (b *Bot) RestartICE(ctx context.Context) error {
	b.negotiateMu.Lock()
	defer b.negotiateMu.Unlock()
	b.conn.Restart()
	return b.negotiateLocked(ctx)
}

// negotiate sends the first offer and applies the answer. The media path is
// found in the background; WaitConnected waits for it.
func (b *Bot) negotiate(ctx context.Context) error {
	b.negotiateMu.Lock()
	defer b.negotiateMu.Unlock()
	return b.negotiateLocked(ctx)
}

func (b *Bot) negotiateLocked(ctx context.Context) error {
	if len(b.lines) == 0 {
		return nil // a member without media: there is nothing to offer
	}
	b.offered.Add(1)
	var answer wire.Answer
	err := b.socket().request(ctx, func(id string) any {
		return wire.Offer{Head: wire.Head{Type: wire.TypeOffer, ID: id}, SDP: b.offer().String(), Tracks: b.trackLines()}
	}, &answer)
	if err != nil {
		return fmt.Errorf("offer: %w", err)
	}
	a, err := light.ParseAnswer(answer.SDP)
	if err != nil {
		return err
	}
	if err := b.apply(a); err != nil {
		return fmt.Errorf("apply answer: %w", err)
	}
	light.Prefer(a.Remote.Candidates, b.cfg.Stack.server)
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return ErrClosed
	}
	b.wg.Go(func() {
		if err := b.conn.Connect(b.ctx, a.Remote); err != nil && b.ctx.Err() == nil {
			b.cfg.Logger.Warn("media path not found", "err", err)
		}
	})
	return nil
}

// offer describes the lines as they are now.
func (b *Bot) offer() light.Offer {
	o := light.Offer{Session: b.session >> 1, Version: int(b.offered.Load()), Local: b.conn.Local(), Fingerprint: b.cfg.Stack.fingerprint,
		CNAME: "bot-" + strconv.FormatUint(b.session, 36)}
	for _, l := range b.lines {
		kind := l.kind.String()
		m := light.Line{Mid: l.mid, Kind: kind}
		if l.sender == nil {
			m.Codecs, m.Extensions = codecsFor(kind, 0, b.cfg.RED), extensionsFor(kind, false)
			o.Lines = append(o.Lines, m)
			continue
		}
		layers := l.sender.layers
		simulcast := len(layers) > 1
		only := packet.Codec(0)
		if l.kind == track.Video {
			only = layers[0].clip.Codec
		}
		m.Send, m.Codecs, m.Extensions = true, codecsFor(kind, only, b.cfg.RED), extensionsFor(kind, simulcast)
		if simulcast {
			for _, e := range layers {
				m.RIDs = append(m.RIDs, e.rid)
			}
		} else {
			m.SSRC, m.RTX = layers[0].ssrc, layers[0].rtx
		}
		o.Lines = append(o.Lines, m)
	}
	return o
}

// apply takes streams, header extensions and codecs of an answer.
func (b *Bot) apply(a light.Answer) error {
	if len(a.Lines) != len(b.lines) {
		return fmt.Errorf("%d m-lines for the %d offered", len(a.Lines), len(b.lines))
	}
	for i := range a.Lines {
		l, ours := &a.Lines[i], b.lines[i]
		if l.Rejected || l.Mid != ours.mid {
			return fmt.Errorf("m-line %d (mid %q) was refused", i, ours.mid)
		}
		if id := l.Extension(uriTWCC); id != 0 {
			b.twcc.Store(uint32(id))
		}
		if ours.sender != nil {
			ours.sender.agreed(l)
			continue
		}
		b.routes.line(l.Mid, ours.receiver, l.Extension(uriMid))
		if l.SSRC != 0 {
			ours.receiver.setStream(l.SSRC)
			b.routes.add(l.SSRC, route{receiver: ours.receiver})
		}
		if l.RTX != 0 {
			b.routes.add(l.RTX, route{receiver: ours.receiver, repair: true})
		}
	}
	return nil
}

// twccID is the number of the transport-wide extension.
func (b *Bot) twccID() uint8 { return uint8(b.twcc.Load()) }

// trackLines tells what each sendonly line shows.
func (b *Bot) trackLines() []wire.TrackLine {
	lines := []wire.TrackLine{}
	for _, l := range b.lines {
		if l.sender != nil {
			lines = append(lines, wire.TrackLine{Mid: l.mid, Source: string(l.sender.source)})
		}
	}
	return lines
}

// StateChanged implements light.Handler.
func (b *Bot) StateChanged(connected bool) {
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

// receiverLocked returns the books of a slot, which outlive its stream.
func (b *Bot) receiverLocked(mid string, kind track.Kind) *receiver {
	r, ok := b.receivers[mid]
	if !ok {
		r = newReceiver(mid, kind)
		b.receivers[mid] = r
		b.listed = append(b.listed[:len(b.listed):len(b.listed)], r)
	}
	return r
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
	return b.listed
}
