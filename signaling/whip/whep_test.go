package whip

import (
	"net/http"
	"testing"
	"time"

	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"

	"github.com/meetcast/meetcast/internal/unittest"
	"github.com/meetcast/meetcast/sfu/packet"
	"github.com/meetcast/meetcast/sfu/room"
	"github.com/meetcast/meetcast/sfu/track"
	"github.com/meetcast/meetcast/sfu/track/tracktest"
)

// TestViewer: it sees one participant, is seen by nobody, and its session ends
// with the participant.
func TestViewer(t *testing.T) {
	w := newWorld(t)
	_, people := w.inhabit()
	encoder := newClient(w)
	encoder.publish("/whip/acme/standup?name=Stage")
	people.until(t, "it publishes", "Stage", func(m *track.MemberView) bool { return m != nil && len(m.Tracks) == 2 })
	viewer := newClient(w)
	viewer.receive("/whep/acme/standup/stage")
	viewer.connected()
	viewer.plays()
	if n := len(people.now().Members); n != 2 {
		t.Errorf("%d members are seen", n)
	}
	if s := w.server.Stats(); s.Viewers != 1 || s.Publishers != 1 {
		t.Errorf("stats %+v", s)
	}
	if r := w.call(http.MethodDelete, encoder.location, ""); r.status != http.StatusOK {
		t.Fatalf("delete: %d %s", r.status, r.body)
	}
	unittest.Until(t, "the viewer's session ends", func() bool { return w.server.Stats().Viewers == 0 })
	if r := w.call(http.MethodPatch, viewer.location, "a=end-of-candidates\r\n", isFra, "If-Match: *"); r.status != http.StatusNotFound {
		t.Errorf("patch: %d %s", r.status, r.body)
	}
}

// TestViewerComesFirst: who is not sending yet is played when it does.
func TestViewerComesFirst(t *testing.T) {
	w := newWorld(t)
	w.inhabit()
	var id track.MemberID
	bob, err := w.rooms.Join(t.Context(), "acme/standup", room.Identity{Name: "Bob"}, ann{})
	if err != nil {
		t.Fatal(err)
	}
	id = bob.ID()
	viewer := newClient(w)
	viewer.receive("/whep/acme/standup/" + string(id))
	viewer.connected()
	up := tracktest.NewUpTrack(track.Info{ID: "late", Member: id, Source: track.Microphone})
	bob.Publish(up)
	stop := feed(up, packet.Opus, []byte{0xfc, 1, 2})
	defer stop()
	unittest.Until(t, "the sound comes", func() bool { return viewer.received(webrtc.RTPCodecTypeAudio) > 5 })
	bob.SetMuted(track.Microphone, true)
	unittest.Until(t, "silence", func() bool { return len(up.Downs()) == 0 })
	bob.Leave()
	unittest.Until(t, "the session ends", func() bool { return w.server.Stats().Viewers == 0 })
}

// TestViewerIsRemoved: a revoked token ends the session within Recheck.
func TestViewerIsRemoved(t *testing.T) {
	w := newWorld(t, func(c *Config, _ *room.Config) { c.Recheck = 20 * time.Millisecond })
	w.inhabit()
	viewer := newClient(w)
	viewer.receive("/whep/acme/standup/Ann")
	viewer.connected()
	w.tokens.revoke("bob")
	unittest.Until(t, "the session ends", func() bool { return w.server.Stats().Viewers == 0 })
}

// TestProgramme: anybody may watch it while it is on air.
func TestProgramme(t *testing.T) {
	w := newWorld(t)
	picture := tracktest.NewUpTrack(track.Info{ID: "picture", Source: track.Camera})
	sound := tracktest.NewUpTrack(track.Info{ID: "sound", Source: track.Microphone})
	on := w.shows.set(picture, sound)
	defer feed(picture, packet.VP8, keyFrame)()
	defer feed(sound, packet.Opus, []byte{0xfc, 1, 2})()
	viewer := newClient(w)
	viewer.receive("/whep/show")
	viewer.connected()
	viewer.plays()
	viewer.lose()
	if w.shows.viewers() != 1 || w.server.Stats().Viewers != 1 {
		t.Errorf("%d viewers, stats %+v", w.shows.viewers(), w.server.Stats())
	}
	close(on.done)
	unittest.Until(t, "the session ends", func() bool { return w.shows.viewers() == 0 })
}

// feed pushes packets into a track until stop is called, which waits.
func feed(up *tracktest.FakeUpTrack, codec packet.Codec, payload []byte) (stop func()) {
	quit, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for n := uint32(1); ; n++ {
			select {
			case <-quit:
				return
			case <-tick.C:
			}
			p := &packet.Packet{Header: rtp.Header{Version: 2, SSRC: 7, SequenceNumber: uint16(n), Timestamp: n * 1800, Marker: true},
				Arrival: time.Now(), Codec: codec, FrameStart: true, KeyFrame: codec == packet.VP8}
			if p.Payload = payload; codec == packet.VP8 {
				p.Payload = append([]byte{0x10}, payload...)
				p.Descriptor.HeaderLen = 1
			}
			up.Push(p)
		}
	}()
	return func() { close(quit); <-done }
}
