package signaling

import (
	"net/http"
	"testing"

	"github.com/gorilla/websocket"

	"github.com/meetcast/meetcast/internal/unittest"
	"github.com/meetcast/meetcast/sfu/room"
	"github.com/meetcast/meetcast/signaling/wire"
)

func TestAdmission(t *testing.T) {
	a := newAdmission(2)
	enter := func(remote string, want admitted) func() {
		t.Helper()
		got, leave := a.enter(remote)
		if got != want {
			t.Errorf("%s: %d, want %d", remote, got, want)
		}
		return leave
	}
	first := enter("192.0.2.1:1", admittedToJoin)
	enter("192.0.2.1:2", admittedToJoin)
	enter("192.0.2.2:1", admittedToJoin)
	enter("[::ffff:192.0.2.1]:3", admittedToHear) // the same address
	enter("192.0.2.1:4", admittedToHear)
	enter("192.0.2.1:5", refused)()
	first()
	first() // counts once
	enter("192.0.2.1:6", admittedToHear)
	enter("[2001:db8::1]:1", admittedToJoin)
	enter("[2001:db8::2]:1", admittedToJoin)()
	enter("[2001:db8::3]:1", admittedToJoin)
	enter("[2001:db8::4]:1", admittedToHear) // the same network
	enter("[2001:db8:0:1::1]:1", admittedToJoin)
	enter("[fe80::1%eth0]:1", admittedToJoin)
	enter("nowhere", admittedToJoin)
}

func TestUnjoinedSocketsOfOneAddress(t *testing.T) {
	w := newWorld(t, func(c *Config, _ *room.Config) { c.MaxUnjoined = 3 })
	var first *page
	for range 3 {
		if p := w.dial(); first == nil {
			first = p
		}
	}
	many := w.dial()
	if code, e := many.closed(); code != wire.CloseRate || e.Code != wire.CodeRate {
		t.Errorf("one too many was closed with %d after %+v", code, e)
	}
	// Whoever joins makes room for another, and counts no more.
	first.hello(wire.Join{Version: wire.Version, Token: "acme/standup ada mod", Name: "ada"})
	unittest.Until(t, "another may join", func() bool {
		p := w.dial()
		p.send(wire.Join{Head: wire.Head{Type: wire.TypeJoin}, Version: wire.Version, Token: "acme/standup bob user", Name: "bob"})
		head, _, err := p.read()
		return err == nil && head.Type == wire.TypeJoined
	})
	for range 4 { // they do not read, so that they stay
		conn, _, err := websocket.DefaultDialer.Dial(w.url, nil)
		if err == nil {
			t.Cleanup(func() { conn.Close() })
		}
	}
	_, resp, err := websocket.DefaultDialer.Dial(w.url, nil)
	if err == nil || resp == nil || resp.StatusCode != http.StatusTooManyRequests {
		t.Errorf("far too many: %v, %v", resp, err)
	}
	if s := w.server.Stats(); s.Crowded < 2 {
		t.Errorf("stats %+v", s)
	}
}
