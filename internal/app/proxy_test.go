package app

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

func TestTrustProxies(t *testing.T) {
	for name, tc := range map[string]struct {
		remote, forwarded    string
		wantRemote, wantHost string
		wantProto            string
	}{
		"stranger":       {"203.0.113.7:1", "198.51.100.1", "203.0.113.7:1", "direct", ""},
		"proxy":          {"10.0.0.1:1", "198.51.100.1", "198.51.100.1:0", "outer", "https"},
		"two proxies":    {"10.0.0.1:1", "198.51.100.1, 10.0.0.2", "198.51.100.1:0", "outer", "https"},
		"forged by peer": {"10.0.0.1:1", "127.0.0.1, 198.51.100.1", "198.51.100.1:0", "outer", "https"},
		"nonsense":       {"10.0.0.1:1", "hello", "10.0.0.1:1", "outer", "https"},
	} {
		t.Run(name, func(t *testing.T) {
			r := httptest.NewRequest(http.MethodGet, "http://direct/", nil)
			r.RemoteAddr = tc.remote
			r.Header.Set("X-Forwarded-For", tc.forwarded)
			r.Header.Set("X-Forwarded-Host", "outer")
			r.Header.Set("X-Forwarded-Proto", "https")
			trustProxies(parseProxies([]string{"10.0.0.0/8"}), http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				if r.RemoteAddr != tc.wantRemote || r.Host != tc.wantHost || r.Header.Get("X-Forwarded-Proto") != tc.wantProto {
					t.Errorf("remote %s, host %s, proto %q", r.RemoteAddr, r.Host, r.Header.Get("X-Forwarded-Proto"))
				}
			})).ServeHTTP(httptest.NewRecorder(), r)
		})
	}
}
