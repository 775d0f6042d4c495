package e2e

import (
	"fmt"
	"strings"
	"testing"

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
	}{{"", "video/VP9", true}, {"av1", "video/AV1", true}, {"vp8", "video/VP8", false}}
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
}
