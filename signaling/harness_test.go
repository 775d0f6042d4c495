package signaling

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"go.uber.org/goleak"

	"github.com/meetcast/meetcast/sfu/room"
	"github.com/meetcast/meetcast/sfu/track"
	"github.com/meetcast/meetcast/signaling/wire"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience is how long a test waits for anything.
const patience = 10 * time.Second

// world is a server on loopback with fakes around it.
type world struct {
	t      *testing.T
	url    string
	server *Server
	rooms  *room.Rooms
	peers  *fakePeers
	caster *fakeCaster
}

func newWorld(t *testing.T, change ...func(*Config, *room.Config)) *world {
	t.Helper()
	w := &world{t: t, peers: &fakePeers{made: make(chan *fakePeer, 64)}, caster: newFakeCaster()}
	rc := room.Config{Batch: time.Millisecond, Poll: 20 * time.Millisecond}
	cfg := Config{
		Verifier: fakeVerifier{}, Peers: w.peers, Broadcaster: w.caster,
		ICEServers: []wire.ICEServer{{URLs: []string{"stun:192.0.2.1"}}},
	}
	cfg.Socket.CloseTimeout = 200 * time.Millisecond
	for _, f := range change {
		f(&cfg, &rc)
	}
	w.rooms = room.NewRooms(rc)
	cfg.Rooms = w.rooms
	w.server = New(cfg)
	mux := http.NewServeMux()
	mux.Handle("GET "+wire.Path, w.server)
	srv := httptest.NewServer(mux)
	w.url = "ws" + strings.TrimPrefix(srv.URL, "http") + wire.Path
	t.Cleanup(func() {
		w.server.Close()
		srv.Close()
		w.rooms.Close()
		for _, p := range w.peers.all() {
			if !p.isClosed() {
				t.Errorf("peer of %s is still open", p.cfg.Member)
			}
		}
	})
	return w
}

// page is a page of the test.
type page struct {
	t      *testing.T
	w      *world
	conn   *websocket.Conn
	joined wire.Joined
	nextID int
}

func (w *world) dial() *page {
	w.t.Helper()
	d := websocket.Dialer{Subprotocols: []string{wire.Subprotocol}}
	conn, resp, err := d.Dial(w.url, nil)
	if err != nil {
		w.t.Fatalf("dial: %v (%v)", err, resp)
	}
	w.t.Cleanup(func() { conn.Close() })
	_ = conn.SetReadDeadline(time.Now().Add(patience))
	return &page{t: w.t, w: w, conn: conn}
}

// join joins the room acme/standup as a participant or moderator.
func (w *world) join(name, role string) *page {
	w.t.Helper()
	p := w.dial()
	p.hello(wire.Join{Version: wire.Version, Token: "acme/standup " + name + " " + role, Name: name})
	return p
}

// hello sends the join message and reads the answer.
func (p *page) hello(j wire.Join) {
	p.t.Helper()
	j.Head = wire.Head{Type: wire.TypeJoin, ID: "hello"}
	p.send(j)
	p.expect(wire.TypeJoined, &p.joined)
	if p.joined.ID != "hello" {
		p.t.Errorf("joined answers %q", p.joined.ID)
	}
}

func (p *page) send(v any) {
	p.t.Helper()
	if err := p.conn.WriteJSON(v); err != nil {
		p.t.Fatalf("send: %v", err)
	}
}

func (p *page) sendText(s string) {
	p.t.Helper()
	if err := p.conn.WriteMessage(websocket.TextMessage, []byte(s)); err != nil {
		p.t.Fatalf("send: %v", err)
	}
}

func (p *page) read() (wire.Head, []byte, error) {
	_, data, err := p.conn.ReadMessage()
	if err != nil {
		return wire.Head{}, nil, err
	}
	var head wire.Head
	if err := json.Unmarshal(data, &head); err != nil {
		p.t.Fatalf("the server sent %q", data)
	}
	return head, data, nil
}

// expect reads until a message of that type and decodes it.
func (p *page) expect(typ string, into any) {
	p.t.Helper()
	p.until(typ, into, func() bool { return true })
}

// until reads until a message of that type for which ok holds.
func (p *page) until(typ string, into any, ok func() bool) {
	p.t.Helper()
	for {
		head, data, err := p.read()
		if err != nil {
			p.t.Fatalf("waiting for %s: %v", typ, err)
		}
		if head.Type != typ {
			continue
		}
		// What is left of an earlier message must not show through.
		reflect.ValueOf(into).Elem().SetZero()
		if err := json.Unmarshal(data, into); err != nil {
			p.t.Fatal(err)
		}
		if ok() {
			return
		}
	}
}

// ask sends a request and returns its answer: nil for ok.
func (p *page) ask(typ string, fields string) *wire.Error {
	p.t.Helper()
	_, e := p.request(typ, fields)
	return e
}

// request sends a request and reads until its answer.
func (p *page) request(typ, fields string) ([]byte, *wire.Error) {
	p.t.Helper()
	id := p.post(typ, fields)
	return p.answer(id)
}

// post sends a request and returns its id; fields are JSON members.
func (p *page) post(typ, fields string) string {
	p.t.Helper()
	p.nextID++
	id := fmt.Sprint("r", p.nextID)
	if fields != "" {
		fields = "," + fields
	}
	p.sendText(fmt.Sprintf(`{"type":%q,"id":%q%s}`, typ, id, fields))
	return id
}

// answer reads until the answer to a request.
func (p *page) answer(id string) ([]byte, *wire.Error) {
	p.t.Helper()
	for {
		head, data, err := p.read()
		if err != nil {
			p.t.Fatalf("waiting for the answer: %v", err)
		}
		if head.ID != id {
			continue
		}
		if head.Type == wire.TypeError {
			var e wire.Error
			_ = json.Unmarshal(data, &e)
			return nil, &e
		}
		return data, nil
	}
}

// offer sends an offer and returns the peer that is answering: a new one, or nil.
func (p *page) offer(sdp string, sources ...track.Source) *fakePeer {
	p.t.Helper()
	m := wire.Offer{Head: wire.Head{Type: wire.TypeOffer, ID: "offer"}, SDP: sdp}
	for i, s := range sources {
		m.Tracks = append(m.Tracks, wire.TrackLine{Mid: fmt.Sprint(i), Source: string(s)})
	}
	p.send(m)
	data, e := p.answer("offer")
	if e != nil {
		p.t.Fatalf("offer refused: %+v", e)
	}
	var a wire.Answer
	if err := json.Unmarshal(data, &a); err != nil || a.SDP != "answer to "+sdp {
		p.t.Fatalf("offer answered by %s", data)
	}
	select {
	case peer := <-p.w.peers.made:
		return peer
	default:
		return nil
	}
}

// slots reads slot maps until one that shows like this: "s0=Participant/source".
func (p *page) slots(want string) {
	p.t.Helper()
	var m wire.Slots
	p.until(wire.TypeSlots, &m, func() bool {
		var out []string
		for _, s := range m.Slots {
			if s.Participant != "" {
				out = append(out, s.Mid+"="+s.Participant+"/"+s.Source)
			}
		}
		return strings.Join(out, " ") == want
	})
}

// closed reads until the socket ends and returns its close code, and the last
// error that came before.
func (p *page) closed() (code int, last wire.Error) {
	p.t.Helper()
	for {
		head, data, err := p.read()
		var ce *websocket.CloseError
		switch {
		case errors.As(err, &ce):
			return ce.Code, last
		case err != nil:
			p.t.Fatalf("waiting for the end: %v", err)
		case head.Type == wire.TypeError:
			_ = json.Unmarshal(data, &last)
		}
	}
}

func withoutBroadcaster(c *Config, _ *room.Config) { c.Broadcaster = nil }
