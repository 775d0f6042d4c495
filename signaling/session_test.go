package signaling

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/meetcast/meetcast/internal/unittest"
	"github.com/meetcast/meetcast/sfu/room"
	"github.com/meetcast/meetcast/sfu/track"
	"github.com/meetcast/meetcast/signaling/wire"
)

func TestSlotsFollowOfferAndView(t *testing.T) {
	w := newWorld(t)
	ada, bob := w.join("ada", "mod"), w.join("bob", "user")
	bob.offer("slots=", track.Microphone, track.Camera, track.Screen)
	b := bob.joined.Self
	peer := ada.offer("slots=avv")
	ada.slots(fmt.Sprintf("s0=%s/microphone s1=%s/screen s2=%s/camera", b, b, b))
	ada.post(wire.TypeView, fmt.Sprintf(`"want":[{"participant":%q,"source":"camera","width":320,"height":180}]`, b))
	ada.slots(fmt.Sprintf("s0=%s/microphone s2=%s/camera", b, b))
	if again := ada.offer("slots=avvv more"); again != nil {
		t.Error("a second offer made a second peer")
	}
	ada.slots(fmt.Sprintf("s0=%s/microphone s2=%s/camera", b, b))
	if e := bob.ask(wire.TypeMute, `"source":"camera","muted":true`); e != nil {
		t.Fatal(e)
	}
	ada.slots(fmt.Sprintf("s0=%s/microphone", b))
	peer.cfg.Handler.StateChanged(PeerFailed)
	if peer.isClosed() {
		t.Error("a failed peer was closed; it waits for an ICE restart")
	}
	bob.post(wire.TypeLeave, "")
	ada.slots("")
}

func TestOffersRefused(t *testing.T) {
	w := newWorld(t)
	ada := w.join("ada", "mod")
	for name, c := range map[string]struct{ fields, code string }{
		"no sdp":         {`"sdp":""`, wire.CodeBadRequest},
		"bad sdp":        {`"sdp":"bad"`, wire.CodeBadRequest},
		"unknown source": {`"sdp":"x","tracks":[{"mid":"0","source":"hologram"}]`, wire.CodeBadRequest},
		"mid twice":      {`"sdp":"x","tracks":[{"mid":"0","source":"camera"},{"mid":"0","source":"screen"}]`, wire.CodeBadRequest},
		"source twice":   {`"sdp":"x","tracks":[{"mid":"0","source":"camera"},{"mid":"1","source":"camera"}]`, wire.CodeBadRequest},
		"no mid":         {`"sdp":"x","tracks":[{"source":"camera"}]`, wire.CodeBadRequest},
		"many":           {`"sdp":"x","tracks":[` + strings.Repeat(`{},`, maxLines) + `{}]`, wire.CodeBadRequest},
	} {
		if e := ada.ask(wire.TypeOffer, c.fields); e == nil || e.Code != c.code {
			t.Errorf("%s: answered %+v, want %s", name, e, c.code)
		}
	}
	w.peers.setFail(errors.New("out of ports"))
	if e := ada.ask(wire.TypeOffer, `"sdp":"x"`); e == nil || e.Code != wire.CodeInternal || strings.Contains(e.Message, "ports") {
		t.Errorf("without a peer: answered %+v", e)
	}
	w.peers.setFail(nil)
	if ada.offer("slots=a"); w.server.Stats().Internal != 1 {
		t.Errorf("stats %+v", w.server.Stats())
	}
}

func TestCandidatesWaitForTheOffer(t *testing.T) {
	w := newWorld(t)
	ada := w.join("ada", "mod")
	for i := range maxEarly + 5 {
		ada.sendText(fmt.Sprintf(`{"type":"candidate","candidate":"c%d","sdpMid":"0"}`, i))
	}
	peer := ada.offer("slots=a")
	ada.sendText(`{"type":"candidate","candidate":"late"}`)
	unittest.Until(t, "the late candidate", func() bool {
		_, _, c := peer.counts()
		return len(c) > 0 && c[len(c)-1] == "late"
	})
	if _, _, c := peer.counts(); len(c) != maxEarly+1 || c[0] != "c0" {
		t.Errorf("%d candidates, the first %q", len(c), c[0])
	}
}

func TestTooManyOffers(t *testing.T) {
	w := newWorld(t)
	ada := w.join("ada", "mod")
	ada.post(wire.TypeOffer, `"sdp":"wait"`)
	<-w.peers.made
	for range maxJobs {
		ada.sendText(`{"type":"candidate","candidate":"c"}`)
	}
	if e := ada.ask(wire.TypeOffer, `"sdp":"x"`); e == nil || e.Code != wire.CodeRate {
		t.Errorf("answered %+v", e)
	}
	ada.post(wire.TypeLeave, "") // ends the offer under way
	ada.closed()
}

func TestOfferTimesOut(t *testing.T) {
	w := newWorld(t, func(c *Config, _ *room.Config) { c.AnswerTimeout = 10 * time.Millisecond })
	ada := w.join("ada", "mod")
	if e := ada.ask(wire.TypeOffer, `"sdp":"wait"`); e == nil || e.Code != wire.CodeUnavailable {
		t.Errorf("answered %+v", e)
	}
}

// seenAs tells whether a change of presence shows the page's member like that.
func (p *page) seenAs(seen wire.Participants, like func(wire.Participant) bool) bool {
	return slices.ContainsFunc(seen.Updated, func(q wire.Participant) bool { return q.ID == p.joined.Self && like(q) })
}

func TestResumeKeepsMemberAndSlots(t *testing.T) {
	w := newWorld(t)
	ada, bob := w.join("ada", "mod"), w.join("bob", "user")
	bob.offer("slots=", track.Camera)
	peer := ada.offer("slots=v")
	full := "s0=" + bob.joined.Self + "/camera"
	ada.slots(full)
	_, binds, _ := peer.counts()

	ada.conn.NetConn().Close() // the network is gone
	var seen wire.Participants
	bob.until(wire.TypeParticipants, &seen, func() bool { return ada.seenAs(seen, func(p wire.Participant) bool { return p.Away }) })
	if e := bob.ask(wire.TypeChat, `"text":"where is she?"`); e != nil {
		t.Fatal(e)
	}

	back := w.dial()
	back.hello(wire.Join{Version: 1, Token: "not looked at", Name: "other", Resume: ada.joined.Resume})
	if j := back.joined; !j.Resumed || j.Self != ada.joined.Self || j.Resume == "" || !j.Moderator ||
		len(j.Participants) != 2 || len(j.Chat) != 1 || j.Participants[0].Away {
		t.Errorf("resumed as %+v", j)
	}
	back.slots(full)
	bob.until(wire.TypeParticipants, &seen, func() bool { return ada.seenAs(seen, func(p wire.Participant) bool { return !p.Away }) })
	if again := back.offer("slots=v"); again != nil {
		t.Error("the resume made a second peer")
	}
	if answers, now, _ := peer.counts(); now != binds || answers != 2 || peer.isClosed() {
		t.Errorf("the resume touched the media: %d binds, %d answers", now-binds, answers)
	}
	if s := w.server.Stats(); s.Resumed != 1 || s.Sessions != 2 || w.rooms.Stats().Members != 2 {
		t.Errorf("stats %+v", s)
	}
}

func TestResumeReplacesOpenSocket(t *testing.T) {
	w := newWorld(t)
	ada := w.join("ada", "mod")
	back := w.dial()
	back.hello(wire.Join{Version: 1, Resume: ada.joined.Resume})
	if code, _ := ada.closed(); code != wire.CloseReplaced {
		t.Errorf("the old socket closed with %d", code)
	}
	if e := back.ask(wire.TypeHand, `"raised":true`); e != nil {
		t.Errorf("after the old socket closed: %+v", e)
	}
	var seen wire.Participants
	back.until(wire.TypeParticipants, &seen, func() bool { return len(seen.Updated) == 1 && seen.Updated[0].Hand > 0 })
	if seen.Updated[0].Away {
		t.Error("the end of the old socket made the member away")
	}
}

func TestResumeTooLate(t *testing.T) {
	w := newWorld(t, func(_ *Config, r *room.Config) { r.Grace = 10 * time.Millisecond })
	ada, bob := w.join("ada", "mod"), w.join("bob", "user")
	peer := ada.offer("slots=v")
	ada.conn.NetConn().Close()
	var seen wire.Participants
	bob.until(wire.TypeParticipants, &seen, func() bool {
		return len(seen.Left) == 1 && seen.Left[0] == wire.Left{ID: ada.joined.Self, Reason: "lost"}
	})
	unittest.Until(t, "the peer closes", peer.isClosed)
	unittest.Until(t, "the session ends", func() bool { return w.server.Stats().Sessions == 1 })
	back := w.dial()
	back.send(wire.Join{Head: wire.Head{Type: wire.TypeJoin}, Version: 1, Resume: ada.joined.Resume})
	if code, e := back.closed(); code != wire.CloseGone || e.Code != wire.CodeNotFound {
		t.Errorf("closed with %d after %+v", code, e)
	}
	if again := w.join("ada", "mod"); again.joined.Self == ada.joined.Self || again.joined.Resumed {
		t.Errorf("joined anew as %+v", again.joined)
	}
}

func TestReloadedPageGetsAnotherPeer(t *testing.T) {
	w := newWorld(t)
	ada, bob := w.join("ada", "mod"), w.join("bob", "user")
	first := ada.offer("a=fingerprint:sha-256 AA\r\nslots=v", track.Camera)
	bob.offer("slots=v")
	bob.slots("s0=" + ada.joined.Self + "/camera")
	again := w.dial()
	again.hello(wire.Join{Version: 1, Resume: ada.joined.Resume})
	second := again.offer("a=fingerprint:sha-256 BB\r\nslots=v", track.Camera)
	if second == nil || !first.isClosed() {
		t.Fatal("another certificate got the old peer")
	}
	first.cfg.Handler.Unpublished(track.TrackID(ada.joined.Self + "/camera")) // late
	if e := bob.ask(wire.TypeHand, `"raised":true`); e != nil {
		t.Fatal(e)
	}
	unittest.Until(t, "bob gets the new camera", func() bool {
		for _, m := range w.join("x", "user").joined.Participants {
			if m.ID == ada.joined.Self {
				return m.Sources["camera"] == "on"
			}
		}
		return false
	})
	second.cfg.Handler.StateChanged(PeerClosed)
	if third := again.offer("a=fingerprint:sha-256 BB\r\nslots=v"); third == nil || !second.isClosed() {
		t.Error("a closed peer was asked again")
	}
}

func TestSlowReaderStaysResumable(t *testing.T) {
	w := newWorld(t, func(c *Config, _ *room.Config) {
		c.Socket.Queue = 64
		c.Socket.Rate, c.Socket.Burst = 1e6, 1e6
		c.ChatRate, c.ChatBurst = 1e6, 1e6
		c.RoomChatRate, c.RoomChatBurst = 1e6, 1e6
	})
	ada, bob := w.join("ada", "mod"), w.join("bob", "user")
	// ada stops reading; bob writes until her queue is full.
	text := fmt.Sprintf(`"text":%q`, strings.Repeat("x", wire.MaxChat))
	unittest.Until(t, "the slow socket is closed", func() bool {
		for range 50 {
			if e := bob.ask(wire.TypeChat, text); e != nil {
				t.Fatal(e)
			}
		}
		return w.server.Stats().TooSlow == 1
	})
	unittest.Until(t, "ada is away", func() bool {
		for _, m := range w.join("x", "user").joined.Participants {
			if m.ID == ada.joined.Self {
				return m.Away
			}
		}
		return false
	})
	back := w.dial()
	back.hello(wire.Join{Version: 1, Resume: ada.joined.Resume})
	if !back.joined.Resumed || back.joined.Self != ada.joined.Self {
		t.Errorf("resumed as %+v", back.joined)
	}
}

func TestRateLimit(t *testing.T) {
	w := newWorld(t, func(c *Config, _ *room.Config) { c.Socket.Rate, c.Socket.Burst = 0.001, 20 })
	ada := w.join("ada", "mod")
	for range 30 {
		ada.sendText(`{"type":"ping","t":1}`)
	}
	code, e := ada.closed()
	if code != wire.CloseRate || e.Code != wire.CodeRate {
		t.Errorf("closed with %d after %+v", code, e)
	}
	back := w.dial()
	back.hello(wire.Join{Version: 1, Resume: ada.joined.Resume})
	if !back.joined.Resumed {
		t.Error("the member did not survive")
	}
}

func TestBadMessages(t *testing.T) {
	w := newWorld(t)
	ada := w.join("ada", "mod")
	for name, c := range map[string]struct{ typ, fields, says string }{
		"unknown type":     {"dance", "", "type"},
		"wrong field":      {wire.TypeChat, `"text":5`, `"text"`},
		"joined already":   {wire.TypeJoin, `"version":1`, "already"},
		"empty chat":       {wire.TypeChat, `"text":" \n\u0000 "`, "empty"},
		"endless chat":     {wire.TypeChat, `"text":"` + strings.Repeat("x", wire.MaxChat+1) + `"`, "4000"},
		"empty name":       {wire.TypeRename, `"name":"  "`, "empty"},
		"unknown source":   {wire.TypeMute, `"source":"nose"`, "source"},
		"view of sound":    {wire.TypeView, `"want":[{"participant":"x","source":"microphone"}]`, "cameras"},
		"negative size":    {wire.TypeView, `"want":[{"participant":"x","source":"camera","width":-1}]`, "smaller"},
		"view of too many": {wire.TypeView, `"want":[` + strings.Repeat(`{"source":"camera"},`, maxWant) + `{"source":"camera"}]`, "at most"},
	} {
		e := ada.ask(c.typ, c.fields)
		if e == nil || e.Code != wire.CodeBadRequest || !strings.Contains(e.Message, c.says) {
			t.Errorf("%s: answered %+v", name, e)
		}
	}
	ada.sendText(`{"type":`)
	if code, e := ada.closed(); code != wire.CloseBadMessage || e.Code != wire.CodeBadRequest {
		t.Errorf("closed with %d after %+v", code, e)
	}
	if w.server.Stats().Internal != 0 {
		t.Error("a bad message counts as our fault")
	}
}

func TestOversized(t *testing.T) {
	w := newWorld(t)
	ada := w.join("ada", "mod")
	ada.sendText(`{"type":"chat","text":"` + strings.Repeat("x", wire.MaxMessage) + `"}`)
	if code, e := ada.closed(); code != wire.CloseBadMessage || !strings.Contains(e.Message, "large") {
		t.Errorf("closed with %d after %+v", code, e)
	}
}

func TestChat(t *testing.T) {
	w := newWorld(t, func(c *Config, _ *room.Config) { c.ChatRate, c.ChatBurst = 0.001, 2 })
	ada, bob := w.join("ada", "mod"), w.join("bob", "user")
	if e := ada.ask(wire.TypeRename, `"name":" Countess "`); e != nil {
		t.Fatal(e)
	}
	if e := ada.ask(wire.TypeChat, `"text":" <b>one\r\ntwo</b>\u0007 "`); e != nil {
		t.Fatal(e)
	}
	var c wire.Chat
	bob.expect(wire.TypeChat, &c)
	if c.Text != "<b>one\ntwo</b>" || c.From != ada.joined.Self || c.Name != "Countess" || c.At == 0 {
		t.Errorf("bob read %+v", c)
	}
	if e := ada.ask(wire.TypeChat, `"text":"two"`); e != nil {
		t.Fatal(e)
	}
	if e := ada.ask(wire.TypeChat, `"text":"three"`); e == nil || e.Code != wire.CodeRate {
		t.Errorf("the third was answered %+v", e)
	}
	if e := ada.ask(wire.TypeHand, `"raised":true`); e != nil {
		t.Errorf("the socket suffers from the chat's limit: %+v", e)
	}
}

func TestSpeakers(t *testing.T) {
	w := newWorld(t)
	ada, bob := w.join("ada", "mod"), w.join("bob", "user")
	peer := bob.offer("slots=", track.Microphone)
	up := peer.published[track.Microphone]
	up.SetLoudness(0.9)
	var s wire.Speakers
	ada.until(wire.TypeSpeakers, &s, func() bool { return len(s.Speakers) == 1 && s.Speakers[0] == bob.joined.Self })
	w.join("cy", "user").expect(wire.TypeSpeakers, &s)
	if len(s.Speakers) != 1 {
		t.Errorf("a late joiner hears %v", s.Speakers)
	}
}

func TestPing(t *testing.T) {
	w := newWorld(t)
	ada := w.join("ada", "mod")
	ada.sendText(`{"type":"ping","t":12.5}`)
	var p wire.Pong
	ada.expect(wire.TypePong, &p)
	if p.T != 12.5 || time.Since(time.UnixMilli(p.At)).Abs() > time.Minute {
		t.Errorf("pong %+v", p)
	}
}
