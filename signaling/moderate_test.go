package signaling

import (
	"encoding/json"
	"errors"
	"fmt"
	"testing"

	"github.com/meetcast/meetcast/internal/unittest"
	"github.com/meetcast/meetcast/sfu/track"
	"github.com/meetcast/meetcast/signaling/wire"
)

func TestKickBansTheToken(t *testing.T) {
	w := newWorld(t)
	ada, bob, cy := w.join("ada", "mod"), w.join("bob", "user"), w.join("cy", "user")
	peer := bob.offer("slots=av", track.Camera)
	for name, c := range map[string]struct{ target, code string }{
		"oneself": {ada.joined.Self, wire.CodeBadRequest},
		"nobody":  {"m-none", wire.CodeNotFound},
	} {
		if e := ada.ask(wire.TypeKick, fmt.Sprintf(`"participant":%q`, c.target)); e == nil || e.Code != c.code {
			t.Errorf("%s: answered %+v, want %s", name, e, c.code)
		}
	}
	if e := ada.ask(wire.TypeKick, fmt.Sprintf(`"participant":%q`, bob.joined.Self)); e != nil {
		t.Fatal(e)
	}
	var k wire.Kicked
	bob.expect(wire.TypeKicked, &k)
	if code, _ := bob.closed(); code != wire.CloseKicked || k.By != ada.joined.Self {
		t.Errorf("bob was closed with %d after %+v", code, k)
	}
	unittest.Until(t, "bob's peer closes", peer.isClosed)
	var seen wire.Participants
	cy.until(wire.TypeParticipants, &seen, func() bool {
		return len(seen.Left) == 1 && seen.Left[0] == wire.Left{ID: bob.joined.Self, Reason: "kicked"}
	})
	for name, j := range map[string]wire.Join{
		"the token": {Version: 1, Token: "acme/standup bob user", Name: "innocent"},
		"resuming":  {Version: 1, Token: "acme/standup bob user", Resume: bob.joined.Resume},
	} {
		j.Type = wire.TypeJoin
		p := w.dial()
		p.send(j)
		code, e := p.closed()
		if name == "the token" && (code != wire.CloseKicked || e.Code != wire.CodeForbidden) {
			t.Errorf("%s again: closed with %d after %+v", name, code, e)
		}
		if name == "resuming" && code != wire.CloseGone {
			t.Errorf("%s: closed with %d after %+v", name, code, e)
		}
	}
}

func TestParticipantsAreRefused(t *testing.T) {
	w := newWorld(t)
	ada, bob := w.join("ada", "mod"), w.join("bob", "user")
	target := fmt.Sprintf(`"participant":%q,"source":"microphone"`, ada.joined.Self)
	for typ, fields := range map[string]string{
		wire.TypeKick:            target,
		wire.TypeMuteParticipant: target,
		wire.TypeMuteEveryone:    "",
		wire.TypeBroadcastStart:  `"record":true`,
		wire.TypeBroadcastStop:   "",
		wire.TypeBroadcastLayout: `"layout":"grid"`,
	} {
		if e := bob.ask(typ, fields); e == nil || e.Code != wire.CodeForbidden || e.Message == "" {
			t.Errorf("%s by a participant was answered %+v", typ, e)
		}
	}
	if len(w.caster.started) != 0 || w.rooms.Stats().Members != 2 {
		t.Error("something was done all the same")
	}
	if e := bob.ask(wire.TypeHand, `"raised":true`); e != nil {
		t.Errorf("the socket was closed for it: %+v", e)
	}
}

func TestMutingOthers(t *testing.T) {
	w := newWorld(t)
	ada, bob, cy := w.join("ada", "mod"), w.join("bob", "user"), w.join("cy", "user")
	for _, p := range []*page{ada, bob, cy} {
		p.offer("slots=", track.Microphone, track.Camera)
	}
	if e := ada.ask(wire.TypeMuteParticipant, fmt.Sprintf(`"participant":%q,"source":"camera"`, bob.joined.Self)); e != nil {
		t.Fatal(e)
	}
	var m wire.MuteRequest
	bob.expect(wire.TypeMuteRequest, &m)
	if m.Source != "camera" || m.By != ada.joined.Self {
		t.Errorf("bob was asked %+v", m)
	}
	if e := ada.ask(wire.TypeMuteParticipant, fmt.Sprintf(`"participant":%q,"source":"nose"`, bob.joined.Self)); e == nil || e.Code != wire.CodeBadRequest {
		t.Errorf("a nose was muted: %+v", e)
	}
	if e := ada.ask(wire.TypeMuteEveryone, ""); e != nil {
		t.Fatal(e)
	}
	cy.expect(wire.TypeMuteRequest, &m)
	if m.Source != "microphone" {
		t.Errorf("cy was asked %+v", m)
	}
	var seen wire.Participants
	cy.until(wire.TypeParticipants, &seen, func() bool {
		for _, u := range seen.Updated {
			if u.ID == bob.joined.Self && u.Sources["microphone"] == "muted" {
				return true
			}
		}
		return false
	})
	for _, o := range w.join("dan", "user").joined.Participants {
		if o.ID == ada.joined.Self && o.Sources["microphone"] != "on" {
			t.Error("the moderator muted herself")
		}
	}
}

// broadcast reads until a broadcast message with this status.
func (p *page) broadcast(status string) (b wire.Broadcast) {
	p.t.Helper()
	p.until(wire.TypeBroadcast, &b, func() bool { return b.Status == status })
	return b
}

func TestBroadcast(t *testing.T) {
	w := newWorld(t)
	ada, bob := w.join("ada", "mod"), w.join("bob", "user")
	start := ada.post(wire.TypeBroadcastStart, `"record":true,"layout":"grid","destination":"rtmps://ingest.example/app/KEY"`)
	<-w.caster.started
	r := w.caster.request
	if r.Stream != "STREAM" || !r.Record || r.Layout != "grid" || r.Destination != "rtmps://ingest.example/app/KEY" || r.Room.ID() != "acme/standup" {
		t.Errorf("asked to start %+v", r)
	}
	bob.broadcast(wire.BroadcastStarting)
	if late := w.join("cy", "user"); late.joined.Broadcast.Status != wire.BroadcastStarting {
		t.Errorf("a late joiner is told %+v", late.joined.Broadcast)
	}
	// While the ingest makes up its mind, everything else goes on.
	if e := ada.ask(wire.TypeHand, `"raised":true`); e != nil {
		t.Fatal(e)
	}
	w.caster.ingest <- nil
	data, e := ada.answer(start)
	if e != nil {
		t.Fatal(e)
	}
	var ok wire.OK
	if err := json.Unmarshal(data, &ok); err != nil || ok.Broadcast == nil || ok.Broadcast.Status != wire.BroadcastLive ||
		ok.Broadcast.Live == "" || ok.Broadcast.NanoStream == "" || ok.Broadcast.VOD == "" {
		t.Errorf("started with %s", data)
	}
	if b := bob.broadcast(wire.BroadcastLive); b.Live != "" || b.NanoStream != "" || b.Destinations != nil || !b.Record || b.Since != 5 {
		t.Errorf("a participant is told %+v", b)
	}
	if b := w.join("eve", "mod").joined.Broadcast; b.Status != wire.BroadcastLive || len(b.Destinations) != 1 {
		t.Errorf("a late moderator is told %+v", b)
	}
	if e := ada.ask(wire.TypeBroadcastLayout, `"layout":"speaker"`); e != nil || w.caster.layout != "speaker" {
		t.Errorf("layout: %+v", e)
	}
	if e := ada.ask(wire.TypeBroadcastLayout, `"layout":"spiral"`); e == nil || e.Code != wire.CodeBadRequest {
		t.Errorf("layout: %+v", e)
	}
	if data, e := ada.request(wire.TypeBroadcastStop, ""); e != nil {
		t.Errorf("stop: %+v", e)
	} else if err := json.Unmarshal(data, &ok); err != nil || ok.Broadcast.Status != wire.BroadcastStopped {
		t.Errorf("stopped with %s", data)
	}
	bob.broadcast(wire.BroadcastStopped)
}

func TestBroadcastFailures(t *testing.T) {
	w := newWorld(t)
	ada := w.join("ada", "mod")
	for name, c := range map[string]struct {
		err  error
		code string
	}{
		"destination": {NewError(KindDestination, "The ingest does not know this stream key.", nil), wire.CodeDestination},
		"no ffmpeg":   {NewError(KindUnavailable, "ffmpeg is not installed.", nil), wire.CodeUnavailable},
		"running":     {NewError(KindConflict, "The broadcast is running.", nil), wire.CodeConflict},
		"bug":         {errors.New("nil map"), wire.CodeInternal},
	} {
		w.caster.ingest <- c.err
		e := ada.ask(wire.TypeBroadcastStart, `"record":false`)
		<-w.caster.started
		if e == nil || e.Code != c.code {
			t.Errorf("%s: answered %+v, want %s", name, e, c.code)
		}
	}
	for _, url := range []string{"http://x/y", "rtmp://", "rtmp://%zz", "file:///etc/passwd", "rtmp"} {
		if e := ada.ask(wire.TypeBroadcastStart, fmt.Sprintf(`"destination":%q`, url)); e == nil || e.Code != wire.CodeDestination {
			t.Errorf("%s: answered %+v", url, e)
		}
	}
	if e := ada.ask(wire.TypeBroadcastStart, `"layout":"Grid 2"`); e == nil || e.Code != wire.CodeBadRequest {
		t.Errorf("layout: answered %+v", e)
	}
}

func TestBroadcastOutlivesTheSocket(t *testing.T) {
	w := newWorld(t)
	ada, bob := w.join("ada", "mod"), w.join("bob", "user")
	ada.post(wire.TypeBroadcastStart, `"record":true`)
	<-w.caster.started
	ada.conn.NetConn().Close()
	w.caster.ingest <- nil
	bob.broadcast(wire.BroadcastLive)
	back := w.dial()
	back.hello(wire.Join{Version: 1, Resume: ada.joined.Resume})
	if back.joined.Broadcast.Status != wire.BroadcastLive || back.joined.Broadcast.Live == "" {
		t.Errorf("resumed and told %+v", back.joined.Broadcast)
	}
	if w.caster.watching() != 1 {
		t.Errorf("%d watchers for one room", w.caster.watching())
	}
	bob.post(wire.TypeLeave, "")
	back.post(wire.TypeLeave, "")
	unittest.Until(t, "nobody watches an empty room", func() bool { return w.caster.watching() == 0 })
}

func TestTooManyBroadcastRequests(t *testing.T) {
	w := newWorld(t)
	ada := w.join("ada", "mod")
	for range maxBroadcasts {
		ada.post(wire.TypeBroadcastStart, "")
		<-w.caster.started
	}
	if e := ada.ask(wire.TypeBroadcastStart, ""); e == nil || e.Code != wire.CodeRate {
		t.Errorf("answered %+v", e)
	}
}

func TestWithoutBroadcaster(t *testing.T) {
	w := newWorld(t, withoutBroadcaster)
	ada := w.join("ada", "mod")
	if ada.joined.Broadcast.Status != wire.BroadcastIdle {
		t.Errorf("told %+v", ada.joined.Broadcast)
	}
	if e := ada.ask(wire.TypeBroadcastStart, ""); e == nil || e.Code != wire.CodeUnavailable {
		t.Errorf("answered %+v", e)
	}
}
