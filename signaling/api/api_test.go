package api_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/meetcast/meetcast/auth"
	"github.com/meetcast/meetcast/internal/catalog"
	"github.com/meetcast/meetcast/internal/store/storetest"
	"github.com/meetcast/meetcast/internal/unittest"
	"github.com/meetcast/meetcast/signaling/api"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// keysFile is shared by all tests: an RSA key takes long to make.
var keysFile = sync.OnceValues(func() ([]byte, error) {
	dir, err := os.MkdirTemp("", "meetcast-api")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, auth.KeysFile)
	if _, err := auth.OpenKeys(path, nil); err != nil {
		return nil, err
	}
	return os.ReadFile(path)
})

var start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// rig is the API on a store in memory, with one organisation.
type rig struct {
	*api.API
	clock   *unittest.Clock
	store   *storetest.Memory
	catalog *catalog.Catalog
	tokens  *auth.Tokens
	org     catalog.Organisation
	key     string // of org
	live    map[string]bool
}

func newRig(t testing.TB, edit ...func(*api.Config)) *rig {
	t.Helper()
	r := &rig{clock: unittest.NewClock(start), store: storetest.NewMemory(), live: make(map[string]bool)}
	r.catalog = catalog.New(r.store, r.clock.Now)
	path := filepath.Join(t.TempDir(), auth.KeysFile)
	file, err := keysFile()
	if err == nil {
		err = os.WriteFile(path, file, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	keys, err := auth.OpenKeys(path, r.clock.Now)
	if err != nil {
		t.Fatal(err)
	}
	r.tokens = auth.NewTokens(auth.Config{
		Keys: keys, Revocations: auth.NewStoreRevocations(r.store, r.clock.Now), Now: r.clock.Now,
	})
	first, err := r.catalog.Bootstrap(t.Context(), "Acme")
	if err != nil {
		t.Fatal(err)
	}
	r.org, r.key = first.Organisation, first.APIKey
	cfg := api.Config{
		Organisations: r.catalog,
		Streams:       r.catalog,
		Tokens:        r.tokens,
		Links:         api.Links{PublicURL: "https://meet.example.com"},
		Live:          func(name string) bool { return r.live[name] },
		Ready:         map[string]func(context.Context) error{"store": func(context.Context) error { return nil }},
		Failures:      5,
		Now:           r.clock.Now,
	}
	for _, e := range edit {
		e(&cfg)
	}
	r.API = api.New(cfg)
	return r
}

// do sends a request; headers are "Name: value" lines.
func (r *rig) do(method, target, body string, headers ...string) *httptest.ResponseRecorder {
	req := httptest.NewRequest(method, target, strings.NewReader(body))
	for _, line := range headers {
		name, value, _ := strings.Cut(line, ": ")
		if name == "Host" {
			req.Host = value
		}
		req.Header.Set(name, value)
	}
	w := httptest.NewRecorder()
	r.ServeHTTP(w, req)
	return w
}

func wantStatus(t *testing.T, w *httptest.ResponseRecorder, status int, holds string) {
	t.Helper()
	body := w.Body.String()
	if w.Code != status || !strings.Contains(body, holds) {
		t.Errorf("%d %s, want %d with %q", w.Code, body, status, holds)
	}
}

func TestOwns(t *testing.T) {
	r := newRig(t)
	for path, owns := range map[string]bool{
		"/organisation": true, "/organisation/webhook": true, "/stream": true, "/stream/x": true, "/nanomeet": true,
		"/.well-known/jwks.json": true, "/healthz": true, "/readyz": true,
		"/": false, "/stream/": false, "/stream/x/y": false, "/stream/{id}/": false, "/acme/room": false,
		"/organisation/": false, "/api/v1/signal": false, "": false,
	} {
		if r.Owns(path) != owns {
			t.Errorf("owns %q: %v", path, !owns)
		}
	}
}

func TestFailuresMakeWait(t *testing.T) {
	r := newRig(t)
	wrong := "x-bintu-apikey: mck_0000000000_" + strings.Repeat("A", 43)
	right := "x-bintu-apikey: " + r.key
	for range 4 {
		wantStatus(t, r.do("GET", "/organisation", "", wrong), 401, "Invalid API key")
	}
	wantStatus(t, r.do("GET", "/organisation", "", right), 200, "Acme")
	wantStatus(t, r.do("POST", "/nanomeet", "{}", "x-bintu-token: "+strings.Repeat("x", 300)), 401, "Invalid token")
	w := r.do("GET", "/organisation", "", wrong)
	wantStatus(t, w, 429, "Too many attempts")
	if got := w.Header().Get("Retry-After"); got != "12" {
		t.Errorf("Retry-After %q", got)
	}
	wantStatus(t, r.do("GET", "/organisation", "", right), 429, "Too many attempts")
	wantStatus(t, r.do("POST", "/nanomeet", "{}", "x-bintu-token: x"), 429, "Too many attempts")
	wantStatus(t, r.do("GET", "/.well-known/jwks.json", ""), 200, "keys")

	// Another address is not concerned.
	req := httptest.NewRequest("GET", "/organisation", nil)
	req.Header.Set("x-bintu-apikey", r.key)
	req.RemoteAddr = "198.51.100.1:1"
	other := httptest.NewRecorder()
	r.ServeHTTP(other, req)
	wantStatus(t, other, 200, "Acme")

	r.clock.Move(12 * time.Second)
	wantStatus(t, r.do("GET", "/organisation", "", right), 200, "Acme")
}

// TestLateTokensAreNoGuesses: a whole office whose token has expired must not
// lock itself out.
func TestLateTokensAreNoGuesses(t *testing.T) {
	r := newRig(t)
	token, _, err := r.tokens.Room(auth.RoomRequest{
		Organisation: r.org.ID, Room: "r", StreamName: "AbCdE-12345", Server: "h", Moderator: true,
		NotBefore: start, Expires: start.Add(time.Minute),
	})
	if err != nil {
		t.Fatal(err)
	}
	r.clock.Move(time.Hour)
	for range 20 {
		wantStatus(t, r.do("POST", "/nanomeet", "{}", "x-bintu-token: "+token), 401, "Token expired")
	}
}

func TestCORS(t *testing.T) {
	preflight := []string{
		"Origin: https://app.example.org", "Access-Control-Request-Method: POST",
		"Access-Control-Request-Headers: content-type,x-bintu-apikey",
	}
	cases := []struct {
		name    string
		origins []string
		want    string
	}{
		{"default", nil, "*"},
		{"star", []string{"*"}, "*"},
		{"listed", []string{"https://a.example", "https://App.example.org/"}, "https://app.example.org"},
		{"not listed", []string{"https://a.example"}, ""},
		{"only a suffix", []string{"https://example.org"}, ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(t, func(cfg *api.Config) { cfg.Origins = c.origins })
			w := r.do("OPTIONS", "/nanomeet", "", preflight...)
			h := w.Header()
			if w.Code != 204 || h.Get("Access-Control-Allow-Origin") != c.want {
				t.Errorf("preflight: %d %v", w.Code, h)
			}
			allowed := h.Get("Access-Control-Allow-Headers")
			if c.want != "" && (!strings.Contains(h.Get("Access-Control-Allow-Methods"), "POST") ||
				!strings.Contains(allowed, "x-bintu-apikey") || !strings.Contains(allowed, "x-bintu-token") ||
				!strings.Contains(allowed, "content-type")) {
				t.Errorf("preflight: %v", h)
			}
			if c.want == "" && allowed != "" {
				t.Errorf("preflight of a stranger: %v", h)
			}
			if c.want != "*" && h.Get("Vary") != "Origin" {
				t.Errorf("Vary %q", h.Get("Vary"))
			}
			// An error is readable by the page as well.
			w = r.do("POST", "/nanomeet", "{}", preflight[0])
			wantStatus(t, w, 401, "Invalid API key")
			if got := w.Header().Get("Access-Control-Allow-Origin"); got != c.want {
				t.Errorf("answer allows %q", got)
			}
			if w.Header().Get("Access-Control-Allow-Credentials") != "" {
				t.Error("credentials are allowed")
			}
		})
	}
}

func TestLinks(t *testing.T) {
	forward := []string{"X-Forwarded-Proto: https", "X-Forwarded-Host: public.example.com, inner", "Host: inner:8080"}
	cases := []struct {
		name    string
		links   api.Links
		headers []string
		want    string // URL of the HLS playlist up to the name, and of the ingest
		ingest  string
	}{
		{"public URL", api.Links{PublicURL: "https://p.example/", TrustForwarded: true}, forward, "https://p.example", "rtmp://p.example:1935/live"},
		{"public URL with path and port", api.Links{PublicURL: "https://p.example:8443/m", RTMPPort: 1936}, forward, "https://p.example:8443/m", "rtmp://p.example:1936/live"},
		{"request", api.Links{}, []string{"Host: h.example:8080"}, "http://h.example:8080", "rtmp://h.example:1935/live"},
		{"IPv6", api.Links{}, []string{"Host: [::1]:8080"}, "http://[::1]:8080", "rtmp://[::1]:1935/live"},
		{"proxy not trusted", api.Links{}, forward, "http://inner:8080", "rtmp://inner:1935/live"},
		{"proxy trusted", api.Links{TrustForwarded: true}, forward, "https://public.example.com", "rtmp://public.example.com:1935/live"},
		{"odd proto", api.Links{TrustForwarded: true}, []string{"X-Forwarded-Proto: javascript", "Host: h"}, "http://h", "rtmp://h:1935/live"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(t, func(cfg *api.Config) { cfg.Links = c.links })
			w := r.do("POST", "/stream", "", append(c.headers, "x-bintu-apikey: "+r.key)...)
			wantStatus(t, w, 200, `"`+c.want+`/playout/`)
			wantStatus(t, w, 200, `"`+c.ingest+`"`)
		})
	}
	r := newRig(t, func(cfg *api.Config) { cfg.Links = api.Links{TrustForwarded: true} })
	for _, host := range []string{"Host: a b", "Host: a/b", "X-Forwarded-Host: \"><script>"} {
		wantStatus(t, r.do("POST", "/stream", "", host, "x-bintu-apikey: "+r.key), 400, "Invalid host")
		wantStatus(t, r.do("GET", "/stream", "", host, "x-bintu-apikey: "+r.key), 400, "Invalid host")
	}
}

func TestBodyLimit(t *testing.T) {
	r := newRig(t)
	key := "x-bintu-apikey: " + r.key
	fits := `{"tags":["` + strings.Repeat("x", 64<<10-12) + `"]}`
	wantStatus(t, r.do("POST", "/stream", fits[:len(fits)-1]+"}", key), 413, "too large")
	wantStatus(t, r.do("POST", "/stream", `{"x":"`+strings.Repeat("y", 60<<10)+`"}`, key), 200, "streamname")
	wantStatus(t, r.do("PUT", "/organisation/webhook", strings.Repeat(" ", 70<<10), key), 413, "too large")
	wantStatus(t, r.do("POST", "/stream", strings.Repeat("[", 60<<10), key), 400, "one JSON object")
	wantStatus(t, r.do("POST", "/stream", `{"a":`+strings.Repeat("[", 60<<10), key), 400, "not valid JSON")
}

func TestReady(t *testing.T) {
	var broken error
	r := newRig(t, func(cfg *api.Config) {
		cfg.Ready = map[string]func(context.Context) error{
			"store":  func(context.Context) error { return broken },
			"ingest": func(context.Context) error { return nil },
		}
	})
	wantStatus(t, r.do("GET", "/readyz", ""), 200, "ready")
	broken = errors.New("secret reason")
	w := r.do("GET", "/readyz", "")
	wantStatus(t, w, 503, "Not working: store.")
	if strings.Contains(w.Body.String(), "secret") {
		t.Error("the answer tells what is for the log only")
	}
	wantStatus(t, r.do("GET", "/healthz", ""), 200, "ok")
}

// TestStoreFails: a fault of ours is a 500 that tells nothing of it.
func TestStoreFails(t *testing.T) {
	r := newRig(t)
	token, _, err := r.tokens.Room(auth.RoomRequest{
		Organisation: r.org.ID, Room: "r", StreamName: "AbCdE-12345", Server: "h", Moderator: true,
		NotBefore: start, Expires: start.Add(time.Minute),
	})
	if err != nil {
		t.Fatal(err)
	}
	r.store.Fail(errors.New("disk on fire"))
	for _, w := range []*httptest.ResponseRecorder{
		r.do("GET", "/organisation", "", "x-bintu-apikey: "+r.key),
		r.do("POST", "/nanomeet", "{}", "x-bintu-token: "+token),
	} {
		wantStatus(t, w, 500, "Internal error")
		if strings.Contains(w.Body.String(), "fire") {
			t.Error("the answer tells the cause")
		}
	}
}

// TestRefusedRoomMakesNoStream: a stream is made only for a token that is made.
func TestRefusedRoomMakesNoStream(t *testing.T) {
	r := newRig(t)
	key := "x-bintu-apikey: " + r.key
	const good = `{"exp":"2026-03-01T13:00","nbf":"2026-03-01T12:00","room":"r","moderator":true,"server":"h"}`
	for _, bad := range []string{
		strings.Replace(good, "13:00", "11:00", 1), strings.Replace(good, "2026", "2028", 1),
		strings.Replace(good, `"h"`, `"h/"`, 1), strings.Replace(good, `"r"`, `"r-r"`, 1),
		strings.Replace(good, `"room"`, `"streamname":"x/y","room"`, 1),
	} {
		wantStatus(t, r.do("POST", "/nanomeet", bad, key), 400, "Invalid")
	}
	count := func() int {
		streams, err := r.catalog.Streams(t.Context(), r.org.ID, 10)
		if err != nil {
			t.Fatal(err)
		}
		return len(streams)
	}
	if n := count(); n != 0 {
		t.Errorf("refused requests made %d streams", n)
	}
	wantStatus(t, r.do("POST", "/nanomeet", good, key), 200, "data")
	if n := count(); n != 1 {
		t.Errorf("a room made %d streams", n)
	}
}

func TestRevokedInviter(t *testing.T) {
	r := newRig(t)
	token, claims, err := r.tokens.Room(auth.RoomRequest{
		Organisation: r.org.ID, Room: "r", StreamName: "AbCdE-12345", Server: "h", Moderator: true,
		NotBefore: start, Expires: start.Add(time.Minute),
	})
	if err != nil {
		t.Fatal(err)
	}
	header := "x-bintu-token: " + token
	wantStatus(t, r.do("POST", "/nanomeet", `{"moderator":false}`, header), 200, "data")
	if err := r.tokens.Revoke(t.Context(), claims); err != nil {
		t.Fatal(err)
	}
	wantStatus(t, r.do("POST", "/nanomeet", `{"moderator":false}`, header), 401, "Token revoked")
}

func TestHead(t *testing.T) {
	r := newRig(t)
	srv := httptest.NewServer(r)
	defer srv.Close()
	resp, err := http.Head(srv.URL + "/healthz")
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	srv.Client().CloseIdleConnections()
	http.DefaultClient.CloseIdleConnections()
	if resp.StatusCode != 200 || resp.Header.Get("Content-Type") != "application/json" {
		t.Errorf("%d %v", resp.StatusCode, resp.Header)
	}
}
