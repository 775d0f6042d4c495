package vod

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestHandler(t *testing.T) {
	s, _ := open(t, Config{})
	put := func(name, content string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(s.cfg.Dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	put("done-20261122T130405Z.mp4", "0123456789")
	put("torn-20261122T130405Z.part", "x")
	put("secret.txt", "secret")
	outside := filepath.Join(t.TempDir(), "outside.mp4")
	if err := os.WriteFile(outside, []byte("outside"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(outside, filepath.Join(s.cfg.Dir, "link.mp4")); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(s.cfg.Dir, "folder.mp4"), 0o755); err != nil {
		t.Fatal(err)
	}
	r := recorder(t, s, "now")
	srv := httptest.NewServer(Handler(s))
	defer srv.Close()
	tests := []struct {
		name, method, path string
		header             map[string]string
		status             int
		body               string // or, for errors, the "error" of the JSON
	}{
		{"whole", "GET", "/vod/done-20261122T130405Z.mp4", nil, 200, "0123456789"},
		{"head", "HEAD", "/vod/done-20261122T130405Z.mp4", nil, 200, ""},
		{"range", "GET", "/vod/done-20261122T130405Z.mp4", map[string]string{"Range": "bytes=2-4"}, 206, "234"},
		{"last bytes", "GET", "/vod/done-20261122T130405Z.mp4", map[string]string{"Range": "bytes=-3"}, 206, "789"},
		{"range behind the end", "GET", "/vod/done-20261122T130405Z.mp4", map[string]string{"Range": "bytes=99-"}, 416, "*"},
		{"preflight", "OPTIONS", "/vod/done-20261122T130405Z.mp4", nil, 204, ""},
		{"unknown", "GET", "/vod/nothing-20261122T130405Z.mp4", nil, 404, "not found"},
		{"recording", "GET", "/vod/" + r.File(), nil, 409, "still recording"},
		{"interrupted", "GET", "/vod/torn-20261122T130405Z.mp4", nil, 409, "not finished"},
		{"fragments are not served", "GET", "/vod/torn-20261122T130405Z.part", nil, 404, "not found"},
		{"other file", "GET", "/vod/secret.txt", nil, 404, "not found"},
		{"traversal", "GET", "/vod/..%2f..%2fetc%2fpasswd", nil, 404, "not found"},
		{"traversal with suffix", "GET", "/vod/..%2foutside.mp4", nil, 404, "not found"},
		{"link out of the folder", "GET", "/vod/link.mp4", nil, 404, "not found"},
		{"folder", "GET", "/vod/folder.mp4", nil, 404, "not found"},
		{"listing", "GET", "/vod/", nil, 404, "not found"},
		{"post", "POST", "/vod/done-20261122T130405Z.mp4", nil, 405, "method not allowed"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			req, err := http.NewRequest(tt.method, srv.URL+tt.path, nil)
			if err != nil {
				t.Fatal(err)
			}
			for k, v := range tt.header {
				req.Header.Set(k, v)
			}
			res, err := srv.Client().Do(req)
			if err != nil {
				t.Fatal(err)
			}
			defer res.Body.Close()
			b, _ := io.ReadAll(res.Body)
			if res.StatusCode != tt.status {
				t.Fatalf("status %d: %s", res.StatusCode, b)
			}
			if res.StatusCode == 200 || res.StatusCode == 206 {
				h := res.Header
				if h.Get("Content-Type") != "video/mp4" || h.Get("Accept-Ranges") != "bytes" || h.Get("ETag") == "" ||
					h.Get("Access-Control-Allow-Origin") != "*" || !strings.Contains(h.Get("Cache-Control"), "max-age") {
					t.Errorf("headers %v", h)
				}
			}
			if tt.status >= 400 && tt.body != "*" {
				var e struct{ Error, Message string }
				if err := json.Unmarshal(b, &e); err != nil || e.Error != tt.body || e.Message == "" {
					t.Errorf("error %s, want %q", b, tt.body)
				}
			} else if tt.body != "*" && string(b) != tt.body {
				t.Errorf("body %q, want %q", b, tt.body)
			}
		})
	}
}
