package signaling

import (
	"slices"
	"testing"

	"github.com/meetcast/meetcast/sfu/track"
	"github.com/meetcast/meetcast/signaling/wire"
)

// TestLayers: the publisher's page is told what is watched, once for each
// change, and again when it resumes.
func TestLayers(t *testing.T) {
	w := newWorld(t)
	ada := w.join("ada", "mod")
	peer := ada.offer("slots=", track.Camera)
	camera := peer.published[track.Camera]
	wanted := func(rids ...string) { peer.cfg.Handler.LayersWanted(camera.Info().ID, rids) }
	told := func(p *page, want ...string) {
		t.Helper()
		var m wire.Layers
		p.expect(wire.TypeLayers, &m)
		if m.Source != string(track.Camera) || !slices.Equal(m.Active, want) {
			t.Errorf("told %+v, want %q", m, want)
		}
	}
	wanted("q")
	told(ada, "q")
	wanted("q") // nothing new
	wanted()
	told(ada)
	peer.cfg.Handler.LayersWanted("of nobody", []string{"f"})

	ada.conn.NetConn().Close()
	wanted("q", "f") // lost with the socket
	again := w.dial()
	again.hello(wire.Join{Version: wire.Version, Resume: ada.joined.Resume})
	told(again, "q", "f")

	// What is published anew is wanted as a whole until something else is told.
	peer.cfg.Handler.Unpublished(camera.Info().ID)
	peer.cfg.Handler.Published(camera)
	wanted("q", "f")
	told(again, "q", "f")
}
