package reach

import (
	"fmt"
	"strings"
	"testing"

	"github.com/meetcast/meetcast/tests/testkit"
)

// nowhere is an address that nobody has (RFC 5737).
const nowhere = "198.51.100.1"

// TestNoMedia: where media cannot flow the page says so, with the steps that fail
// and what to do, on large windows and small ones.
func TestNoMedia(t *testing.T) {
	t.Parallel() // it mostly waits until connections fail
	server := testkit.StartServer(t, testkit.ServerOptions{Env: map[string]string{
		"MEETCAST_RTC_ADVERTISED_IPS": nowhere + ",2001:db8::1", "MEETCAST_RTC_LOOPBACK": "false", "MEETCAST_TURN_ENABLED": "false",
	}})
	room := server.CreateRoom(t, "nowhere")
	for name, size := range map[string][2]int{"no-media-wide": {1440, 900}, "no-media-narrow": {390, 844}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			camera := annCamera
			b := testkit.StartBrowser(t, testkit.BrowserOptions{Camera: &camera, Width: size[0], Height: size[1]})
			b.Open(room.JoinURL(room.Invite(t, false), "Ann"))
			b.WaitFor(patience, testkit.Control("no-media"))
			for step, state := range map[string]string{"signaling": "ok", "udp": "failed", "tcp": "failed", "relay": "none"} {
				b.WaitFor(patience, fmt.Sprintf(`[data-step=%q][data-state=%q]`, step, state))
			}
			picture(t, b, name)
			text := b.Text(testkit.Control("no-media"))
			for _, want := range []string{fmt.Sprintf("%s:%d", nowhere, server.RTCPort), "rtc.advertised_ips", "turn.enabled"} {
				if !strings.Contains(text, want) {
					t.Errorf("the page does not say %q: %s", want, text)
				}
			}
			var over float64
			if err := b.Eval(`document.documentElement.scrollWidth - innerWidth`, &over); err != nil || over > 0 {
				t.Errorf("the page is %v px too wide: %v", over, err)
			}
			b.Click(testkit.Control("no-media-hide"))
			b.Wait(patience, "the panel goes", `!__testkit.one('[data-testid="no-media"]')`)
		})
	}
}

// TestRelayWhenNothingElseWorks: with the same unreachable address, a server with
// its relay is met by the page on its own.
func TestRelayWhenNothingElseWorks(t *testing.T) {
	t.Parallel() // it mostly waits until connections fail
	server := testkit.StartServer(t, testkit.ServerOptions{Env: map[string]string{
		"MEETCAST_RTC_ADVERTISED_IPS": nowhere + ",2001:db8::1", "MEETCAST_RTC_LOOPBACK": "false",
	}})
	room := server.CreateRoom(t, "relayed")
	camera := annCamera
	ann := testkit.StartBrowser(t, testkit.BrowserOptions{Camera: &camera, Script: onlyServers("true")})
	ann.Open(room.JoinURL(room.Token, "Ann"))
	ann.WaitFor(patience, testkit.Control("leave"))
	takes(t, ann, "relay/")
	bob := testkit.StartBrowser(t, testkit.BrowserOptions{})
	bob.Open(room.JoinURL(room.Invite(t, false), "Bob"))
	bob.Sees(patience, testkit.TileOf("Ann", "camera"), annCamera)
	bob.Wait(patience, "no panel stays", `!__testkit.one('[data-testid="no-media"]')`)
}
