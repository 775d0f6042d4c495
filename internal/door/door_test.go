package door

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/meetcast/meetcast/internal/unittest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func certificate(t *testing.T) *tls.Config {
	t.Helper()
	return &tls.Config{NextProtos: []string{"h2", "http/1.1"}, Certificates: []tls.Certificate{unittest.Certificate(t)}}
}

// stun begins an Allocate request.
var stun = []byte{0, 3, 0, 0, 0x21, 0x12, 0xA4, 0x42}

// house is a door with an HTTP server behind it, and a relay that echoes.
func house(t *testing.T, config *tls.Config) (address string, d *Listener) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	d = New(l, config, func(conn net.Conn) {
		go func() {
			defer conn.Close()
			_, _ = io.Copy(conn, conn)
		}()
	})
	server := &http.Server{TLSConfig: config, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		secure := "plain"
		if r.TLS != nil {
			secure = "secure"
		}
		_, _ = io.WriteString(w, secure+" "+r.Proto)
	})}
	done := make(chan struct{})
	go func() { defer close(done); _ = server.Serve(d) }()
	t.Cleanup(func() { server.Close(); d.Close(); <-done })
	return l.Addr().String(), d
}

func get(t *testing.T, url string, config *tls.Config, http2 bool) string {
	t.Helper()
	transport := &http.Transport{TLSClientConfig: config, ForceAttemptHTTP2: http2}
	defer transport.CloseIdleConnections()
	resp, err := (&http.Client{Transport: transport, Timeout: patience}).Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

func echo(t *testing.T, conn net.Conn) {
	t.Helper()
	_ = conn.SetDeadline(time.Now().Add(patience))
	if _, err := conn.Write(stun); err != nil {
		t.Fatal(err)
	}
	back := make([]byte, len(stun))
	if _, err := io.ReadFull(conn, back); err != nil || string(back) != string(stun) {
		t.Errorf("came back: %x, %v", back, err)
	}
}

func TestPlain(t *testing.T) {
	address, _ := house(t, nil)
	if body := get(t, "http://"+address, nil, false); body != "plain HTTP/1.1" {
		t.Errorf("page is %q", body)
	}
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	echo(t, conn)
}

func TestTLS(t *testing.T) {
	config := certificate(t)
	address, _ := house(t, config)
	trusting := func(protocols ...string) *tls.Config {
		return &tls.Config{InsecureSkipVerify: true, NextProtos: protocols} //nolint:gosec // the test's own
	}
	if body := get(t, "https://"+address, trusting(), true); body != "secure HTTP/2.0" {
		t.Errorf("page over HTTP/2 is %q", body)
	}
	if body := get(t, "https://"+address, trusting("http/1.1"), false); body != "secure HTTP/1.1" {
		t.Errorf("page over HTTP/1.1 is %q", body)
	}
	if body := get(t, "https://"+address, trusting(), false); body != "secure HTTP/1.1" {
		t.Errorf("page without ALPN is %q", body)
	}
	if body := get(t, "http://"+address, nil, false); !strings.Contains(body, "use https://") {
		t.Errorf("plain HTTP is answered %q", body)
	}
	conn, err := tls.Dial("tcp", address, trusting())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	echo(t, conn)
	plain, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer plain.Close()
	echo(t, plain)
}

// ghost is a connection of an address that says nothing.
type ghost struct {
	net.Conn
	from net.Addr
}

func (g ghost) RemoteAddr() net.Addr { return g.from }

// TestNobodyKeepsOthersOut: one subscriber has a share of the undecided
// connections and no more, and gets it back.
func TestNobodyKeepsOthersOut(t *testing.T) {
	_, d := house(t, nil)
	at := func(address string) ghost {
		return ghost{from: &net.TCPAddr{IP: net.ParseIP(address), Port: 1}}
	}
	var list []*ghost
	for range undecidedOfOne {
		g := at("2001:db8::1")
		list = append(list, &g)
		if !d.enter(&g) {
			t.Fatal("one of its share is refused")
		}
	}
	same, other := at("2001:db8::2"), at("2001:db8:0:1::1")
	if d.enter(&same) {
		t.Error("the same subscriber gets more than its share")
	}
	if !d.enter(&other) {
		t.Error("another is kept out")
	}
	d.leave(list[0])
	if !d.enter(&same) {
		t.Error("a place that was given back is refused")
	}
	for _, g := range append(list[1:], &same, &other) {
		d.leave(g)
	}
	if len(d.open)+len(d.from) != 0 {
		t.Errorf("%d are open, of %d", len(d.open), len(d.from))
	}
}

func TestCloseEndsTheUndecided(t *testing.T) {
	address, d := house(t, certificate(t))
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	for end := time.Now().Add(patience); ; time.Sleep(time.Millisecond) {
		d.mu.Lock()
		n := len(d.open)
		d.mu.Unlock()
		if n == 1 {
			break
		}
		if time.Now().After(end) {
			t.Fatal("not accepted")
		}
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	_ = conn.SetReadDeadline(time.Now().Add(patience))
	var timeout net.Error
	if _, err := conn.Read(make([]byte, 1)); err == nil || errors.As(err, &timeout) && timeout.Timeout() {
		t.Errorf("still open: %v", err)
	}
}
