package configs_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/meetcast/meetcast/configs"
)

func TestReferenceIsValid(t *testing.T) {
	c, err := configs.Load("", nil)
	if err != nil {
		t.Fatal(err)
	}
	if c.HTTP.Address != ":8080" || c.Rooms.ResumeGrace != 30*time.Second || c.Recording.Dir != filepath.Join("data", "vod") {
		t.Errorf("defaults are %+v", c)
	}
}

func TestLoad(t *testing.T) {
	for name, tc := range map[string]struct {
		yaml string
		env  []string
		want string // part of the error; empty for success
		ok   func(*configs.Config) bool
	}{
		"empty file":     {yaml: "", ok: func(c *configs.Config) bool { return c.Broadcast.FPS == 30 }},
		"one key":        {yaml: "broadcast:\n  fps: 25\n", ok: func(c *configs.Config) bool { return c.Broadcast.FPS == 25 && c.Broadcast.Width == 1280 }},
		"unknown key":    {yaml: "log:\n  level: info\n  levle: info\n", want: "line 3: unknown key levle"},
		"wrong type":     {yaml: "broadcast:\n  fps: fast\n", want: "line 2"},
		"two documents":  {yaml: "log: {level: info}\n---\nlog: {level: info}\n", want: "more than one"},
		"bad value":      {yaml: "rtc: {port: 70000}\n", want: "rtc.port is 70000, must be 0 to 65535"},
		"two bad values": {yaml: "rtc: {port: 70000}\nlog: {level: loud}\n", want: "log.level must be"},
		"public url":     {yaml: "http: {public_url: meet.example.org}\n", want: "http.public_url"},
		"env string":     {env: []string{"MEETCAST_HTTP_ADDRESS=:81"}, ok: func(c *configs.Config) bool { return c.HTTP.Address == ":81" }},
		"env number":     {env: []string{"MEETCAST_BROADCAST_FPS=15"}, ok: func(c *configs.Config) bool { return c.Broadcast.FPS == 15 }},
		"env duration":   {env: []string{"MEETCAST_ROOMS_RESUME_GRACE=5s"}, ok: func(c *configs.Config) bool { return c.Rooms.ResumeGrace == 5*time.Second }},
		"env list": {env: []string{"MEETCAST_RTC_ADVERTISED_IPS=203.0.113.7, 2001:db8::1"}, ok: func(c *configs.Config) bool {
			return len(c.RTC.AdvertisedIPs) == 2 && c.RTC.AdvertisedIPs[1] == "2001:db8::1"
		}},
		"env over file":       {yaml: "broadcast: {fps: 25}", env: []string{"MEETCAST_BROADCAST_FPS=15"}, ok: func(c *configs.Config) bool { return c.Broadcast.FPS == 15 }},
		"env unknown":         {env: []string{"MEETCAST_HTP_ADDRESS=:81"}, want: "MEETCAST_HTP_ADDRESS: no such key"},
		"env bad":             {env: []string{"MEETCAST_BROADCAST_FPS=fast"}, want: "MEETCAST_BROADCAST_FPS"},
		"env of the commands": {env: []string{"MEETCAST_URL=http://x", "HOME=/"}},
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "c.yaml")
			if err := os.WriteFile(file, []byte(tc.yaml), 0o600); err != nil {
				t.Fatal(err)
			}
			c, err := configs.Load(file, tc.env)
			switch {
			case tc.want == "" && err != nil:
				t.Fatal(err)
			case tc.want != "" && (err == nil || !strings.Contains(err.Error(), tc.want)):
				t.Fatalf("error is %v, want one with %q", err, tc.want)
			case tc.ok != nil && !tc.ok(c):
				t.Errorf("configuration is %+v", c)
			}
		})
	}
}

// Every key must be explained: a comment directly above it or on its section.
func TestReferenceDocumentsEveryKey(t *testing.T) {
	lines := strings.Split(string(configs.Reference), "\n")
	explained := false
	for i, l := range lines {
		s := strings.TrimSpace(l)
		switch {
		case strings.HasPrefix(s, "#"):
			explained = true
		case s == "":
			explained = false
		case strings.HasSuffix(s, ":") && l == s: // section
			explained = false
		case s == `tls_key: ""`: // explained with tls_cert
		default:
			if !explained && !strings.HasPrefix(lines[i-1], "  ") {
				t.Errorf("line %d: %s has no comment", i+1, s)
			}
		}
	}
}
