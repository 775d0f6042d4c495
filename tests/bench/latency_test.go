//go:build bench

package bench

import (
	"slices"
	"testing"
	"time"

	"github.com/meetcast/meetcast/tests/testkit"
)

// film is how long the camera's codes do not repeat.
const film = 20 * time.Second

// watched is how long latency is looked at, once everything plays.
const watched = 20 * time.Second

// benchLatency: from the camera, as the sender's own preview shows it, to a
// viewer on the player page. The floor is the meeting: the same picture in
// another participant's page.
func benchLatency(t *testing.T) {
	server := testkit.StartServer(t, full)
	room := server.CreateRoom(t, "latency")
	camera := testkit.Camera{Width: 640, Height: 360, FPS: 30, Colour: testkit.Green, Duration: film}
	sender := testkit.StartBrowser(t, testkit.BrowserOptions{Camera: &camera, Microphone: &testkit.Microphone{Frequency: 440}})
	sender.Open(room.JoinURL(room.Token, "Ann"))
	sender.WaitFor(patience, testkit.Control("leave"))
	sender.Click(testkit.Control("broadcast-toggle"))
	sender.Click(testkit.Control("broadcast-start"))
	sender.WaitFor(patience, testkit.Control("mark-live"))
	own := testkit.TileOf("Ann", "camera")
	watch(t, sender, own)

	// Alone in the room, Ann fills the canvas.
	viewer := testkit.StartBrowser(t, testkit.BrowserOptions{})
	viewer.Open(room.PlayerURL() + "&transport=ws")
	viewer.Wait(patience, "the player plays", `window.meetcastPlayer?.state === "playing"`)
	programme := seen(t, "latency", sender, viewer, "video")
	viewer.Open(room.JoinURL(room.Invite(t, false), "Bob"))
	viewer.Sees(patience, own, camera)
	meeting := seen(t, "meeting_latency", sender, viewer, own)
	figure("latency_floor_ratio", programme/meeting, "ratio")
}

// seen prints how much later a page shows what the sender's shows, and returns
// the median in milliseconds.
func seen(t *testing.T, name string, sender, far *testkit.Browser, selector string) float64 {
	t.Helper()
	watch(t, far, selector)
	time.Sleep(watched)
	list := testkit.Latencies(sights(t, sender), sights(t, far))
	// A code that the sender's page skipped matches one of the film's last round.
	list = slices.DeleteFunc(list, func(d time.Duration) bool { return d > film/2 })
	if len(list) < 20 {
		t.Fatalf("%s: only %d codes were seen at both ends", name, len(list))
	}
	p50 := ms(testkit.Percentile(list, 0.5))
	figure(name+"_p50_ms", p50, "ms")
	figure(name+"_p95_ms", ms(testkit.Percentile(list, 0.95)), "ms")
	return p50
}

func watch(t *testing.T, b *testkit.Browser, selector string) {
	t.Helper()
	if err := b.Watch("code", selector, 0, 0, 1, 1); err != nil {
		t.Fatal(err)
	}
}

func sights(t *testing.T, b *testkit.Browser) []testkit.Sight {
	t.Helper()
	list, err := b.Watched("code")
	if err != nil {
		t.Fatal(err)
	}
	return list
}
