package rtmp

import (
	"crypto/tls"
	"crypto/x509"
	"io"
	"log/slog"
	"net"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/meetcast/meetcast/egress/media/mediatest"
	"github.com/meetcast/meetcast/egress/rtmp/proto"
	"github.com/meetcast/meetcast/internal/unittest"
)

func TestPushSendsEverything(t *testing.T) {
	peer := newPeer(t)
	params, samples := mediatest.Programme(t, mediatest.Config{})
	p := start(t, quick("rtmp://"+peer.addr+"/live/key?token=1"))
	// Dialling does not wait for Begin.
	unittest.Until(t, "the server has accepted", func() bool { return p.Status().Accepted })
	if st := p.Status(); st.State != Connecting {
		t.Fatalf("state %s before any media", st.State)
	}
	p.Begin(params)
	for _, s := range samples {
		p.Write(s)
	}
	waitState(t, p, Live)
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	unittest.Until(t, "the server saw the end", func() bool {
		peer.mu.Lock()
		defer peer.mu.Unlock()
		return peer.ended == 1
	})
	got := peer.messages()
	samples = fromKey(samples)
	if peer.names[0] != "key?token=1" || len(got) != len(samples)+3 {
		t.Fatalf("published %q, %d messages for %d samples: %+v", peer.names, len(got), len(samples), got[:6])
	}
	for i, want := range []string{"meta", "avc", "aac"} {
		if got[i].kind != want {
			t.Fatalf("message %d is %s, want %s", i, got[i].kind, want)
		}
	}
	for i, s := range samples {
		m := got[i+3]
		if m.stamp != millis(s.DTS) || m.size != len(s.Data) || m.key != s.Key {
			t.Fatalf("sample %d arrived as %+v, want %d bytes at %v", i, m, len(s.Data), s.DTS)
		}
	}
	if st := p.Status(); st.State != Closed || st.Stats.Samples != uint64(len(samples)) {
		t.Errorf("after Close: %+v", st)
	}
}

func TestReconnectGoesOn(t *testing.T) {
	peer := newPeer(t)
	var mu sync.Mutex
	var states []State
	cfg := quick("rtmp://" + peer.addr + "/live/key")
	cfg.OnChange = func(st Status) {
		mu.Lock()
		defer mu.Unlock()
		if len(states) == 0 || states[len(states)-1] != st.State {
			states = append(states, st.State)
		}
	}
	p := start(t, cfg)
	stop := feed(t, p, mediatest.Config{})
	waitState(t, p, Live)
	unittest.Until(t, "some pictures arrived", func() bool { return peer.count(1, "video") > 10 })
	peer.down()
	st := waitState(t, p, Reconnecting)
	if st.Reason == nil || st.Reason.Sentence() == "" {
		t.Errorf("no reason while reconnecting: %+v", st)
	}
	unittest.Until(t, "connection refused is told", func() bool {
		r := p.Status().Reason
		return r != nil && r.Kind == KindRefused
	})
	peer.up(t)
	waitState(t, p, Live)
	second := 2
	unittest.Until(t, "pictures arrive again", func() bool { return peer.count(second, "video") > 10 })
	stop()
	_ = p.Close()
	checkResumed(t, peer.messages(), second)
	mu.Lock()
	defer mu.Unlock()
	want := []State{Live, Reconnecting, Live, Closed}
	if len(states) > 0 && states[0] == Connecting {
		states = states[1:]
	}
	if len(states) != len(want) || states[0] != want[0] || states[1] != want[1] || states[2] != want[2] {
		t.Errorf("states %v, want %v", states, want)
	}
	if st := p.Status(); st.Stats.Reconnects != 1 {
		t.Errorf("%d reconnects counted", st.Stats.Reconnects)
	}
}

// checkResumed wants headers and a key picture first, and time going on.
func checkResumed(t *testing.T, got []captured, session int) {
	t.Helper()
	var last uint32
	var resumed []captured
	for _, m := range got {
		if m.session < session && m.kind == "video" {
			last = m.stamp
		}
		if m.session == session {
			resumed = append(resumed, m)
		}
	}
	for i, want := range []string{"meta", "avc", "aac", "video"} {
		if resumed[i].kind != want {
			t.Fatalf("message %d after the reconnect is %s, want %s", i, resumed[i].kind, want)
		}
	}
	if !resumed[3].key || resumed[3].stamp+4000 < last || resumed[3].stamp > last+20_000 {
		t.Fatalf("resumed with %+v after %d", resumed[3], last)
	}
	prev := map[string]uint32{}
	for _, m := range resumed[3:] {
		if p, ok := prev[m.kind]; ok && (m.stamp <= p || m.stamp > p+70) {
			t.Fatalf("%s jumps from %d to %d", m.kind, p, m.stamp)
		}
		prev[m.kind] = m.stamp
	}
}

// TestTimestampsWrap: a show that is on for 49 days goes on.
func TestTimestampsWrap(t *testing.T) {
	peer := newPeer(t)
	params, samples := mediatest.Programme(t, mediatest.Config{})
	p := start(t, quick("rtmp://"+peer.addr+"/live/key"))
	unittest.Until(t, "the server has accepted", func() bool { return p.Status().Accepted })
	p.Begin(params)
	wrap := (1<<32)*time.Millisecond - 2*time.Second
	for _, s := range mediatest.Shift(samples, wrap) {
		p.Write(s)
	}
	waitState(t, p, Live)
	_ = p.Close()
	samples = fromKey(samples)
	for i, m := range peer.messages()[3:] {
		if want := millis(samples[i].DTS + wrap); m.stamp != want {
			t.Fatalf("sample %d at %d, want %d", i, m.stamp, want)
		}
	}
}

func TestFailures(t *testing.T) {
	hold := func(c net.Conn) { _, _ = io.Copy(io.Discard, c) }
	accept := func(then func(*proto.Conn, net.Conn)) func(net.Conn) {
		return func(c net.Conn) {
			defer c.Close()
			rc, err := proto.Server(c, proto.Limits{}, time.Second)
			if err == nil {
				then(rc, c)
			}
		}
	}
	connectError := accept(func(rc *proto.Conn, _ net.Conn) {
		_, _ = rc.Next()
		_ = rc.WriteCommand(0, proto.Command{Name: "_error", Transaction: 1, Args: []any{nil, map[string]any{
			"level": "error", "code": "NetConnection.Connect.Rejected", "description": "no app for secretkey"}}})
		_, _ = rc.Next()
	})
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = closed.Close()
	peer := newPeer(t)
	tests := []struct {
		name, url string
		kind      Kind
	}{
		{"refused", "rtmp://" + closed.Addr().String() + "/live/secretkey", KindRefused},
		{"dns", "rtmp://no-such-host.invalid/live/secretkey", KindDNS},
		{"not rtmp", "rtmp://" + fake(t, func(c net.Conn) { _, _ = c.Write([]byte("HTTP/1.1 400\r\n")); _ = c.Close() }) + "/live/secretkey", KindProtocol},
		{"silent", "rtmp://" + fake(t, hold) + "/live/secretkey", KindTimeout},
		{"wrong application", "rtmp://" + fake(t, connectError) + "/live/secretkey", KindApplication},
		{"hangs up at connect", "rtmp://" + fake(t, accept(func(rc *proto.Conn, _ net.Conn) { _, _ = rc.Next() })) + "/live/secretkey", KindApplication},
		{"refused key", "rtmp://" + peer.addr + "/live/refused", KindKey},
		{"tls to a plain server", "rtmps://" + peer.addr + "/live/secretkey", KindTLS},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var log strings.Builder
			var mu sync.Mutex
			cfg := quick(tt.url)
			cfg.FirstTimeout = time.Second // kinds that may pass are given up after it
			cfg.Logger = slog.New(slog.NewTextHandler(writerFunc(func(b []byte) (int, error) {
				mu.Lock()
				defer mu.Unlock()
				return log.Write(b)
			}), nil))
			p := start(t, cfg)
			st := waitState(t, p, Failed)
			if st.Reason.Kind != tt.kind {
				t.Fatalf("failed with %v, want %s", st.Reason, tt.kind)
			}
			_ = p.Close()
			mu.Lock()
			defer mu.Unlock()
			for _, s := range []string{st.Reason.Sentence(), st.Reason.Error(), log.String()} {
				if strings.Contains(s, "secretkey") {
					t.Errorf("key told: %s", s)
				}
			}
		})
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(b []byte) (int, error) { return f(b) }

// TestLateRefusal: many services accept any key and hang up on the first media.
func TestLateRefusal(t *testing.T) {
	addr := fake(t, func(c net.Conn) {
		defer c.Close()
		serveUntilMedia(c, func(net.Conn) {})
	})
	p := start(t, quick("rtmp://"+addr+"/live/key"))
	params, samples := mediatest.Programme(t, mediatest.Config{})
	p.Begin(params)
	for _, s := range samples {
		p.Write(s)
	}
	unittest.Until(t, "refused or reconnecting", func() bool { return p.Status().Reason != nil })
	st := p.Status()
	if st.State == Failed && st.Reason.Kind != KindKey {
		t.Fatalf("%s: %v", st.State, st.Reason)
	}
}

// serveUntilMedia answers as a server does, and runs then at the first media.
func serveUntilMedia(c net.Conn, then func(net.Conn)) {
	rc, err := proto.Server(c, proto.Limits{}, time.Second)
	if err != nil {
		return
	}
	for {
		m, err := rc.Next()
		if err != nil {
			return
		}
		if m.Type == proto.TypeVideo {
			then(c)
			return
		}
		cmd, err := proto.ParseCommand(m.Type, m.Body)
		if err != nil {
			continue
		}
		switch cmd.Name {
		case "connect", "createStream":
			info := any(map[string]any{"code": "NetConnection.Connect.Success"})
			if cmd.Name == "createStream" {
				info = 1.0
			}
			_ = rc.WriteCommand(0, proto.Command{Name: "_result", Transaction: cmd.Transaction, Args: []any{nil, info}})
		case "publish":
			_ = rc.WriteCommand(1, proto.Command{Name: "onStatus", Args: []any{nil, map[string]any{"level": "status", "code": "NetStream.Publish.Start"}}})
		}
	}
}

// TestStalledPeer: a peer that reads no more is noticed, although the kernel on
// its side goes on taking bytes for a while.
func TestStalledPeer(t *testing.T) {
	release := make(chan struct{})
	defer close(release)
	addr := fake(t, func(c net.Conn) {
		_ = c.(*net.TCPConn).SetReadBuffer(4096)
		serveUntilMedia(c, func(net.Conn) { <-release })
	})
	cfg := quick("rtmp://" + addr + "/live/key")
	p := start(t, cfg)
	params, samples := mediatest.Programme(t, mediatest.Config{Width: 640, Height: 480})
	p.Begin(params)
	began := time.Now()
	round := time.Duration(0)
	unittest.Until(t, "the stall is noticed", func() bool {
		if r := p.Status().Reason; r != nil {
			return true
		}
		for _, s := range mediatest.Shift(samples, round) {
			p.Write(s)
		}
		round += 4 * time.Second
		return false
	})
	if st := p.Status(); st.Reason.Kind != KindStalled && st.Reason.Kind != KindTimeout {
		t.Fatalf("%s: %v", st.State, st.Reason)
	}
	if d := time.Since(began); d > 6*time.Second {
		t.Errorf("took %v to notice", d)
	}
	if n := p.Status().Stats.QueueFull; n == 0 {
		t.Error("nothing counted as dropped for a full queue")
	}
}

func TestReset(t *testing.T) {
	var once sync.Once
	addr := fake(t, func(c net.Conn) {
		serveUntilMedia(c, func(c net.Conn) {
			once.Do(func() { _ = c.(*net.TCPConn).SetLinger(0) })
			buf := make([]byte, 1<<16)
			for range 4 {
				_, _ = c.Read(buf)
			}
		})
		_ = c.Close()
	})
	p := start(t, quick("rtmp://"+addr+"/live/key"))
	feed(t, p, mediatest.Config{})
	unittest.Until(t, "the reset is noticed", func() bool { return p.Status().Reason != nil })
	switch r := p.Status().Reason; r.Kind {
	case KindReset, KindClosed, KindKey:
	default:
		t.Fatalf("%v", r)
	}
}

func TestTLS(t *testing.T) {
	peer := newPeer(t)
	web := httptest.NewUnstartedServer(nil)
	web.StartTLS() // for its certificate
	defer web.Close()
	ln, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: web.TLS.Certificates})
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	t.Cleanup(func() { _ = ln.Close(); wg.Wait() })
	wg.Add(1)
	go func() {
		defer wg.Done()
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			wg.Add(1)
			go func() {
				defer wg.Done()
				splice(c, peer.addr)
			}()
		}
	}()
	url := "rtmps://" + ln.Addr().String() + "/live/key"
	st := waitState(t, start(t, quick(url)), Failed)
	if st.Reason.Kind != KindTLS {
		t.Fatalf("unknown certificate: %v", st.Reason)
	}
	roots := x509.NewCertPool()
	roots.AddCert(web.Certificate())
	cfg := quick(url)
	cfg.TLS = &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
	p := start(t, cfg)
	stop := feed(t, p, mediatest.Config{})
	waitState(t, p, Live)
	unittest.Until(t, "pictures arrive", func() bool { return peer.count(1, "video")+peer.count(2, "video") > 3 })
	stop()
	_ = p.Close()
}

// splice passes bytes between c and a server until one of them ends.
func splice(c net.Conn, addr string) {
	defer c.Close()
	s, err := net.Dial("tcp", addr)
	if err != nil {
		return
	}
	defer s.Close()
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, _ = io.Copy(s, c)
		_ = s.(*net.TCPConn).CloseWrite()
	}()
	_, _ = io.Copy(c, s)
	_ = c.Close()
	<-done
}

// TestPrivateAddressAtDial: a name that resolves inside is refused when it is
// dialled, whatever it resolved to before.
func TestPrivateAddressAtDial(t *testing.T) {
	policy, err := NewPolicy(PolicyConfig{Allow: []string{"*"}})
	if err != nil {
		t.Fatal(err)
	}
	peer := newPeer(t)
	_, port, _ := net.SplitHostPort(peer.addr)
	cfg := quick("rtmp://localhost:" + port + "/live/key")
	cfg.Policy = policy
	if st := waitState(t, start(t, cfg), Failed); st.Reason.Kind != KindNotAllowed {
		t.Fatalf("%v", st.Reason)
	}
	if len(peer.messages()) > 0 || peer.sessions > 0 {
		t.Fatal("connected all the same")
	}
}

func TestQueueKeepsOneGroupOffline(t *testing.T) {
	addr := fake(t, func(c net.Conn) { _, _ = io.Copy(io.Discard, c) })
	cfg := quick("rtmp://" + addr + "/live/key")
	cfg.SetupTimeout = time.Minute
	p := start(t, cfg)
	params, samples := mediatest.Programme(t, mediatest.Config{})
	p.Begin(params)
	for _, s := range samples {
		p.Write(s)
	}
	st := p.Status()
	if n := keys(samples); st.Stats.QueueAge > 1100*time.Millisecond || st.Stats.Offline == 0 || n < 3 {
		t.Fatalf("%v queued, %d dropped, of %d groups", st.Stats.QueueAge, st.Stats.Offline, n)
	}
	began := time.Now()
	_ = p.Close()
	if d := time.Since(began); d > time.Second {
		t.Errorf("Close of an unconnected push took %v", d)
	}
}

func TestProgressWatchesAcknowledgements(t *testing.T) {
	now := time.Unix(1000, 0)
	limit := 5 * time.Second
	step := func(p *progress, at time.Duration, taken, written int64, acked uint32, told bool, sent uint64) bool {
		return p.stalled(now.Add(at), limit, taken, written, acked, told, sent)
	}
	t.Run("idle is not stalled", func(t *testing.T) {
		p := &progress{}
		for s := range 20 {
			if step(p, time.Duration(s)*time.Second, 100, 100, 0, false, 100) {
				t.Fatalf("stalled after %d s with nothing to send", s)
			}
		}
	})
	t.Run("tcp takes nothing", func(t *testing.T) {
		p := &progress{}
		if step(p, 0, 100, 200, 0, false, 0) || step(p, 4*time.Second, 100, 900, 0, false, 0) || !step(p, 5*time.Second, 100, 900, 0, false, 0) {
			t.Fatal("want stalled after 5 s and not before")
		}
	})
	t.Run("server stopped acknowledging", func(t *testing.T) {
		p := &progress{}
		step(p, 0, 1, 1, 500, true, 1000)
		if step(p, 6*time.Second, 2, 2, 500, true, 2000) {
			t.Fatal("stalled although too little was sent for an acknowledgement")
		}
		if !step(p, 7*time.Second, 3, 3, 500, true, 1000+4*ackWindow) {
			t.Fatal("not stalled")
		}
	})
}
