//go:build bench

package bench

import (
	"testing"

	"github.com/meetcast/meetcast/tests/testkit"
)

// benchLatencyWHEP: as latency, to a viewer on the player page over WebRTC. What
// the page itself says is printed beside what was seen.
func benchLatencyWHEP(t *testing.T) {
	server := testkit.StartServer(t, full)
	room := server.CreateRoom(t, "latency")
	camera := testkit.Camera{Width: 640, Height: 360, FPS: 30, Colour: testkit.Green, Duration: film}
	sender := testkit.StartBrowser(t, testkit.BrowserOptions{Camera: &camera, Microphone: &testkit.Microphone{Frequency: 440}})
	sender.Open(room.JoinURL(room.Token, "Ann"))
	sender.WaitFor(patience, testkit.Control("leave"))
	sender.Click(testkit.Control("broadcast-toggle"))
	sender.Click(testkit.Control("broadcast-start"))
	sender.WaitFor(patience, testkit.Control("mark-live"))
	watch(t, sender, testkit.TileOf("Ann", "camera"))

	viewer := testkit.StartBrowser(t, testkit.BrowserOptions{})
	viewer.Open(room.PlayerURL() + "&transport=whep")
	viewer.Wait(patience, "the player plays", `window.meetcastPlayer?.state === "playing"`)
	seen(t, "latency_whep", sender, viewer, "video")
	var says float64
	if err := viewer.Eval("window.meetcastPlayer.latencyMs", &says); err != nil {
		t.Fatal(err)
	}
	figure("latency_whep_said_ms", says, "ms")
}
