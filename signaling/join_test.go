package signaling

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/meetcast/meetcast/internal/unittest"
	"github.com/meetcast/meetcast/sfu/room"
	"github.com/meetcast/meetcast/sfu/track"
	"github.com/meetcast/meetcast/signaling/wire"
)

func TestJoinAndLateJoin(t *testing.T) {
	w := newWorld(t)
	ada := w.join("ada", "mod")
	j := ada.joined
	if j.Version != wire.Version || j.Self == "" || j.Resume == "" || j.Resumed || !j.Moderator ||
		j.Room.Name != "acme/standup" || j.Room.StreamName != "STREAM" || len(j.Participants) != 1 ||
		j.AudioSlots != DefaultAudioSlots || j.MaxVideoSlots != DefaultMaxVideoSlots ||
		j.Broadcast.Status != wire.BroadcastIdle || len(j.ICEServers) != 1 || j.Chat == nil {
		t.Errorf("joined %+v", j)
	}
	if e := ada.ask(wire.TypeChat, `"text":"hello"`); e != nil {
		t.Fatal(e)
	}
	if e := ada.ask(wire.TypeHand, `"raised":true`); e != nil {
		t.Fatal(e)
	}
	ada.offer("slots=v", track.Camera)

	var seen wire.Participants
	ada.until(wire.TypeParticipants, &seen, func() bool { return len(seen.Updated) == 1 && seen.Updated[0].Sources["camera"] == "on" })

	bob := w.join("bob", "user")
	if p := bob.joined.Participants; len(p) != 2 || p[0].ID != j.Self || p[0].Name != "ada" || !p[0].Moderator ||
		p[0].Hand == 0 || p[0].Sources["camera"] != "on" || bob.joined.Moderator {
		t.Errorf("bob sees %+v", p)
	}
	if c := bob.joined.Chat; len(c) != 1 || c[0].Text != "hello" || c[0].From != j.Self || c[0].At == 0 {
		t.Errorf("bob reads %+v", c)
	}
	ada.until(wire.TypeParticipants, &seen, func() bool { return len(seen.Joined) == 1 && seen.Joined[0].ID == bob.joined.Self })
	bob.post(wire.TypeLeave, "")
	if code, _ := bob.closed(); code != 1000 {
		t.Errorf("leaving closed with %d", code)
	}
	ada.until(wire.TypeParticipants, &seen, func() bool {
		return len(seen.Left) == 1 && seen.Left[0] == wire.Left{ID: bob.joined.Self, Reason: "left"}
	})
	unittest.Until(t, "bob's session ends", func() bool { return w.server.Stats().Sessions == 1 })
}

func TestJoinRefused(t *testing.T) {
	w := newWorld(t)
	good := `"version":1,"name":"x","token":"acme/standup t user"`
	for name, c := range map[string]struct {
		message string
		close   int
		code    string
		says    string
	}{
		"not json":        {`hello`, wire.CloseBadMessage, wire.CodeBadRequest, "JSON"},
		"another message": {`{"type":"ping"}`, wire.CloseBadMessage, wire.CodeBadRequest, "join"},
		"unknown message": {`{"type":"dance"}`, wire.CloseBadMessage, wire.CodeBadRequest, "type"},
		"wrong field":     {`{"type":"join","version":"one"}`, wire.CloseBadMessage, wire.CodeBadRequest, "version"},
		"wrong version":   {`{"type":"join","version":99,"token":"acme/standup t user"}`, wire.CloseBadMessage, wire.CodeBadRequest, "version"},
		"no token":        {`{"type":"join","version":1}`, wire.CloseUnauthorized, wire.CodeUnauthorized, "not valid"},
		"bad token":       {`{"type":"join","version":1,"token":"forged"}`, wire.CloseUnauthorized, wire.CodeUnauthorized, "not valid"},
		"endless token":   {`{"type":"join","version":1,"token":"` + strings.Repeat("x", maxToken+1) + `"}`, wire.CloseUnauthorized, wire.CodeUnauthorized, "long"},
		"expired token":   {`{"type":"join","version":1,"token":"acme/standup t expired"}`, wire.CloseUnauthorized, wire.CodeUnauthorized, "expired"},
		"broken verifier": {`{"type":"join","version":1,"token":"acme/standup t broken"}`, wire.CloseInternal, wire.CodeInternal, "went wrong"},
		"another room":    {`{"type":"join",` + good + `,"room":"acme/board"}`, wire.CloseUnauthorized, wire.CodeUnauthorized, "another room"},
		"unknown secret":  {`{"type":"join",` + good + `,"resume":"c2VjcmV0"}`, wire.CloseGone, wire.CodeNotFound, "Join again"},
		"too large":       {`{"type":"join",` + good + `,"x":"` + strings.Repeat("x", wire.MaxMessage) + `"}`, wire.CloseBadMessage, wire.CodeBadRequest, "too large"},
	} {
		t.Run(name, func(t *testing.T) {
			p := w.dial()
			p.t = t
			p.sendText(c.message)
			code, e := p.closed()
			if code != c.close || e.Code != c.code || !strings.Contains(e.Message, c.says) {
				t.Errorf("closed with %d after %q: %q; want %d, %q saying %q", code, e.Code, e.Message, c.close, c.code, c.says)
			}
		})
	}
	if s := w.server.Stats(); s.NotJoined != 13 || s.Joined != 0 {
		t.Errorf("stats %+v", s)
	}
	for _, name := range []string{"acme/standup", "standup", ""} {
		w.dial().hello(wire.Join{Version: 1, Token: "acme/standup t user", Room: name})
	}
}

func TestBinaryJoinRefused(t *testing.T) {
	p := newWorld(t).dial()
	_ = p.conn.WriteMessage(websocket.BinaryMessage, []byte("{}"))
	if code, e := p.closed(); code != wire.CloseBadMessage || e.Code != wire.CodeBadRequest {
		t.Errorf("closed with %d after %+v", code, e)
	}
}

func TestNoJoinInTime(t *testing.T) {
	p := newWorld(t, func(c *Config, _ *room.Config) { c.JoinTimeout = 20 * time.Millisecond }).dial()
	if code, e := p.closed(); code != wire.CloseTimeout || e.Message == "" {
		t.Errorf("closed with %d after %+v", code, e)
	}
}

func TestRoomFull(t *testing.T) {
	w := newWorld(t, func(_ *Config, r *room.Config) { r.MaxMembers = 1; r.MaxRooms = 1 })
	w.join("ada", "mod")
	for _, name := range []string{"acme/standup", "acme/other"} {
		p := w.dial()
		p.send(wire.Join{Head: wire.Head{Type: wire.TypeJoin}, Version: 1, Token: name + " bob user"})
		if code, e := p.closed(); code != wire.CloseFull || e.Code != wire.CodeUnavailable {
			t.Errorf("%s: closed with %d after %+v", name, code, e)
		}
	}
}

func TestServerFull(t *testing.T) {
	w := newWorld(t, func(c *Config, _ *room.Config) { c.MaxSockets = 1 })
	w.join("ada", "mod")
	_, resp, err := websocket.DefaultDialer.Dial(w.url, nil)
	if err == nil || resp == nil || resp.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("second socket: %v %v", err, resp)
	}
}

func TestNamesAreCleaned(t *testing.T) {
	w := newWorld(t)
	for in, want := range map[string]string{
		"  Ada \t\n Lovelace ":   "Ada Lovelace",
		"\x00\x1b[31mred":        "[31mred",
		"":                       "Guest",
		"\u202e\u200b ":          "Guest",
		strings.Repeat("ü", 200): strings.Repeat("ü", wire.MaxName),
		"👩\u200d💻":               "👩\u200d💻",
	} {
		p := w.dial()
		p.hello(wire.Join{Version: 1, Token: "acme/n" + t.Name() + " x user", Name: in})
		for _, o := range p.joined.Participants {
			if o.ID == p.joined.Self && o.Name != want {
				t.Errorf("%q became %q, want %q", in, o.Name, want)
			}
		}
	}
}

func TestShutdown(t *testing.T) {
	w := newWorld(t)
	ada := w.join("ada", "mod")
	ada.offer("slots=av")
	idle := w.dial() // never joins
	done := make(chan struct{})
	go func() {
		defer close(done)
		w.server.Close()
		w.server.Close()
	}()
	if code, _ := ada.closed(); code != 1001 {
		t.Errorf("closed with %d", code)
	}
	if code, _ := idle.closed(); code != 1001 {
		t.Errorf("closed with %d", code)
	}
	<-done
	if s := w.server.Stats(); s.Sessions != 0 || s.Sockets != 0 {
		t.Errorf("stats %+v", s)
	}
	if _, resp, err := websocket.DefaultDialer.Dial(w.url, nil); err == nil || resp.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("dial after Close: %v", err)
	}
}
