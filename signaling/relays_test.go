package signaling

import (
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/meetcast/meetcast/sfu/room"
	"github.com/meetcast/meetcast/sfu/track"
	"github.com/meetcast/meetcast/signaling/wire"
)

// TestRelays: each member gets relays of its own, named as its socket reached us,
// and fresh ones when it resumes over another socket.
func TestRelays(t *testing.T) {
	var sockets atomic.Int64
	w := newWorld(t, func(c *Config, _ *room.Config) {
		c.Relays = func(r *http.Request) func(track.MemberID) []wire.ICEServer {
			host, n := r.Host, sockets.Add(1)
			return func(id track.MemberID) []wire.ICEServer {
				return []wire.ICEServer{{URLs: []string{"turn:" + host}, Username: string(id), Credential: strconv.FormatInt(n, 10)}}
			}
		}
	})
	host := strings.TrimSuffix(strings.TrimPrefix(w.url, "ws://"), wire.Path)
	ada, bob := w.join("ada", "mod"), w.join("bob", "user")
	for i, p := range []*page{ada, bob} {
		list := p.joined.ICEServers
		if len(list) != 2 || list[0].URLs[0] != "stun:192.0.2.1" || list[1].URLs[0] != "turn:"+host ||
			list[1].Username != p.joined.Self || list[1].Credential != strconv.Itoa(i+1) {
			t.Errorf("page %d got %+v", i, list)
		}
	}
	again := w.dial()
	again.hello(wire.Join{Version: wire.Version, Resume: ada.joined.Resume})
	if list := again.joined.ICEServers; !again.joined.Resumed || len(list) != 2 || list[1].Credential != "3" {
		t.Errorf("after the resume %+v", list)
	}
}
