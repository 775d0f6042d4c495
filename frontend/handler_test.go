package frontend

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/fstest"
)

func testFiles() fstest.MapFS {
	return fstest.MapFS{
		"meeting.html":           {Data: []byte("<!doctype html>meeting")},
		"index.html":             {Data: []byte("<!doctype html>index")},
		"helper.html":            {Data: []byte("<!doctype html>helper")},
		"sample.html":            {Data: []byte("<!doctype html>sample")},
		"player.html":            {Data: []byte("<!doctype html>player")},
		"js/nanomeet.js":         {Data: []byte("plain script")},
		"js/nanomeet.js.gz":      {Data: []byte("gzip script")},
		"js/nanomeet.js.br":      {Data: []byte("brotli script")},
		"assets/meeting-1a2b.js": {Data: []byte("asset")},
		"assets/inter-3c4d.woff2": {
			Data: []byte("font"),
		},
	}
}

func get(t *testing.T, h http.Handler, path string, head map[string]string) (*http.Response, string) {
	t.Helper()
	r := httptest.NewRequest(http.MethodGet, "http://meet.test:8080"+path, nil)
	for k, v := range head {
		r.Header.Set(k, v)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	body, err := io.ReadAll(w.Result().Body)
	if err != nil {
		t.Fatal(err)
	}
	return w.Result(), string(body)
}

func TestRoutes(t *testing.T) {
	h := newHandler(testFiles(), true)
	browser := map[string]string{"Accept": "text/html,*/*"}
	for _, tt := range []struct {
		path   string
		status int
		body   string
	}{
		{"/", 200, "index"},
		{"/nanomeet-frontend/nanomeet-helper.html", 200, "helper"},
		{"/nanomeet-frontend/nanomeet-helper.html?bintu.apikey=x", 200, "helper"},
		{"/nanomeet-frontend/nanomeet-sample.html?token=x", 200, "sample"},
		{"/nanoplayer/release/nanoplayer.html?bintu.streamname=x", 200, "player"},
		{"/js/nanomeet.js", 200, "plain script"},
		{"/nanomeet-frontend/js/nanomeet.js", 200, "plain script"},
		{"/assets/meeting-1a2b.js", 200, "asset"},
		{"/acme/standup?jwt=x", 200, "meeting"},
		{"/acme/standup/", 200, "meeting"},
		{"/acme-1/Room_2", 200, "meeting"},
		{"/acme/stand-up", 404, "nothing here"},
		{"/acme", 404, "nothing here"},
		{"/acme/standup/more", 404, "nothing here"},
		{"/vod/standup", 404, "nothing here"},
		{"/js/missing", 404, "nothing here"},
		{"/assets/missing.js", 404, `"error"`},
		{"/assets/../meeting.html", 404, `"error"`},
		{"/api/v1/nothing", 404, `"error"`},
		{"/meeting.html", 404, "nothing here"},
	} {
		res, body := get(t, h, tt.path, browser)
		if res.StatusCode != tt.status || !strings.Contains(body, tt.body) {
			t.Errorf("GET %s: %d %q, want %d with %q", tt.path, res.StatusCode, body, tt.status, tt.body)
		}
		if res.Header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("GET %s: content may be sniffed", tt.path)
		}
	}
}

func TestErrorsAreJSONForScripts(t *testing.T) {
	h := newHandler(testFiles(), true)
	res, body := get(t, h, "/nothing", map[string]string{"Accept": "application/json"})
	var e struct{ Error, Message string }
	if err := json.Unmarshal([]byte(body), &e); err != nil || e.Error == "" || e.Message == "" {
		t.Fatalf("body %q: %v", body, err)
	}
	if res.StatusCode != 404 || res.Header.Get("Content-Type") != "application/json" {
		t.Fatalf("answer %d %v", res.StatusCode, res.Header)
	}
}

func TestMethods(t *testing.T) {
	h := newHandler(testFiles(), true)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/", nil))
	if w.Code != http.StatusMethodNotAllowed || w.Header().Get("Allow") != "GET, HEAD" {
		t.Fatalf("POST / answers %d %v", w.Code, w.Header())
	}
	w = httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodHead, "/acme/standup", nil))
	if w.Code != http.StatusOK || w.Body.Len() != 0 {
		t.Fatalf("HEAD answers %d with %d bytes", w.Code, w.Body.Len())
	}
}

func TestCompressionAndCaching(t *testing.T) {
	h := newHandler(testFiles(), true)
	for _, tt := range []struct{ accept, encoding, body string }{
		{"gzip, deflate, br", "br", "brotli script"},
		{"gzip, br;q=0", "gzip", "gzip script"},
		{"gzip;q=0.5", "gzip", "gzip script"},
		{"", "", "plain script"},
		{"zstd", "", "plain script"},
	} {
		res, body := get(t, h, "/js/nanomeet.js", map[string]string{"Accept-Encoding": tt.accept})
		if got := res.Header.Get("Content-Encoding"); got != tt.encoding || body != tt.body {
			t.Errorf("Accept-Encoding %q: %q %q", tt.accept, got, body)
		}
		if res.Header.Get("Vary") != "Accept-Encoding" || res.Header.Get("Access-Control-Allow-Origin") != "*" {
			t.Errorf("headers %v", res.Header)
		}
	}
	res, _ := get(t, h, "/assets/inter-3c4d.woff2", nil)
	if !strings.Contains(res.Header.Get("Cache-Control"), "immutable") || res.Header.Get("Content-Type") != "font/woff2" {
		t.Errorf("asset headers %v", res.Header)
	}
	res, _ = get(t, h, "/acme/standup", nil)
	if res.Header.Get("Cache-Control") != "no-cache" {
		t.Errorf("page headers %v", res.Header)
	}
	res, body := get(t, h, "/acme/standup", map[string]string{"If-None-Match": res.Header.Get("ETag")})
	if res.StatusCode != http.StatusNotModified || body != "" {
		t.Errorf("a known page is sent again: %d %q", res.StatusCode, body)
	}
}

func TestPolicies(t *testing.T) {
	h := newHandler(testFiles(), true)
	csp := func(path string) string {
		res, _ := get(t, h, path, nil)
		return res.Header.Get("Content-Security-Policy")
	}
	for _, path := range []string{"/", "/acme/standup", "/nanoplayer/release/nanoplayer.html"} {
		p := csp(path)
		if !strings.Contains(p, "default-src 'none'") || strings.Contains(p, "unsafe") {
			t.Errorf("%s: policy %q", path, p)
		}
		if !strings.Contains(p, "ws://meet.test:8080") {
			t.Errorf("%s: WebSockets of the own host are not named in %q", path, p)
		}
	}
	if strings.Contains(csp("/acme/standup"), "frame-ancestors") {
		t.Error("the meeting page must be embeddable anywhere")
	}
	if !strings.Contains(csp("/nanomeet-frontend/nanomeet-helper.html"), "frame-ancestors 'self'") {
		t.Error("the token creator must not be embedded by others")
	}
	res, _ := get(t, h, "/acme/standup", nil)
	if !strings.Contains(res.Header.Get("Permissions-Policy"), "camera=(self)") || res.Header.Get("Referrer-Policy") != "no-referrer" {
		t.Errorf("headers %v", res.Header)
	}
}

func TestHostIsNotTrusted(t *testing.T) {
	h := newHandler(testFiles(), true)
	r := httptest.NewRequest(http.MethodGet, "/acme/standup", nil)
	r.Host = "x; script-src *"
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	if p := w.Header().Get("Content-Security-Policy"); strings.Contains(p, "script-src *") {
		t.Fatalf("policy %q", p)
	}
}

func TestUnbuilt(t *testing.T) {
	h := newHandler(nil, false)
	res, body := get(t, h, "/acme/standup", map[string]string{"Accept": "text/html"})
	if res.StatusCode != http.StatusServiceUnavailable || !strings.Contains(body, "without the pages") {
		t.Fatalf("%d %q", res.StatusCode, body)
	}
	res, body = get(t, h, "/js/nanomeet.js", nil)
	if res.StatusCode != http.StatusServiceUnavailable || !strings.Contains(body, `"error"`) {
		t.Fatalf("%d %q", res.StatusCode, body)
	}
}

// TestEmbedded checks the package as it is compiled here, with pages or without.
func TestEmbedded(t *testing.T) {
	_, built := Files()
	res, _ := get(t, Handler(), "/acme/standup", map[string]string{"Accept": "text/html"})
	want := http.StatusServiceUnavailable
	if built {
		want = http.StatusOK
	}
	if res.StatusCode != want {
		t.Fatalf("status %d, want %d", res.StatusCode, want)
	}
}
