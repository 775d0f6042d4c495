package e2e

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pion/rtp"

	"github.com/meetcast/meetcast/internal/botclient"
	"github.com/meetcast/meetcast/signaling/wire"
	"github.com/meetcast/meetcast/tests/testkit"
)

// sent is what a page sends of one encoding of its camera.
type sent struct {
	RID    string
	Active bool
	Bytes  int
}

// sends reads what a page sends of its camera, the smallest encoding first.
func sends(b *testkit.Browser) (list []sent, err error) {
	err = b.Eval(`(async () => {
		const sender = __peers[0].getSenders().find((s) => s.track?.kind === "video");
		if (!sender) return [];
		const bytes = {};
		(await sender.getStats()).forEach((s) => { if (s.type === "outbound-rtp") bytes[s.rid ?? ""] = s.bytesSent; });
		return sender.getParameters().encodings.map((e) => ({ rid: e.rid ?? "", active: e.active, bytes: bytes[e.rid ?? ""] ?? 0 }));
	})()`, &list)
	return list, err
}

// uplink waits until a page sends these encodings of its camera and no others:
// bytes of the one grow, of the others do not. It returns how long that took.
func uplink(t *testing.T, b *testkit.Browser, rids ...string) time.Duration {
	t.Helper()
	began := time.Now()
	want := fmt.Sprint(rids)
	var before []sent
	testkit.Until(t, patience, "the page sends "+want, func() error {
		now, err := sends(b)
		if err != nil {
			return err
		}
		var active, moving []string
		for i, s := range now {
			if s.Active {
				active = append(active, s.RID)
			}
			if i < len(before) && s.Bytes > before[i].Bytes {
				moving = append(moving, s.RID)
			}
		}
		before = now
		if len(now) == 0 || fmt.Sprint(active) != want || fmt.Sprint(moving) != want {
			// Frames of the fake camera are 67 ms apart, of the poll more than 50.
			time.Sleep(100 * time.Millisecond)
			return fmt.Errorf("%v are on, %v are sent", active, moving)
		}
		return nil
	})
	return time.Since(began)
}

// TestUnwatchedLayersAreNotSent: a camera that nobody watches costs no uplink, one
// that is shown small costs little, and either is back quickly.
func TestUnwatchedLayersAreNotSent(t *testing.T) {
	server := testkit.StartServer(t, testkit.ServerOptions{})
	room := server.CreateRoom(t, "layers")
	camera := people[0].camera
	camera.Width, camera.Height = 640, 360
	ann := testkit.StartBrowser(t, testkit.BrowserOptions{Camera: &camera})
	ann.Open(room.PageURL(room.Token))
	if err := ann.Eval("(() => {"+testkit.PeersScript+"})()", nil); err != nil {
		t.Fatal(err)
	}
	ann.Type(testkit.Control("name"), people[0].name)
	ann.Click(testkit.Control("join"))
	ann.WaitFor(patience, testkit.Control("leave"))
	uplink(t, ann) // nobody else is there

	var packets atomic.Int64
	bot := room.StartBot(t, botclient.Config{Name: "Bob", Token: room.Invite(t, false), VideoSlots: 1,
		OnPacket: func(botclient.Slot, *rtp.Header, []byte) { packets.Add(1) }})
	var self string
	if err := ann.Eval(`document.querySelector("mc-app").room.self`, &self); err != nil {
		t.Fatal(err)
	}
	view := func(width, height int) {
		t.Helper()
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		want := []wire.Want{{Participant: self, Source: "camera", Width: width, Height: height}}
		if err := bot.View(ctx, want, false); err != nil {
			t.Fatal(err)
		}
	}
	view(320, 180)
	uplink(t, ann, "h")
	view(640, 360)
	t.Logf("only the large layer is sent after %v", uplink(t, ann, "f"))
	view(0, 0)
	t.Logf("nothing is sent after %v", uplink(t, ann))

	last := packets.Load()
	began := time.Now()
	view(640, 360)
	testkit.Until(t, patience, "the picture is back", func() error {
		if packets.Load() == last {
			return fmt.Errorf("no packet")
		}
		return nil
	})
	t.Logf("the picture is back after %v", time.Since(began).Round(time.Millisecond))
	uplink(t, ann, "f")
}
