package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/meetcast/meetcast/tests/testkit"
)

// sentCodecs reads what a page sends its camera and its microphone with, such as
// "video/VP9 L3T3_KEY" and "audio/red". Of sound, statistics name the codec inside
// the redundancy, so that what was negotiated first is what counts.
func sentCodecs(b *testkit.Browser) (list []string, err error) {
	err = b.Eval(`(async () => {
		const all = [...(await __peers[0].getStats()).values()];
		const voice = __peers[0].getSenders().find((s) => s.track?.kind === "audio").getParameters().codecs[0].mimeType;
		return [voice, ...all.filter((s) => s.type === "outbound-rtp" && s.bytesSent > 0 && s.codecId)
			.map((s) => (all.find((c) => c.id === s.codecId).mimeType + " " + (s.scalabilityMode ?? "")).trim())];
	})()`, &list)
	return list, err
}

// TestCodecs: everybody sends something else, and all see and hear each other;
// sound goes with redundancy.
func TestCodecs(t *testing.T) {
	server := testkit.StartServer(t, testkit.ServerOptions{Env: map[string]string{"MEETCAST_ROOMS_VIDEO_CODEC": "vp9"}})
	room := server.CreateRoom(t, "codecs")
	senders := []struct {
		codec, mime string
		svc         bool
	}{{"", "video/VP9", true}, {"av1", "video/AV1", true}, {"vp8", "video/VP8", false}, {"h264", "video/H264", false}}
	browsers := make([]*testkit.Browser, len(senders))
	for i, s := range senders {
		camera := people[i].camera
		camera.Width, camera.Height = 640, 360
		browsers[i] = testkit.StartBrowser(t, testkit.BrowserOptions{
			Camera: &camera, Microphone: &testkit.Microphone{Frequency: people[i].tone}})
		url := room.PageURL(room.Token)
		if s.codec != "" {
			url += "&codec=" + s.codec
		}
		browsers[i].Open(url)
		if err := browsers[i].Eval("(() => {"+testkit.PeersScript+"})()", nil); err != nil {
			t.Fatal(err)
		}
		browsers[i].Type(testkit.Control("name"), people[i].name)
		browsers[i].Click(testkit.Control("join"))
		browsers[i].WaitFor(patience, testkit.Control("leave"))
	}
	for i, b := range browsers {
		for j, other := range people[:len(browsers)] {
			if i != j {
				b.Sees(patience, testkit.TileOf(other.name, "camera"), other.camera)
			}
		}
	}
	for i, s := range senders {
		testkit.Until(t, patience, people[i].name+" sends "+s.mime+" and RED", func() error {
			list, err := sentCodecs(browsers[i])
			if err != nil {
				return err
			}
			all := strings.Join(list, ", ")
			if !strings.Contains(all, s.mime) || !strings.Contains(all, "audio/red") ||
				strings.Contains(all, "_KEY") != s.svc {
				return fmt.Errorf("sends %s", all)
			}
			return nil
		})
	}
	t.Run("one slot", func(t *testing.T) { oneSlot(t, browsers[0], room, people[3], people[2], people[1], people[3]) })
}

// oneSlot joins a page again with a single slot, which then shows one after the other
// of the others: H.264, VP8, AV1 and H.264 again on one m-line and one SSRC.
func oneSlot(t *testing.T, b *testkit.Browser, room *testkit.Room, shown ...person) {
	t.Helper()
	b.Open(room.PageURL(room.Token))
	if err := b.Eval(`(() => {
		const parse = JSON.parse;
		JSON.parse = (...given) => {
			const message = parse(...given);
			if (message?.maxVideoSlots) message.maxVideoSlots = 1;
			return message;
		};
	})()`, nil); err != nil {
		t.Fatal(err)
	}
	b.Type(testkit.Control("name"), people[0].name)
	b.Click(testkit.Control("join"))
	b.WaitFor(patience, testkit.Control("leave"))
	var slot string
	for _, p := range shown {
		want := fmt.Sprintf(`(() => {
			const room = document.querySelector("mc-app").room;
			const other = room.presence.all.find((p) => p.name === %q);
			if (!other) return "";
			window.__want ??= room.media.want.bind(room.media);
			room.media.want = () => {}; // what the page shows by itself
			__want([{participant: other.id, source: "camera", width: 640, height: 360}]);
			return room.picture(other.id, "camera")?.mid ?? "";
		})()`, p.name)
		began := time.Now()
		var mid string
		testkit.Until(t, patience, p.name+" gets the slot", func() error {
			if err := b.Eval(want, &mid); err != nil || mid == "" {
				return fmt.Errorf("no slot, %v", err)
			}
			return nil
		})
		if slot == "" {
			slot = mid
		}
		if mid != slot {
			t.Fatalf("%s is in slot %s, the one before in %s", p.name, mid, slot)
		}
		b.Sees(patience, testkit.TileOf(p.name, "camera"), p.camera)
		t.Logf("%s is there after %v", p.name, time.Since(began).Round(time.Millisecond))
	}
}
