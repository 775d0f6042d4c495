package e2e

import (
	"fmt"
	"testing"
	"time"

	"github.com/meetcast/meetcast/tests/testkit"
)

// back is how soon media has to be back after the network is; the product aims
// at two seconds, the rest is for a machine that is busy with other tests.
const back = 10 * time.Second

// abroad is a page behind a relay, and another one that is not.
type abroad struct {
	t        *testing.T
	relay    *testkit.Relay
	ann, bob *testkit.Browser
	identity string // of Ann's membership and media, as her page knows them
}

// goAbroad lets Ann join through a relay and Bob directly, until both see each
// other.
func goAbroad(t *testing.T) *abroad {
	server := testkit.StartServer(t, testkit.ServerOptions{Env: map[string]string{"MEETCAST_TURN_ENABLED": "false"}})
	room := server.CreateRoom(t, "abroad")
	a := &abroad{t: t, relay: testkit.StartRelay(t, server), ann: people[0].browser(t), bob: people[1].browser(t)}
	a.bob.Open(room.JoinURL(room.Invite(t, false), people[1].name))
	a.bob.WaitFor(patience, testkit.Control("leave"))
	a.ann.Open(a.relay.URL(server, room.PageURL(room.Token)))
	if err := a.ann.Eval(a.relay.RelayScript(server), nil); err != nil {
		t.Fatal(err)
	}
	a.ann.Type(testkit.Control("name"), people[0].name)
	a.ann.Click(testkit.Control("join"))
	a.ann.WaitFor(patience, testkit.Control("leave"))
	a.ann.Sees(patience, testkit.TileOf(people[1].name, "camera"), people[1].camera)
	a.bob.Sees(patience, testkit.TileOf(people[0].name, "camera"), people[0].camera)
	a.identity = a.describe()
	return a
}

// in is for a part of the test: what one leaves behind the next begins with.
func (a *abroad) in(t *testing.T) *abroad {
	part := *a
	part.t = t
	return &part
}

// describe is what must stay as it is: the member, its one connection with its
// certificate, and the slot in which Ann sees Bob.
func (a *abroad) describe() string {
	a.t.Helper()
	var what string
	err := a.ann.Eval(`(() => {
		const room = document.querySelector("mc-app").room;
		const bob = room.presence.all.find((p) => p.id !== room.self);
		const prints = __peers.map((p) => /a=fingerprint:(\S+ \S+)/.exec(p.localDescription.sdp)[1]);
		return [room.self, bob?.id, room.picture(bob?.id, "camera")?.mid, prints].join(" ");
	})()`, &what)
	if err != nil {
		a.t.Fatal(err)
	}
	return what
}

// frames is how many frames a tile has shown so far.
func frames(b *testkit.Browser, tile string) (n int, err error) {
	err = b.Eval(fmt.Sprintf(`__testkit.one(%s).querySelector("video").getVideoPlaybackQuality().totalVideoFrames`, "`"+tile+"`"), &n)
	return n, err
}

// flows waits until both see each other move, and returns how long it took.
func (a *abroad) flows(since time.Time) time.Duration {
	a.t.Helper()
	for _, side := range []struct {
		b    *testkit.Browser
		tile string
	}{{a.ann, testkit.TileOf(people[1].name, "camera")}, {a.bob, testkit.TileOf(people[0].name, "camera")}} {
		first, err := frames(side.b, side.tile)
		testkit.Until(a.t, back, side.tile+" moves", func() error {
			n := 0
			if n, err = frames(side.b, side.tile); err != nil {
				return err
			}
			if first == 0 {
				first = n
			}
			if n < first+2 {
				return fmt.Errorf("%d frames, %d before", n, first)
			}
			return nil
		})
	}
	return time.Since(since)
}

// stands waits until neither sees the other move.
func (a *abroad) stands() {
	a.t.Helper()
	tile := testkit.TileOf(people[1].name, "camera")
	last, same := -1, 0
	testkit.Until(a.t, patience, "the picture stands still", func() error {
		n, err := frames(a.ann, tile)
		if err != nil {
			return err
		}
		if n == last {
			same++
		} else {
			last, same = n, 0
		}
		if same < 10 {
			return fmt.Errorf("it moves: %d frames", n)
		}
		return nil
	})
}

func (a *abroad) settled() {
	a.t.Helper()
	a.ann.Wait(patience, "signaling is there", `document.querySelector("mc-app").room.connection === "joined"`)
	a.ann.Wait(patience, "media is there", `__peers[0].connectionState === "connected"`)
	if now := a.describe(); now != a.identity {
		a.t.Errorf("Ann is %s, was %s", now, a.identity)
	}
}

// TestOutage: the network loses everything for a while; member, connection and
// slots are the same afterwards, and media is back at once.
func TestOutage(t *testing.T) {
	there := goAbroad(t)
	for _, lasting := range []time.Duration{2 * time.Second, 9 * time.Second} {
		t.Run(lasting.String(), func(t *testing.T) {
			a := there.in(t)
			a.relay.Lose(true)
			began := time.Now()
			a.stands()
			testkit.Until(t, patience, "the outage lasts", func() error {
				if d := time.Since(began); d < lasting {
					return fmt.Errorf("for %v", d)
				}
				return nil
			})
			a.relay.Lose(false)
			t.Logf("media is back %v after the network", a.flows(time.Now()).Round(10*time.Millisecond))
			a.settled()
		})
	}
}

// TestAnotherAddress: from one moment to the next the browser has another
// address, with and without its browser noticing.
func TestAnotherAddress(t *testing.T) {
	const nothing, online = "0", `dispatchEvent(new Event("online"))`
	there := goAbroad(t)
	for _, c := range []struct {
		name   string
		move   func(*testkit.Relay)
		notice string
	}{
		{"unnoticed", (*testkit.Relay).Move, nothing},
		{"new interface", (*testkit.Relay).MoveAway, online},
		{"new interface, unnoticed", (*testkit.Relay).MoveAway, nothing},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := there.in(t)
			c.move(a.relay)
			moved := time.Now()
			if err := a.ann.Eval(c.notice, nil); err != nil {
				t.Fatal(err)
			}
			t.Logf("media is back %v after the move", a.flows(moved).Round(10*time.Millisecond))
			a.settled()
		})
	}
}
