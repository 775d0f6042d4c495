package reach

import (
	"fmt"
	"strings"
	"testing"

	"github.com/meetcast/meetcast/tests/testkit"
)

// onlyServers lets a page use no ICE server but those whose URL a JavaScript
// expression of url accepts, so that a test can prove one way at a time.
func onlyServers(condition string) string {
	return fmt.Sprintf(`(() => {
		const only = (c) => c && {...c, iceServers: (c.iceServers ?? []).map((s) => ({...s, urls: s.urls.filter((url) => %s)})).filter((s) => s.urls.length)};
		const Real = window.RTCPeerConnection;
		window.__peers = [];
		window.RTCPeerConnection = class extends Real {
			constructor(c) { super(only(c)); window.__peers.push(this);
				this.addEventListener("icecandidateerror", (e) => console.warn("ICE", e.url, e.errorCode, e.errorText)); }
			setConfiguration(c) { super.setConfiguration(only(c)); }
		};
	})()`, condition)
}

// selected is a JavaScript expression: the path in use as "local type/protocol of
// the way to the relay/protocol", or "" while there is none.
const selected = `(async () => {
	for (const pc of window.__peers ?? []) {
		const all = new Map(await pc.getStats());
		for (const s of all.values()) {
			if (s.type !== "candidate-pair" || s.state !== "succeeded" || !s.nominated) continue;
			const l = all.get(s.localCandidateId), r = all.get(s.remoteCandidateId);
			if (l && r) return [l.candidateType, l.relayProtocol ?? "-", l.protocol, r.address ?? ""].join("/");
		}
	}
	return "";
})()`

// takes waits until a page's media takes a path with this in it.
func takes(t *testing.T, b *testkit.Browser, part string) {
	t.Helper()
	testkit.Until(t, patience, "media goes by "+part, func() error {
		var path string
		if err := b.Eval(selected, &path); err != nil {
			return err
		}
		if !strings.Contains(path, part) {
			return fmt.Errorf("it goes by %q", path)
		}
		return nil
	})
}

// by is a browser of somebody whose media takes one way.
type by struct {
	name   string
	camera testkit.Camera
	only   string // condition on the URLs of ICE servers
	want   string // beginning of the path
}

// TestRelay: media by the embedded TURN server over UDP, over TCP, and on the port
// of the pages; and over TLS, on its own port and on that of the pages. Everybody's
// picture goes up by relay and comes down by relay.
func TestRelay(t *testing.T) {
	pagePort := `url.includes(":" + location.port + "?")`
	t.Run("plain", func(t *testing.T) {
		server := testkit.StartServer(t, testkit.ServerOptions{})
		meet(t, server,
			by{"Ann", testkit.Camera{Colour: testkit.Red, FirstCode: 0}, `url.endsWith("=udp")`, "relay/udp/"},
			by{"Bob", testkit.Camera{Colour: testkit.Green, FirstCode: 500}, `url.endsWith("=tcp") && !` + pagePort, "relay/tcp/"},
			by{"Cid", testkit.Camera{Colour: testkit.Blue, FirstCode: 1000}, pagePort, "relay/tcp/"})
	})
	t.Run("tls", func(t *testing.T) {
		server := testkit.StartServer(t, testkit.ServerOptions{TLS: testkit.NewCertificate(t, "localhost")})
		meet(t, server,
			by{"Ann", testkit.Camera{Colour: testkit.Red, FirstCode: 0}, `url.startsWith("turns:") && !` + pagePort, "relay/tls/"},
			by{"Bob", testkit.Camera{Colour: testkit.Green, FirstCode: 500}, `url.startsWith("turns:") && ` + pagePort, "relay/tls/"})
	})
}

// meet lets everybody join and see the one before.
func meet(t *testing.T, server *testkit.Server, people ...by) {
	room := server.CreateRoom(t, "relay")
	browsers := make([]*testkit.Browser, len(people))
	for i, p := range people {
		browsers[i] = testkit.StartBrowser(t, testkit.BrowserOptions{
			Camera: &p.camera, Flags: map[string]any{"ignore-certificate-errors": true}, Script: onlyServers(p.only),
		})
		token := room.Token
		if i > 0 {
			token = room.Invite(t, false)
		}
		browsers[i].Open(room.RelayURL(token, p.name))
		browsers[i].WaitFor(patience, testkit.Control("leave"))
		takes(t, browsers[i], p.want)
	}
	for i, b := range browsers {
		other := people[(i+1)%len(people)]
		b.Sees(patience, testkit.TileOf(other.name, "camera"), other.camera)
		picture(t, b, "relay")
	}
}
