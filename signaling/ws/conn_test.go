package ws

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// serve runs handle for each socket, then reads the rest and waits.
func serve(t *testing.T, cfg Config, handle func(*Conn)) string {
	t.Helper()
	u := NewUpgrader(cfg)
	var handlers sync.WaitGroup
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		handlers.Add(1)
		defer handlers.Done()
		c, err := u.Upgrade(w, r)
		if err != nil {
			return
		}
		handle(c)
		for {
			if _, err := c.Read(); err != nil && !limitBroken(err) {
				break
			}
		}
		c.Wait()
	}))
	t.Cleanup(func() { srv.Close(); handlers.Wait() })
	return "ws" + strings.TrimPrefix(srv.URL, "http")
}

func dial(t *testing.T, url string, header http.Header) *websocket.Conn {
	t.Helper()
	d := websocket.Dialer{Subprotocols: []string{"test.v1"}}
	c, resp, err := d.Dial(url, header)
	if err != nil {
		t.Fatalf("dial: %v (%v)", err, resp)
	}
	t.Cleanup(func() { c.Close() })
	_ = c.SetReadDeadline(time.Now().Add(10 * time.Second))
	return c
}

// closeCode reads until the connection ends and returns how many messages came
// before and the close code.
func closeCode(t *testing.T, c *websocket.Conn) (messages, code int, reason string) {
	t.Helper()
	for {
		if _, _, err := c.ReadMessage(); err != nil {
			var ce *websocket.CloseError
			if !errors.As(err, &ce) {
				t.Fatalf("ended with %v", err)
			}
			return messages, ce.Code, ce.Text
		}
		messages++
	}
}

func TestEchoAndClose(t *testing.T) {
	url := serve(t, Config{Subprotocol: "test.v1"}, func(c *Conn) {
		data, err := c.Read()
		if err != nil {
			t.Error(err)
		}
		c.Send(NewMessage(json.RawMessage(data)))
		c.Send(NewMessage("two"))
		c.Close(4403, "go")
		c.Close(4400, "only the first counts")
		if c.Send(NewMessage("three")) {
			t.Error("sent after Close")
		}
	})
	c := dial(t, url, nil)
	if c.Subprotocol() != "test.v1" {
		t.Errorf("subprotocol %q", c.Subprotocol())
	}
	_ = c.WriteMessage(websocket.TextMessage, []byte(`{"a":1}`))
	if _, data, err := c.ReadMessage(); err != nil || string(data) != `{"a":1}` {
		t.Errorf("read %q, %v", data, err)
	}
	if n, code, reason := closeCode(t, c); n != 1 || code != 4403 || reason != "go" {
		t.Errorf("closed with %d %q after %d messages", code, reason, n)
	}
}

func TestLimits(t *testing.T) {
	for name, c := range map[string]struct {
		cfg  Config
		send func(*websocket.Conn)
		want error
	}{
		"size": {Config{MaxMessage: 10}, func(c *websocket.Conn) {
			_ = c.WriteMessage(websocket.TextMessage, []byte(strings.Repeat("x", 10)))
			_ = c.WriteMessage(websocket.TextMessage, []byte(strings.Repeat("x", 11)))
		}, ErrTooLarge},
		"rate": {Config{Rate: 0.001, Burst: 2}, func(c *websocket.Conn) {
			for range 3 {
				_ = c.WriteMessage(websocket.TextMessage, []byte("x"))
			}
		}, ErrRate},
		"binary": {Config{}, func(c *websocket.Conn) {
			_ = c.WriteMessage(websocket.BinaryMessage, []byte("x"))
		}, ErrBinary},
	} {
		t.Run(name, func(t *testing.T) {
			got := make(chan error, 1)
			url := serve(t, c.cfg, func(c *Conn) {
				for {
					if _, err := c.Read(); err != nil {
						got <- err
						c.Close(4400, err.Error())
						return
					}
				}
			})
			conn := dial(t, url, nil)
			c.send(conn)
			if _, code, _ := closeCode(t, conn); code != 4400 {
				t.Errorf("closed with %d", code)
			}
			if err := <-got; !errors.Is(err, c.want) {
				t.Errorf("Read = %v, want %v", err, c.want)
			}
		})
	}
}

func TestOrigins(t *testing.T) {
	for _, c := range []struct {
		allowed []string
		origin  string
		want    bool
	}{
		{nil, "", true},
		{nil, "http://HOST", true},
		{nil, "https://evil.example", false},
		{nil, "null", false},
		{nil, "::", false},
		{[]string{"https://good.example/"}, "https://GOOD.example", true},
		{[]string{"https://good.example"}, "http://good.example", false},
		{[]string{"https://good.example"}, "https://good.example.evil.example", false},
		{[]string{"*"}, "https://any.example", true},
	} {
		t.Run(fmt.Sprint(c.allowed, c.origin), func(t *testing.T) {
			url := serve(t, Config{Origins: c.allowed}, func(c *Conn) { c.Close(1000, "") })
			header := http.Header{}
			if c.origin != "" {
				header.Set("Origin", strings.Replace(c.origin, "HOST", strings.TrimPrefix(url, "ws://"), 1))
			}
			conn, resp, err := websocket.DefaultDialer.Dial(url, header)
			if (err == nil) != c.want {
				t.Errorf("dial: %v (%v)", err, resp)
			}
			if err == nil {
				closeCode(t, conn)
				conn.Close()
			} else if resp.StatusCode != http.StatusForbidden {
				t.Errorf("refused with %s", resp.Status)
			}
		})
	}
}

func TestSilentEndIsDead(t *testing.T) {
	got := make(chan error, 1)
	url := serve(t, Config{PingEvery: 10 * time.Millisecond, DeadAfter: 60 * time.Millisecond}, func(c *Conn) {
		_, err := c.Read()
		got <- err
	})
	c := dial(t, url, nil)
	c.SetPingHandler(func(string) error { return nil }) // never answers
	go func() { _, _, _ = c.ReadMessage() }()
	var ne net.Error
	if err := <-got; !errors.As(err, &ne) || !ne.Timeout() {
		t.Errorf("Read = %v, want a timeout", err)
	}
}

func TestPongsKeepAlive(t *testing.T) {
	const dead = 50 * time.Millisecond
	got := make(chan error, 1)
	url := serve(t, Config{PingEvery: dead / 10, DeadAfter: dead}, func(c *Conn) {
		_, err := c.Read()
		got <- err
	})
	c := dial(t, url, nil)
	pings := make(chan struct{}, 1000)
	answer := c.PingHandler()
	c.SetPingHandler(func(s string) error { pings <- struct{}{}; return answer(s) })
	go func() { _, _, _ = c.ReadMessage() }()
	for range 20 { // twice as long as the other end may be silent
		<-pings
	}
	_ = c.WriteMessage(websocket.TextMessage, []byte("x"))
	if err := <-got; err != nil {
		t.Errorf("Read = %v", err)
	}
}

func TestSlowReaderNeverBlocks(t *testing.T) {
	full := make(chan int, 1)
	big := NewMessage(strings.Repeat("x", 64<<10))
	url := serve(t, Config{Queue: 4, CloseTimeout: 50 * time.Millisecond}, func(c *Conn) {
		n := 0
		for c.Send(big) && n < 1_000_000 {
			n++
			for len(c.out) == cap(c.out) && n < 4000 && !stuck(c) {
				time.Sleep(time.Millisecond) // the writer is at it
			}
		}
		c.Drop(4408, "too slow")
		full <- n
	})
	dial(t, url, nil) // and never reads
	select {
	case n := <-full:
		if n == 0 {
			t.Error("nothing was sent")
		}
	case <-time.After(10 * time.Second):
		t.Fatal("Send blocked")
	}
}

// stuck tells whether the queue of c stays full for a while.
func stuck(c *Conn) bool {
	for range 50 {
		time.Sleep(time.Millisecond)
		if len(c.out) < cap(c.out) {
			return false
		}
	}
	return true
}

func TestCloseReasonFits(t *testing.T) {
	for _, reason := range []string{"", "short", strings.Repeat("x", 200), strings.Repeat("ü", 100), strings.Repeat("語", 100)} {
		got := cut(reason)
		if len(got) > 123 || !strings.HasPrefix(reason, got) || len(reason) > 123 && len(got) < 120 || strings.ContainsRune(got, '\uFFFD') {
			t.Errorf("cut %q to %q", reason, got)
		}
	}
}

func TestMessageIsEncodedOnce(t *testing.T) {
	var times atomic.Int32
	count := func(v any) func() any { return func() any { times.Add(1); return v } }
	for _, m := range []*Message{
		NewLazy(count(map[string]int{"a": 1})),
		NewShared(count(map[string]int{"a": 1})),
		NewShared(count(Encoded(`{"a":1}`))),
	} {
		times.Store(0)
		url := serve(t, Config{}, func(c *Conn) { c.Send(m); c.Send(m); c.Close(1000, "") })
		for range 2 {
			c := dial(t, url, nil)
			for range 2 {
				if _, data, err := c.ReadMessage(); err != nil || string(data) != `{"a":1}` {
					t.Errorf("read %s, %v", data, err)
				}
			}
		}
		if n := times.Load(); n != 1 {
			t.Errorf("encoded %d times", n)
		}
	}
	for _, bad := range []*Message{NewMessage(func() {}), NewShared(func() any { return func() {} })} {
		if bad.encode(); bad.err == nil {
			t.Error("encoded a function")
		}
	}
}
