package e2e

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/meetcast/meetcast/internal/botclient"
	"github.com/meetcast/meetcast/internal/unittest"
	"github.com/meetcast/meetcast/signaling/wire"
	"github.com/meetcast/meetcast/tests/testkit"
)

// TestMeeting: three people in real browsers see and hear each other, the
// fourth comes late, one is removed and cannot come back.
func TestMeeting(t *testing.T) {
	server := testkit.StartServer(t, testkit.ServerOptions{})
	room := server.CreateRoom(t, "standup")
	tokens := []string{room.Token, room.Invite(t, false), room.Invite(t, false)}
	browsers := make([]*testkit.Browser, len(tokens))
	for i, token := range tokens {
		browsers[i] = people[i].browser(t)
		browsers[i].Open(room.JoinURL(token, people[i].name))
		browsers[i].WaitFor(patience, testkit.Control("leave"))
	}
	for i, b := range browsers {
		var tones []float64
		for j, other := range people[:len(browsers)] {
			if i != j {
				b.Sees(patience, testkit.TileOf(other.name, "camera"), other.camera)
				tones = append(tones, other.tone)
			}
		}
		b.Hears(patience, tones...)
	}
	picture(t, browsers[0], "meeting")

	t.Run("late", func(t *testing.T) { joinLate(t, room, people[3], people[:3]) })
	t.Run("chat", func(t *testing.T) { chat(t, browsers) })
	t.Run("refused", func(t *testing.T) { refuse(t, room) })
	t.Run("kick", func(t *testing.T) { kick(t, room, browsers[0], browsers[1], tokens[1]) })
}

// lateTries is how often the late one may try to be quick: the pictures come
// within the promised time, or what is left of it on a busy machine.
const (
	lateTries   = 3
	latePromise = 2 * time.Second
)

// joinLate: who comes late sees everybody soon after the join.
func joinLate(t *testing.T, room *testkit.Room, late person, there []person) {
	b := late.browser(t)
	token := room.Invite(t, false)
	for try := 1; ; try++ {
		b.Open(room.JoinURL(token, late.name))
		b.WaitFor(patience, testkit.Control("leave"))
		joined := time.Now()
		for _, p := range there {
			b.Sees(patience, testkit.TileOf(p.name, "camera"), p.camera)
		}
		took := time.Since(joined)
		t.Logf("all pictures %v after the join", took.Round(time.Millisecond))
		promise := unittest.Stretch(latePromise)
		if took <= promise {
			break
		}
		if try == lateTries {
			t.Errorf("the late one saw everybody only after %v, want %v", took, promise)
			break
		}
	}
	b.Hears(patience, there[0].tone, there[1].tone, there[2].tone)
	picture(t, b, "late")
	b.Click(testkit.Control("leave"))
	b.WaitFor(patience, testkit.Control("ended"))
}

// chat: what one writes, the others read.
func chat(t *testing.T, browsers []*testkit.Browser) {
	for _, b := range browsers[:2] {
		b.Click(testkit.Control("chat-toggle"))
		b.WaitFor(patience, testkit.Control("chat-input"))
	}
	browsers[0].Type(testkit.Control("chat-input"), "hello <b>there</b>")
	browsers[0].Click(testkit.Control("chat-send"))
	browsers[1].Wait(patience, "the message arrives as plain text",
		`[...document.querySelectorAll('[data-testid="chat-message"]')].some(m => m.textContent.includes("hello <b>there</b>"))`)
	for _, b := range browsers[:2] {
		b.Click(testkit.Control("chat-toggle"))
	}
}

// refuse: what only moderators may do is refused by the server.
func refuse(t *testing.T, room *testkit.Room) {
	bot := room.StartBot(t, botclient.Config{Token: room.Invite(t, false), Name: "Eve", AudioSlots: botclient.AllSlots})
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	ann, ok := bot.State().Named(people[0].name)
	if !ok {
		t.Fatal("the bot does not know of the moderator")
	}
	_, start := bot.Broadcast(ctx, wire.BroadcastStart{Record: true})
	_, stop := bot.StopBroadcast(ctx)
	for what, err := range map[string]error{
		"start a broadcast": start, "stop it": stop, "arrange it": bot.Layout(ctx, "speaker"),
		"kick": bot.Kick(ctx, ann.ID), "mute everyone": bot.MuteEveryone(ctx),
	} {
		var refusal *botclient.ServerError
		if !errors.As(err, &refusal) || refusal.Code != wire.CodeForbidden {
			t.Errorf("a participant may not %s, but the answer is %v", what, err)
		}
	}
}

// kick: the moderator removes somebody in the page; the same link does not
// bring him back.
func kick(t *testing.T, room *testkit.Room, moderator, guest *testkit.Browser, token string) {
	moderator.Click(testkit.Control("people-toggle"))
	var id string
	if err := moderator.Eval(fmt.Sprintf(`document.querySelector('[data-name=%q]').dataset.participant`, people[1].name), &id); err != nil {
		t.Fatal(err)
	}
	moderator.Click(fmt.Sprintf(`[data-participant-row=%q] [data-testid="kick"]`, id))
	moderator.Click(testkit.Control("kick-confirm"))
	guest.WaitFor(patience, testkit.Control("ended"))
	picture(t, guest, "kicked")
	moderator.Wait(patience, "the tile of the one removed goes",
		fmt.Sprintf(`!document.querySelector('[data-name=%q][data-source="camera"]')`, people[1].name))
	guest.Open(room.JoinURL(token, people[1].name))
	guest.WaitFor(patience, testkit.Control("ended"))
	picture(t, guest, "banned")
}
