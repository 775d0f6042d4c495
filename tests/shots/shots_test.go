//go:build shots

// Package shots takes the pictures of the documentation from the running
// product: `make screenshots`.
package shots

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/meetcast/meetcast/tests/testkit"
)

const (
	patience = time.Minute
	folder   = "../../docs/images"
)

// cast are participants with quiet, different backgrounds.
var cast = []struct{ name, colours string }{
	{"Amara", "c0=0x1b3a4b:c1=0x3e7c8f:c2=0x9fd3c7"},
	{"Jonas", "c0=0x4a2c40:c1=0x8c5e7a:c2=0xe0b1cb"},
	{"Mei", "c0=0x3d3522:c1=0x8a7444:c2=0xe8d6a2"},
	{"Tomás", "c0=0x1f2f54:c1=0x4a66a8:c2=0xb4c7f0"},
}

func TestMain(m *testing.M) { os.Exit(testkit.Main(m)) }

// film makes a slow gradient with a simple figure as a fake camera.
func film(t *testing.T, colours string, seed int) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "camera.y4m")
	source := fmt.Sprintf("gradients=size=640x360:rate=8:duration=8:speed=0.01:nb_colors=3:seed=%d:%s", seed, colours)
	figure := "geq=lum='if(lt(hypot(X-320,Y-150),62)+lt(hypot((X-320)/1.5,Y-372),125),p(X,Y)*0.35,p(X,Y))':cb='p(X,Y)':cr='p(X,Y)'"
	out, err := exec.Command("ffmpeg", "-v", "error", "-y", "-f", "lavfi", "-i", source, "-vf", "format=yuv420p,"+figure, path).CombinedOutput()
	if err != nil {
		t.Fatalf("ffmpeg: %v\n%s", err, out)
	}
	return path
}

func TestShots(t *testing.T) {
	server := testkit.StartServer(t, testkit.ServerOptions{Env: map[string]string{
		"MEETCAST_BROADCAST_WIDTH": "1280", "MEETCAST_BROADCAST_HEIGHT": "720", "MEETCAST_BROADCAST_VIDEO_KBPS": "2500",
	}})
	room := server.CreateRoom(t, "Product_review")
	var first *testkit.Browser
	for i, p := range cast {
		b := testkit.StartBrowser(t, testkit.BrowserOptions{
			Width: 1440, Height: 900, Microphone: &testkit.Microphone{Frequency: 300, BeepEvery: 2 * time.Second},
			Camera: &testkit.Camera{Colour: testkit.Blue},
			Flags:  map[string]any{"use-file-for-fake-video-capture": film(t, p.colours, i)},
		})
		token := room.Token
		if i > 0 {
			token = room.Invite(t, false)
		} else {
			first = b
		}
		b.Open(room.JoinURL(token, p.name))
		b.WaitFor(patience, testkit.Control("leave"))
	}
	for _, p := range cast[1:] {
		first.Wait(patience, p.name+" is seen", fmt.Sprintf(`document.querySelector('[data-name=%q] video')?.videoWidth > 0`, p.name))
	}
	first.Click(testkit.Control("broadcast-toggle"))
	first.Click(testkit.Control("broadcast-record"))
	first.Click(testkit.Control("broadcast-start"))
	first.WaitFor(patience, testkit.Control("mark-live"))
	player := testkit.StartBrowser(t, testkit.BrowserOptions{Width: 1280, Height: 720})
	player.Open(room.PlayerURL())
	player.Wait(patience, "the player plays", `window.meetcastPlayer?.state === "playing"`)
	time.Sleep(4 * time.Second) // until the latency shown has settled
	shoot(t, first, "meeting")
	shoot(t, player, "player")
	phone := testkit.StartBrowser(t, testkit.BrowserOptions{Width: 390, Height: 844})
	phone.Open(room.JoinURL(room.Invite(t, false), "Phone"))
	phone.Wait(patience, "the phone sees somebody", `document.querySelector('[data-name="Mei"] video')?.videoWidth > 0`)
	shoot(t, phone, "phone")
	phone.Open(server.URL + "/nanomeet-frontend/nanomeet-helper.html")
	shoot(t, phone, "creator-phone")
	player.Open(server.URL + "/nanomeet-frontend/nanomeet-helper.html?bintu.apikey=" + server.APIKey + "&nanomeet.room=Product_review")
	player.Wait(patience, "the key is known", `document.querySelector(".hint.success")`)
	shoot(t, player, "creator")
}

func shoot(t *testing.T, b *testkit.Browser, name string) {
	t.Helper()
	if err := b.Screenshot(filepath.Join(folder, name+".png")); err != nil {
		t.Error(err)
	}
}
