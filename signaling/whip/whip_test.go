package whip

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/pion/webrtc/v4"

	"github.com/meetcast/meetcast/internal/unittest"
	"github.com/meetcast/meetcast/sfu/room"
	"github.com/meetcast/meetcast/sfu/track"
)

// TestEncoderIsAMember: it has a name, publishes, is muted and leaves like others.
func TestEncoderIsAMember(t *testing.T) {
	w := newWorld(t)
	ann, people := w.inhabit()
	c := newClient(w)
	c.publish("/whip/acme/standup?name=%20Stage%00%20left%20")
	if !strings.HasPrefix(c.location, whipSession) || !strings.HasPrefix(c.etag, `"`) {
		t.Errorf("location %q, etag %q", c.location, c.etag)
	}
	c.connected()
	var id track.MemberID
	people.until(t, "it publishes", "Stage left", func(m *track.MemberView) bool {
		if m == nil || len(m.Tracks) != 2 {
			return false
		}
		id = m.ID
		_, mic := m.Track(track.Microphone)
		_, cam := m.Track(track.Camera)
		return mic && cam && !m.Moderator
	})
	if err := ann.MuteOther(id, track.Camera); err != nil {
		t.Fatal(err)
	}
	people.until(t, "the mute is shown", "Stage left", func(m *track.MemberView) bool { return m != nil && m.Muted[track.Camera] })
	if r := w.call(http.MethodDelete, c.location, "", `If-Match: "old"`); r.status != http.StatusOK {
		t.Errorf("delete: %d %s", r.status, r.body)
	}
	people.until(t, "it is gone", "Stage left", func(m *track.MemberView) bool { return m == nil })
	if r := w.call(http.MethodDelete, c.location, ""); r.status != http.StatusNotFound {
		t.Errorf("delete again: %d %s", r.status, r.body)
	}
	if s := w.server.Stats(); s.Opened != 1 || s.Publishers != 0 || s.Lost != 0 {
		t.Errorf("stats %+v", s)
	}
}

// TestPassiveEncoder: we open DTLS to an encoder that waits for it.
func TestPassiveEncoder(t *testing.T) {
	w := newWorld(t)
	_, people := w.inhabit()
	c := newClient(w)
	c.passive = true
	c.publish("/whip/acme/standup")
	c.connected()
	people.until(t, "it publishes", encoderName, func(m *track.MemberView) bool { return m != nil && len(m.Tracks) == 2 })
}

// TestScreen: ?source=screen publishes a screen and its sound.
func TestScreen(t *testing.T) {
	w := newWorld(t)
	_, people := w.inhabit()
	newClient(w).publish("/whip/acme/standup?source=screen")
	people.until(t, "it publishes a screen", encoderName, func(m *track.MemberView) bool {
		if m == nil {
			return false
		}
		_, picture := m.Track(track.Screen)
		_, sound := m.Track(track.ScreenAudio)
		return picture && sound
	})
}

// TestKick: a moderator ends the session.
func TestKick(t *testing.T) {
	w := newWorld(t)
	ann, people := w.inhabit()
	c := newClient(w)
	c.publish("/whip/acme/standup")
	c.connected()
	var id track.MemberID
	people.until(t, "it is there", encoderName, func(m *track.MemberView) bool {
		if m != nil {
			id = m.ID
		}
		return m != nil
	})
	if err := ann.Kick(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	unittest.Until(t, "the session ends", func() bool { return w.server.Stats().Publishers == 0 })
	unittest.Until(t, "the transport ends", func() bool { return c.pc.ConnectionState() != webrtc.PeerConnectionStateConnected })
	if r := w.call(http.MethodPost, "/whip/acme/standup", golden(t, "obs"), isSDP, asBob); r.status != http.StatusForbidden {
		t.Errorf("back again: %d %s", r.status, r.body)
	}
}

// TestNeverConnected: an encoder whose media does not come leaves by itself.
func TestNeverConnected(t *testing.T) {
	w := newWorld(t, func(c *Config, _ *room.Config) { c.ConnectTimeout = 100 * time.Millisecond })
	_, people := w.inhabit()
	r := w.call(http.MethodPost, "/whip/acme/standup", golden(t, "obs"), isSDP, asBob)
	if r.status != http.StatusCreated {
		t.Fatalf("%d %s", r.status, r.body)
	}
	people.until(t, "it is gone", encoderName, func(m *track.MemberView) bool { return m == nil })
	unittest.Until(t, "the session ends", func() bool { return w.server.Stats().Lost == 1 })
}

// TestTrickle: the rules of RFC 9725 §4.3.1.
func TestTrickle(t *testing.T) {
	w := newWorld(t)
	offer := golden(t, "obs")
	r := w.call(http.MethodPost, "/whip/acme/standup", offer, isSDP, asBob)
	at, etag := r.header.Get("Location"), r.header.Get("ETag")
	const own = "a=ice-ufrag:jbHz\r\na=ice-pwd:R4Pqvi5lNDnTPJEKNcBQKm\r\n"
	const candidates = "m=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:0\r\n" +
		"a=candidate:2 1 UDP 1686052863 192.0.2.7 49921 typ srflx raddr 192.168.1.20 rport 49921\r\na=end-of-candidates\r\n"
	for name, c := range map[string]struct {
		body, match, kind string
		status            int
	}{
		"candidates":      {own + candidates, etag, isFra, 204},
		"no credentials":  {candidates, etag, isFra, 204},
		"nothing":         {"a=end-of-candidates\r\n", etag, isFra, 204},
		"no candidate":    {own + "m=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:0\r\na=candidate:what\r\n", etag, isFra, 204},
		"any, same ICE":   {own + candidates, "*", isFra, 204},
		"no If-Match":     {own + candidates, "", isFra, 428},
		"old ETag":        {own + candidates, `"old"`, isFra, 412},
		"weak ETag":       {own + candidates, "W/" + etag, isFra, 412},
		"no fragment":     {"hello", etag, isFra, 400},
		"too many":        {strings.Repeat("a=candidate:1\r\n", maxCandidates+1), etag, isFra, 400},
		"oversize":        {strings.Repeat("a=x\r\n", maxFragment), etag, isFra, 413},
		"wrong type":      {own + candidates, etag, isSDP, 415},
		"half a restart":  {"a=ice-ufrag:next\r\n", "*", isFra, 400},
		"bad credentials": {"a=ice-ufrag:ne xt\r\na=ice-pwd:R4Pqvi5lNDnTPJEKNcBQKm\r\n", "*", isFra, 400},
	} {
		headers := []string{c.kind}
		if c.match != "" {
			headers = append(headers, "If-Match: "+c.match)
		}
		if r := w.call(http.MethodPatch, at, c.body, headers...); r.status != c.status {
			t.Errorf("%s: %d %s, want %d", name, r.status, r.body, c.status)
		}
	}
	limited := false
	for range 2 * patchBurst {
		limited = limited || w.call(http.MethodPatch, at, own, isFra, "If-Match: "+etag).status == http.StatusTooManyRequests
	}
	if !limited {
		t.Error("nothing limits how fast candidates come")
	}
}

// TestRestart: ICE restarts by PATCH; the media goes on and the member stays.
func TestRestart(t *testing.T) {
	w := newWorld(t)
	_, people := w.inhabit()
	c := newClient(w)
	c.publish("/whip/acme/standup")
	c.connected()
	var before track.MemberView
	people.until(t, "it publishes", encoderName, func(m *track.MemberView) bool {
		if m != nil {
			before = *m
		}
		return m != nil && len(m.Tracks) == 2
	})
	r := w.call(http.MethodPatch, c.location, c.restart(), isFra, "If-Match: *")
	if r.status != http.StatusOK || r.header.Get("Content-Type") != typeFragment || r.header.Get("ETag") == c.etag || r.header.Get("ETag") == "" {
		t.Fatalf("%d %v %s", r.status, r.header, r.body)
	}
	if old := w.call(http.MethodPatch, c.location, "a=end-of-candidates\r\n", isFra, "If-Match: "+c.etag); old.status != http.StatusPreconditionFailed {
		t.Errorf("the old ETag: %d %s", old.status, old.body)
	}
	c.restarted(r.body)
	unittest.Until(t, "ICE is there again", func() bool {
		s := c.pc.ICEConnectionState()
		return s == webrtc.ICEConnectionStateConnected || s == webrtc.ICEConnectionStateCompleted
	})
	up, _ := before.Track(track.Camera)
	unittest.Until(t, "media comes", func() bool { return up.Layers()[0].Active })
	people.until(t, "it is the same member", encoderName, func(m *track.MemberView) bool {
		return m != nil && m.ID == before.ID && len(m.Tracks) == 2 && m.Tracks[0] == before.Tracks[0]
	})
	if s := w.server.Stats(); s.Restarts != 1 || s.Opened != 1 {
		t.Errorf("stats %+v", s)
	}
}
