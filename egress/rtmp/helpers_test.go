package rtmp

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	gortmp "github.com/yutopp/go-rtmp"
	"github.com/yutopp/go-rtmp/message"
	"go.uber.org/goleak"

	"github.com/meetcast/meetcast/egress/media"
	"github.com/meetcast/meetcast/egress/media/mediatest"
	"github.com/meetcast/meetcast/egress/rtmp/flv"
	"github.com/meetcast/meetcast/internal/backoff"
	"github.com/meetcast/meetcast/internal/unittest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// quick are settings with which tests need not wait.
func quick(url string) Config {
	return Config{
		URL: url, DialTimeout: 2 * time.Second, SetupTimeout: 2 * time.Second,
		StallTimeout: time.Second, FirstTimeout: 5 * time.Second,
		Backoff: backoff.Policy{Min: 10 * time.Millisecond, Max: 50 * time.Millisecond},
	}
}

func start(t *testing.T, cfg Config) *Push {
	t.Helper()
	p, err := NewPush(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Close() })
	return p
}

func waitState(t *testing.T, p *Push, want State) Status {
	t.Helper()
	unittest.Until(t, "push is "+string(want), func() bool {
		st := p.Status()
		if st.State == Failed && want != Failed {
			t.Fatalf("push failed: %v", st.Reason)
		}
		return st.State == want
	})
	return p.Status()
}

// feed plays a programme into the push in real time, over and over with
// timestamps going on, until stopped.
func feed(t *testing.T, p *Push, cfg mediatest.Config) (stop func()) {
	t.Helper()
	params, samples := mediatest.Programme(t, cfg)
	length := time.Duration(max(cfg.Seconds, 4)) * time.Second
	p.Begin(params)
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Add(1)
	go func() {
		defer wg.Done()
		began := time.Now()
		for round := time.Duration(0); ; round++ {
			for _, s := range mediatest.Shift(samples, round*length) {
				timer := time.NewTimer(time.Until(began.Add(s.DTS)))
				select {
				case <-timer.C:
				case <-ctx.Done():
					timer.Stop()
					return
				}
				p.Write(s)
			}
		}
	}()
	var once sync.Once
	stop = func() { once.Do(func() { cancel(); wg.Wait() }) }
	t.Cleanup(stop)
	return stop
}

// captured is one message that the peer got.
type captured struct {
	session int
	kind    string // "meta", "avc", "aac", "video", "audio"
	stamp   uint32
	key     bool
	size    int
}

// peer is an RTMP server by other hands: go-rtmp's.
type peer struct {
	addr string

	mu       sync.Mutex
	srv      *gortmp.Server
	conns    map[net.Conn]bool
	done     chan struct{}
	got      []captured
	sessions int
	names    []string
	ended    int
}

func newPeer(t *testing.T) *peer {
	p := &peer{addr: "127.0.0.1:0", conns: map[net.Conn]bool{}}
	p.up(t)
	t.Cleanup(p.down)
	return p
}

// up starts the server, on the same port as before.
func (p *peer) up(t *testing.T) {
	t.Helper()
	ln, err := net.Listen("tcp", p.addr)
	if err != nil {
		t.Fatal(err)
	}
	srv := gortmp.NewServer(&gortmp.ServerConfig{OnConnect: func(c net.Conn) (io.ReadWriteCloser, *gortmp.ConnConfig) {
		p.mu.Lock()
		p.conns[c] = true
		p.sessions++
		h := &peerHandler{peer: p, session: p.sessions}
		p.mu.Unlock()
		return c, &gortmp.ConnConfig{Handler: h}
	}})
	done := make(chan struct{})
	p.mu.Lock()
	p.addr, p.srv, p.done = ln.Addr().String(), srv, done
	p.mu.Unlock()
	go func() {
		defer close(done)
		_ = srv.Serve(ln)
	}()
}

// down stops the server and drops its connections.
func (p *peer) down() {
	p.mu.Lock()
	srv, done := p.srv, p.done
	p.srv = nil
	for c := range p.conns {
		_ = c.Close()
	}
	clear(p.conns)
	p.mu.Unlock()
	if srv != nil {
		_ = srv.Close()
		<-done
	}
}

func (p *peer) messages() []captured {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]captured(nil), p.got...)
}

func (p *peer) count(session int, kind string) (n int) {
	for _, m := range p.messages() {
		if m.session == session && m.kind == kind {
			n++
		}
	}
	return n
}

type peerHandler struct {
	gortmp.DefaultHandler
	peer    *peer
	session int
}

func (h *peerHandler) add(kind string, stamp uint32, key bool, size int) {
	h.peer.mu.Lock()
	defer h.peer.mu.Unlock()
	h.peer.got = append(h.peer.got, captured{h.session, kind, stamp, key, size})
}

func (h *peerHandler) OnPublish(_ *gortmp.StreamContext, _ uint32, cmd *message.NetStreamPublish) error {
	h.peer.mu.Lock()
	defer h.peer.mu.Unlock()
	h.peer.names = append(h.peer.names, cmd.PublishingName)
	if cmd.PublishingName == "refused" {
		return errors.New("no")
	}
	return nil
}

func (h *peerHandler) OnSetDataFrame(stamp uint32, _ *message.NetStreamSetDataFrame) error {
	h.add("meta", stamp, false, 0)
	return nil
}

func (h *peerHandler) OnVideo(stamp uint32, r io.Reader) error {
	b, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	v, err := flv.ParseVideo(b)
	if err != nil {
		return err
	}
	if v.Params != nil {
		h.add("avc", stamp, false, 0)
	} else {
		h.add("video", stamp, v.Key, len(v.Data))
	}
	return nil
}

func (h *peerHandler) OnAudio(stamp uint32, r io.Reader) error {
	b, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	a, err := flv.ParseAudio(b)
	if err != nil {
		return err
	}
	if a.Params != nil {
		h.add("aac", stamp, false, 0)
	} else {
		h.add("audio", stamp, true, len(a.Data))
	}
	return nil
}

func (h *peerHandler) OnDeleteStream(uint32, *message.NetStreamDeleteStream) error {
	h.peer.mu.Lock()
	defer h.peer.mu.Unlock()
	h.peer.ended++
	return nil
}

// fake listens and treats each connection as act does.
func fake(t *testing.T, act func(net.Conn)) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	var mu sync.Mutex
	conns := map[net.Conn]bool{}
	wg.Add(1)
	go func() {
		defer wg.Done()
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			conns[c] = true
			mu.Unlock()
			wg.Add(1)
			go func() {
				defer wg.Done()
				act(c)
			}()
		}
	}()
	t.Cleanup(func() {
		_ = ln.Close()
		mu.Lock()
		for c := range conns {
			_ = c.Close()
		}
		mu.Unlock()
		wg.Wait()
	})
	return ln.Addr().String()
}

// keys counts key pictures.
func keys(samples []media.Sample) (n int) {
	for _, s := range samples {
		if s.Kind == media.Video && s.Key {
			n++
		}
	}
	return n
}

// fromKey leaves out the sound before the first key picture: a programme with
// picture begins with one.
func fromKey(samples []media.Sample) []media.Sample {
	for i, s := range samples {
		if s.Kind == media.Video && s.Key {
			return samples[i:]
		}
	}
	return nil
}
