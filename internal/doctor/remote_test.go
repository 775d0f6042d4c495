package doctor

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/meetcast/meetcast/signaling/wire"
)

func TestExpiry(t *testing.T) {
	now := time.Now()
	for left, want := range map[time.Duration]Level{-time.Hour: Failure, 24 * time.Hour: Warning, 60 * 24 * time.Hour: OK} {
		if f := expiry(now.Add(left), now); f.Level != want || (want == OK) != (f.Todo == "") {
			t.Errorf("%v left: %+v", left, f)
		}
	}
}

func TestClocks(t *testing.T) {
	now := time.Now()
	for apart, want := range map[time.Duration]Level{0: OK, time.Second: OK, time.Hour: Warning, -time.Hour: Warning} {
		if f := clocks(now.Add(apart), now); f.Level != want {
			t.Errorf("%v apart: %+v", apart, f)
		}
	}
}

func TestReadAnswer(t *testing.T) {
	c, list := readAnswer(strings.Join([]string{"v=0", "a=ice-ufrag:U", "a=ice-pwd:P",
		"a=candidate:1 1 udp 2130706431 192.0.2.1 10000 typ host",
		"a=candidate:1 1 udp 2130706431 192.0.2.1 10000 typ host", // of the next m-line
		"a=candidate:2 1 UDP 2130706431 2001:db8::1 10000 typ host",
		"a=candidate:3 1 tcp 1518214911 192.0.2.1 10000 typ host tcptype passive",
		"a=candidate:4 1 udp 1 name.local 10000 typ host", "a=candidate:5 1 udp 1 192.0.2.1 99999 typ host", ""}, "\r\n"))
	if c.theirs != "U" || c.password != "P" || len(list) != 3 || list[2].network != "tcp" {
		t.Errorf("%+v, %+v", c, list)
	}
	groups := grouped(list)
	if len(groups) != 3 || groups[0].name != "media UDP" || groups[2].name != "media UDP IPv6" {
		t.Errorf("groups are %+v", groups)
	}
}

func TestJudge(t *testing.T) {
	warn := Finding{Level: Warning}
	if list := judge([]Finding{warn, {}, warn}); list[0].Level != Warning || list[1].Level != OK {
		t.Errorf("with one way: %+v", list)
	}
	if list := judge([]Finding{warn, warn}); list[0].Level != Failure || list[1].Level != Failure {
		t.Errorf("with none: %+v", list)
	}
}

func TestProbeReadsLinks(t *testing.T) {
	p, err := newProbe(Remote{URL: "https://meet.example:8443/acme/room?jwt=T#x"})
	if err != nil || p.base.String() != "https://meet.example:8443" || p.Token != "T" || p.address() != "meet.example:8443" {
		t.Errorf("%+v, %v", p, err)
	}
	if p, err := newProbe(Remote{URL: "meet.example"}); err != nil || p.address() != "meet.example:443" {
		t.Errorf("%+v, %v", p, err)
	}
	for _, bad := range []string{"ftp://x", "http://", "::"} {
		if f := RunRemote(t.Context(), Remote{URL: bad}); len(f) != 1 || f[0].Level != Failure {
			t.Errorf("%q: %+v", bad, f)
		}
	}
}

func TestNothingThere(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	l.Close()
	list := RunRemote(t.Context(), Remote{URL: "http://" + address})
	if len(list) != 1 || list[0].Level != Failure || list[0].Todo == "" {
		t.Errorf("findings are %+v", list)
	}
}

// TestAnotherServer: something answers, but it is no Meetcast.
// Who leaves the scheme out means HTTPS; a server without it is there all the same.
func TestPlainHTTPIsToldFromSilence(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	defer server.Close()
	address := strings.TrimPrefix(server.URL, "http://")
	list := RunRemote(t.Context(), Remote{URL: address})
	if len(list) == 0 || !strings.Contains(list[0].Text, "plain HTTP") || !strings.Contains(list[0].Todo, server.URL) {
		t.Errorf("%+v", list)
	}
}

func TestAnotherServer(t *testing.T) {
	s := httptest.NewServer(http.NotFoundHandler())
	defer s.Close()
	if list := RunRemote(t.Context(), Remote{URL: s.URL}); len(list) != 1 || list[0].Level != Failure || !strings.Contains(list[0].Text, "404") {
		t.Errorf("findings are %+v", list)
	}
	// Pages without WebSockets, as behind a proxy that does not pass them on.
	pages := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == wire.Path {
			http.Error(w, "no", http.StatusBadRequest)
		}
	}))
	defer pages.Close()
	list := RunRemote(t.Context(), Remote{URL: pages.URL, MediaPort: 1, TURNPort: 1})
	if len(list) < 2 || list[0].Level != Failure || !strings.Contains(list[0].Todo, "certificate") {
		if len(list) != 1 {
			t.Errorf("with a certificate of nobody: %+v", list)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	p, err := newProbe(Remote{URL: pages.URL, Insecure: true})
	if err != nil {
		t.Fatal(err)
	}
	if s, list := p.signaling(ctx); s != nil || list[0].Level != Failure || !strings.Contains(list[0].Todo, "proxy") {
		t.Errorf("signaling: %+v", list)
	}
	if f := p.certificate(ctx, time.Now()); f.Level == Failure {
		t.Errorf("certificate: %+v", f)
	}
}

func TestPrivateAddressesAreNamed(t *testing.T) {
	p := &probe{host: "meet.example"}
	private := []netip.AddrPort{netip.MustParseAddrPort("10.0.0.1:1"), netip.MustParseAddrPort("127.0.0.1:1")}
	if p.anyPublic(private) || !p.anyPublic(append(private, netip.MustParseAddrPort("8.8.8.8:1"))) {
		t.Error("private addresses are not told from others")
	}
}
