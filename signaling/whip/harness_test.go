package whip

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/meetcast/meetcast/internal/unittest"
	"github.com/meetcast/meetcast/sfu"
	"github.com/meetcast/meetcast/sfu/room"
	"github.com/meetcast/meetcast/sfu/track"
	"github.com/meetcast/meetcast/signaling"
	"github.com/meetcast/meetcast/signaling/wire"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("github.com/pion/webrtc/v4.(*PeerConnection).handleIncomingSSRC"))
}

// verifier takes tokens such as "acme/standup bob mod": room, jti, role.
type verifier struct {
	mu      sync.Mutex
	revoked map[string]bool
}

func (v *verifier) Verify(_ context.Context, token string) (signaling.Identity, error) {
	f := strings.Fields(token)
	if len(f) != 3 {
		return signaling.Identity{}, errors.New("bad signature")
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	switch {
	case v.revoked[f[1]]:
		return signaling.Identity{}, signaling.NewError(signaling.KindBanned, "A moderator removed you from this room.", nil)
	case f[2] == "expired":
		return signaling.Identity{}, signaling.NewError(signaling.KindUnauthorized, "The link has expired.", nil)
	case f[2] == "broken":
		return signaling.Identity{}, signaling.NewError(signaling.KindOurs, "", errors.New("store is down"))
	}
	return signaling.Identity{Room: track.RoomID(f[0]), TokenID: f[1], Moderator: f[2] == "mod", Expires: time.Now().Add(time.Hour)}, nil
}

func (v *verifier) revoke(id string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.revoked[id] = true
}

// factory makes peers of a real engine.
type factory struct{ engine *sfu.Engine }

type states struct{ signaling.PeerHandler }

func (h states) StateChanged(s sfu.PeerState) { h.PeerHandler.StateChanged(signaling.PeerState(s)) }

type peer struct{ *sfu.Peer }

func (f factory) NewPeer(c signaling.PeerConfig) (signaling.Peer, error) {
	p, err := f.engine.NewPeer(sfu.PeerConfig{Member: c.Member, AudioSlots: c.AudioSlots, MaxVideoSlots: c.MaxVideoSlots,
		Handler: states{c.Handler}, Logger: c.Logger})
	if err != nil {
		return nil, err
	}
	return peer{p}, nil
}

func (p peer) Answer(ctx context.Context, sdp string, tracks map[string]track.Source) (string, error) {
	answer, err := p.Peer.Answer(ctx, sdp, tracks)
	if errors.Is(err, sfu.ErrBadOffer) {
		return "", signaling.NewError(signaling.KindUser, err.Error(), nil)
	}
	return answer, err
}

// world is a server on loopback, with a real engine.
type world struct {
	t      *testing.T
	url    string
	server *Server
	rooms  *room.Rooms
	tokens *verifier
	shows  *shows
}

func newWorld(t *testing.T, change ...func(*Config, *room.Config)) *world {
	t.Helper()
	t.Parallel()
	engine, err := sfu.New(sfu.Config{Loopback: true, AdvertisedIPs: []string{"127.0.0.1"}})
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, tokens: &verifier{revoked: map[string]bool{}}, shows: &shows{}}
	rc := room.Config{Batch: time.Millisecond, Poll: 20 * time.Millisecond}
	cfg := Config{Verifier: w.tokens, Peers: factory{engine}, Programmes: w.shows,
		ICEServers: func(_ *http.Request, member track.MemberID) []wire.ICEServer {
			list := []wire.ICEServer{{URLs: []string{"stun:192.0.2.1"}}}
			if member != "" {
				list = append(list, wire.ICEServer{URLs: []string{"turn:192.0.2.1?transport=udp"}, Username: `a"b`, Credential: "c"})
			}
			return list
		}}
	for _, f := range change {
		f(&cfg, &rc)
	}
	w.rooms = room.NewRooms(rc)
	cfg.Rooms = w.rooms
	w.server = New(cfg)
	srv := httptest.NewServer(w.server)
	w.url = srv.URL
	t.Cleanup(func() {
		srv.Close()
		if err := w.server.Close(); err != nil {
			t.Error(err)
		}
		if s := w.server.Stats(); s.Publishers+s.Viewers+w.server.taken+w.server.public+len(w.server.pending) != 0 {
			t.Errorf("after the end: %+v, %d and %d taken, %v pending", s, w.server.taken, w.server.public, w.server.pending)
		}
		if err := errors.Join(w.rooms.Close(), engine.Close()); err != nil {
			t.Error(err)
		}
	})
	return w
}

// shows are the programmes of the test.
type shows struct {
	mu   sync.Mutex
	show *show
	open int
}

type show struct {
	*shows
	tracks []track.UpTrack
	done   chan struct{}
}

func (s *shows) set(tracks ...track.UpTrack) *show {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.show = &show{s, tracks, make(chan struct{})}
	return s.show
}

func (s *shows) Open(_ context.Context, name string) (Programme, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.show == nil || name != "show" {
		return nil, signaling.NewError(signaling.KindNotFound, "Nothing is on air.", nil)
	}
	s.open++
	return s.show, nil
}

func (s *shows) viewers() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.open
}

func (s *show) Tracks() []track.UpTrack { return s.tracks }
func (s *show) Done() <-chan struct{}   { return s.done }
func (s *show) Close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open--
}

// reply is an answer as the test looks at it.
type reply struct {
	status int
	header http.Header
	body   string
}

// call does a request; headers are "Name: value".
func (w *world) call(method, path, body string, headers ...string) reply {
	w.t.Helper()
	req, err := http.NewRequestWithContext(w.t.Context(), method, w.url+path, strings.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		req.Header.Add(name, value)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		w.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	return reply{resp.StatusCode, resp.Header, string(b)}
}

const (
	asBob = "Authorization: Bearer acme/standup bob user"
	isSDP = "Content-Type: application/sdp"
	isFra = "Content-Type: application/trickle-ice-sdpfrag"
)

// golden returns an offer of testdata.
func golden(t testing.TB, name string) string {
	t.Helper()
	b, err := os.ReadFile("testdata/offers/" + name + ".sdp")
	if err != nil {
		t.Fatal(err)
	}
	return strings.ReplaceAll(string(b), "\n", "\r\n")
}

// people watches a room.
type people struct {
	mu   sync.Mutex
	last track.Snapshot
	over bool
}

func (p *people) RoomChanged(s track.Snapshot) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.last = s
}

func (p *people) RoomClosed() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.over = true
}

func (p *people) now() track.Snapshot {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.last
}

// ann is a moderator who is in the room without media.
type ann struct{}

func (ann) Notify(room.Event) {}

// inhabit opens the room with a moderator in it and watches it.
func (w *world) inhabit() (*room.Member, *people) {
	w.t.Helper()
	member, err := w.rooms.Join(w.t.Context(), "acme/standup", room.Identity{Name: "Ann", Moderator: true, TokenID: "ann", May: room.ModeratorPermissions()}, ann{})
	if err != nil {
		w.t.Fatal(err)
	}
	p := &people{}
	w.t.Cleanup(member.Room().Observe(p))
	w.t.Cleanup(member.Leave)
	return member, p
}

// until waits for a member of a name in a state.
func (p *people) until(t *testing.T, what, name string, ok func(*track.MemberView) bool) {
	t.Helper()
	unittest.Until(t, what, func() bool {
		for _, m := range p.now().Members {
			if m.Name == name {
				return ok(&m)
			}
		}
		return ok(nil)
	})
}
