package app

import (
	"crypto/tls"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/meetcast/meetcast/configs"
	"github.com/meetcast/meetcast/sfu/turn"
)

// TestRelayURLs: pages are told the relay under the name by which they reached
// us, and the shared port only where it is ours.
func TestRelayURLs(t *testing.T) {
	relay, err := turn.New(turn.Config{Address: "127.0.0.1:0", Media: netip.MustParseAddrPort("127.0.0.1:10000")})
	if err != nil {
		t.Fatal(err)
	}
	defer relay.Close()
	for name, tc := range map[string]struct {
		host   string
		secure bool
		header map[string]string
		turn   configs.TURN
		want   string // beside UDP and TCP on the own port, whose number stands as N
	}{
		"plain":           {host: "localhost:8080", want: "turn:localhost:8080?transport=tcp"},
		"mapped port":     {host: "meet.example", secure: true, want: "turns:meet.example:443?transport=tcp"},
		"own port":        {host: "meet.example:8443", secure: true, want: "turns:meet.example:8443?transport=tcp"},
		"IPv6":            {host: "[2001:db8::1]:8080", want: "turn:[2001:db8::1]:8080?transport=tcp"},
		"same origin":     {host: "a:80", header: map[string]string{"Origin": "http://a:80"}, want: "turn:a:80?transport=tcp"},
		"trusted proxy":   {host: "meet.example", header: map[string]string{"X-Forwarded-For": "192.0.2.1"}},
		"unknown proxy":   {host: "meet.example", header: map[string]string{"Origin": "https://meet.example"}},
		"not shared":      {host: "localhost:8080", turn: configs.TURN{Address: ":1"}},
		"another host":    {host: "meet.example", turn: configs.TURN{Host: "turn.example", ShareHTTP: true}},
		"the host itself": {host: "turn.example", turn: configs.TURN{Host: "turn.example", ShareHTTP: true}, want: "turn:turn.example:80?transport=tcp"},
	} {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Host = tc.host
		if tc.secure {
			r.TLS = new(tls.ConnectionState)
		}
		for k, v := range tc.header {
			r.Header.Set(k, v)
		}
		if tc.turn == (configs.TURN{}) {
			tc.turn.ShareHTTP = true
		}
		a := &App{cfg: &configs.Config{TURN: tc.turn}, relay: relay}
		urls := a.relayURLs(r)
		if len(urls) < 2 || !strings.HasSuffix(urls[0], "?transport=udp") || !strings.HasSuffix(urls[1], "?transport=tcp") {
			t.Errorf("%s: %q", name, urls)
			continue
		}
		if got := strings.Join(urls[2:], " "); got != tc.want {
			t.Errorf("%s: %q, want %q", name, got, tc.want)
		}
		servers := a.relays(r)("member")
		if len(servers) != 1 || !slices.Equal(servers[0].URLs, urls) || !strings.HasSuffix(servers[0].Username, ":member") || servers[0].Credential == "" {
			t.Errorf("%s: %+v", name, servers)
		}
	}
}
