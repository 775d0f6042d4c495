package botclient

import (
	"context"
	"fmt"

	"github.com/meetcast/meetcast/sfu/track"
	"github.com/meetcast/meetcast/signaling/wire"
)

// ask sends a request and waits for its "ok"; a refusal is a *ServerError.
func (b *Bot) ask(ctx context.Context, what string, build func(wire.Head) any) (wire.OK, error) {
	var ok wire.OK
	err := b.socket().request(ctx, func(id string) any { return build(wire.Head{Type: what, ID: id}) }, &ok)
	if err != nil {
		return ok, fmt.Errorf("%s: %w", what, err)
	}
	return ok, nil
}

// View says which pictures the bot wants, most important first.
func (b *Bot) View(ctx context.Context, want []wire.Want, fill bool) error {
	_, err := b.ask(ctx, wire.TypeView, func(h wire.Head) any { return wire.View{Head: h, Want: want, Fill: fill} })
	return err
}

// Chat sends a text to the room.
func (b *Bot) Chat(ctx context.Context, text string) error {
	_, err := b.ask(ctx, wire.TypeChat, func(h wire.Head) any { return wire.Chat{Head: h, Text: text} })
	return err
}

// Mute stops or continues sending a published source and tells the room.
func (b *Bot) Mute(ctx context.Context, source track.Source, muted bool) error {
	if s, ok := b.senders[source]; ok {
		s.muted.Store(muted)
	}
	_, err := b.ask(ctx, wire.TypeMute, func(h wire.Head) any {
		return wire.Mute{Head: h, Source: string(source), Muted: muted}
	})
	return err
}

// SetLevel changes the audio level that a published source claims, in -dBov
// (0 loud .. 127 silence): how load tests let people speak in turn.
func (b *Bot) SetLevel(source track.Source, level uint8) {
	if s, ok := b.senders[source]; ok {
		s.level.Store(uint32(level))
	}
}

// Kick removes a participant (moderators).
func (b *Bot) Kick(ctx context.Context, participant string) error {
	_, err := b.ask(ctx, wire.TypeKick, func(h wire.Head) any { return wire.Kick{Head: h, Participant: participant} })
	return err
}

// MuteEveryone asks all other pages to switch their microphones off (moderators).
func (b *Bot) MuteEveryone(ctx context.Context) error {
	_, err := b.ask(ctx, wire.TypeMuteEveryone, func(h wire.Head) any { return wire.Bare{Head: h} })
	return err
}

// Broadcast goes live and returns once the ingest has accepted (moderators).
func (b *Bot) Broadcast(ctx context.Context, start wire.BroadcastStart) (*wire.Broadcast, error) {
	ok, err := b.ask(ctx, wire.TypeBroadcastStart, func(h wire.Head) any {
		start.Head = h
		return start
	})
	return ok.Broadcast, err
}

// StopBroadcast ends the broadcast and returns once its recording is safe (moderators).
func (b *Bot) StopBroadcast(ctx context.Context) (*wire.Broadcast, error) {
	ok, err := b.ask(ctx, wire.TypeBroadcastStop, func(h wire.Head) any { return wire.Bare{Head: h} })
	return ok.Broadcast, err
}

// Layout switches the layout of the running broadcast (moderators).
func (b *Bot) Layout(ctx context.Context, layout string) error {
	_, err := b.ask(ctx, wire.TypeBroadcastLayout, func(h wire.Head) any {
		return wire.BroadcastLayout{Head: h, Layout: layout}
	})
	return err
}
