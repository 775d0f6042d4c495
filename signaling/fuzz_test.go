package signaling

import (
	"context"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/meetcast/meetcast/sfu/room"
	"github.com/meetcast/meetcast/signaling/wire"
	"github.com/meetcast/meetcast/signaling/ws"
)

// fakeSocket takes everything.
type fakeSocket struct{}

func (fakeSocket) Send(*ws.Message) bool { return true }
func (fakeSocket) Close(int, string)     {}
func (fakeSocket) Drop(int, string)      {}

// fuzzWorld is a server without a network for FuzzDispatch.
type fuzzWorld struct {
	server *Server
	mu     sync.Mutex
	s      *session
}

// session returns a moderator that is in the room; the one before may have left.
func (w *fuzzWorld) session(t *testing.T) *session {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.s != nil && w.s.ctx.Err() == nil {
		return w.s
	}
	s := w.server.newSession(Identity{Room: "acme/standup", TokenID: "t", Moderator: true}, &wire.Join{}, fakeSocket{}, nil)
	if err := w.server.register(s); err != nil {
		t.Fatal(err)
	}
	m, err := w.server.cfg.Rooms.Join(context.Background(), "acme/standup", s.identity, s)
	if err != nil {
		t.Fatal(err)
	}
	s.begin(m)
	go func() {
		defer w.server.work.Done()
		s.run()
	}()
	w.s = s
	return s
}

// FuzzDispatch feeds a session whatever a page may send: nothing panics, and
// every error has a code and a sentence and is none of ours.
func FuzzDispatch(f *testing.F) {
	files, err := filepath.Glob(filepath.Join("wire", "testdata", "*.json"))
	if err != nil || len(files) == 0 {
		f.Fatal("no golden files", err)
	}
	for _, name := range files {
		data, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	for _, s := range []string{
		``, `[]`, `{"type":""}`, `{"type":"offer","sdp":"a=fingerprint:","tracks":[null]}`,
		`{"type":"view","want":[{"source":"camera","width":9223372036854775807}]}`,
		`{"type":"broadcast-start","destination":"rtmp://[::1"}`, `{"type":"candidate","sdpMid":null}`,
		`{"type":"rename","name":"\ud800\u202e"}`,
	} {
		f.Add([]byte(s))
	}
	caster := newFakeCaster()
	close(caster.ingest)
	rooms := room.NewRooms(room.Config{})
	w := &fuzzWorld{server: New(Config{
		Rooms: rooms, Verifier: fakeVerifier{}, Peers: &fakePeers{}, Broadcaster: caster, ChatRate: 1e9, ChatBurst: 1e9,
	})}
	f.Cleanup(func() {
		w.server.Close()
		rooms.Close()
	})
	f.Fuzz(func(t *testing.T, data []byte) {
		_, err := w.session(t).dispatch(fakeSocket{}, data)
		if err == nil {
			return
		}
		if v := judge(err); v.code == "" || v.message == "" || v.close == 0 || v.ours {
			t.Errorf("%v is told as %+v", err, v)
		}
	})
}
