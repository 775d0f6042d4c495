package rtmp

import (
	"errors"
	"net/netip"
	"strings"
	"testing"
)

func TestPolicy(t *testing.T) {
	p, err := NewPolicy(PolicyConfig{
		Allow: []string{"live.example.com", "studio.local:1936", "*.cdn.example", "rtmps://ingest.example/app/", "10.0.0.7"},
		Aliases: map[string]string{
			"bintu-stream.example": "127.0.0.1:1935",
			"studio":               "10.1.2.3:1940/tv",
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		url     string
		kind    Kind // empty: allowed
		dial    string
		app     string
		private bool
	}{
		{"rtmp://live.example.com/app/key", "", "live.example.com:1935", "app", true},
		{"rtmp://LIVE.example.com.:1999/app/key", "", "live.example.com:1999", "app", true},
		{"rtmps://live.example.com/a/b/key?x=1", "", "live.example.com:443", "a/b", true},
		{"rtmp://studio.local:1936/app/key", "", "studio.local:1936", "app", true},
		{"rtmp://studio.local/app/key", KindNotAllowed, "", "", false},
		{"rtmp://a.cdn.example/app/key", "", "a.cdn.example:1935", "app", false},
		{"rtmp://cdn.example/app/key", KindNotAllowed, "", "", false},
		{"rtmp://evilcdn.example/app/key", KindNotAllowed, "", "", false},
		{"rtmps://ingest.example/app/key", "", "ingest.example:443", "app", true},
		{"rtmps://ingest.example/apple/key", KindNotAllowed, "", "", false},
		{"rtmp://ingest.example/app/key", KindNotAllowed, "", "", false},
		{"rtmp://10.0.0.7/app/key", "", "10.0.0.7:1935", "app", true},
		{"rtmp://10.0.0.8/app/key", KindNotAllowed, "", "", false},
		{"rtmp://bintu-stream.example/live/key", "", "127.0.0.1:1935", "live", true},
		{"rtmp://studio:1935/live/key", "", "10.1.2.3:1940", "tv", true},
		{"http://live.example.com/app/key", KindAddress, "", "", false},
		{"rtmp://live.example.com/key", KindAddress, "", "", false},
		{"rtmp://live.example.com/app/", KindAddress, "", "", false},
		{"rtmp:///app/key", KindAddress, "", "", false},
		{"rtmp://user:pass@live.example.com/app/key", KindAddress, "", "", false},
		{"rtmp://live.example.com/app/" + strings.Repeat("k", 3000), KindAddress, "", "", false},
		{"live.example.com/app/key", KindAddress, "", "", false},
		{"rtmp://[::1/app/key", KindAddress, "", "", false},
	}
	for _, tt := range tests {
		target, err := p.Resolve(tt.url)
		if tt.kind != "" {
			var e *Error
			if !errors.As(err, &e) || e.Kind != tt.kind || strings.Contains(e.Sentence()+e.Error(), "pass") && strings.Contains(e.Sentence(), "user:pass") {
				t.Errorf("%s: %v, want %s", tt.url, err, tt.kind)
			}
			continue
		}
		if err != nil || target.address() != tt.dial || target.App != tt.app || target.private != tt.private {
			t.Errorf("%s: %+v, %v", tt.url, target, err)
		}
		if strings.Contains(target.String(), "key") {
			t.Errorf("%s shows its key", target)
		}
	}
}

func TestPolicyAnyIsPublicOnly(t *testing.T) {
	p, err := NewPolicy(PolicyConfig{Allow: []string{"*"}})
	if err != nil {
		t.Fatal(err)
	}
	for _, url := range []string{"rtmp://127.0.0.1/live/key", "rtmp://[::1]/live/key", "rtmp://169.254.169.254/live/key", "rtmp://[::ffff:10.0.0.1]/live/key"} {
		if err := p.Check(url); err == nil {
			t.Errorf("%s allowed", url)
		}
	}
	if err := p.Check("rtmp://8.8.8.8/live/key"); err != nil {
		t.Error(err)
	}
	var none Policy
	if err := none.Check("rtmp://8.8.8.8/live/key"); err == nil {
		t.Error("an empty policy allowed a destination")
	}
}

func TestPublic(t *testing.T) {
	tests := map[string]bool{
		"8.8.8.8": true, "2606:4700::1111": true,
		"127.0.0.1": false, "10.1.2.3": false, "172.16.0.1": false, "192.168.1.1": false, "169.254.169.254": false,
		"0.0.0.0": false, "100.64.0.1": false, "224.0.0.1": false, "255.255.255.255": false, "198.18.0.1": false,
		"::1": false, "::": false, "fe80::1": false, "fc00::1": false, "ff02::1": false, "::ffff:127.0.0.1": false,
		"64:ff9b::7f00:1": false, "2002:7f00:1::": false, "2001:db8::1": false, "fec0::1": false,
	}
	for a, want := range tests {
		if got := Public(netip.MustParseAddr(a)); got != want {
			t.Errorf("Public(%s) = %v", a, got)
		}
	}
	if Public(netip.Addr{}) {
		t.Error("the zero address is public")
	}
}

func TestPolicyConfigErrors(t *testing.T) {
	for _, cfg := range []PolicyConfig{
		{Allow: []string{""}}, {Allow: []string{"http://x/"}}, {Allow: []string{"a/b"}}, {Allow: []string{"us*er"}},
		{Aliases: map[string]string{"a": "/app"}},
	} {
		if _, err := NewPolicy(cfg); err == nil {
			t.Errorf("%+v accepted", cfg)
		}
	}
}

// What is logged and shown of a destination never has its key.
func TestTargetHidesTheKey(t *testing.T) {
	for in, want := range map[string]string{
		"rtmp://host/app/secret?x=y":     "rtmp://host/app/…",
		"rtmps://host:9999/app/secret":   "rtmps://host:9999/app/…",
		"rtmp://host:1935/a/b/c/secret#": "rtmp://host/a/b/c/…",
	} {
		if target, err := ParseTarget(in); err != nil || target.String() != want {
			t.Errorf("%q is shown as %q, want %q (%v)", in, target, want, err)
		}
	}
	for _, in := range []string{"rtmp://user:secret@host/app/secret", "something with secret in it", "rtmp://host/secretwithoutapp"} {
		if _, err := ParseTarget(in); err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%q: %v", in, err)
		}
	}
}

// FuzzTarget: whatever a client writes, no key gets into a text.
func FuzzTarget(f *testing.F) {
	f.Add("rtmp://host/app/longsecret?token=1")
	f.Add("rtmps://[::1]:443/a/b/longsecret")
	f.Add("rtmp://u:p@host/app/longsecret")
	f.Fuzz(func(t *testing.T, s string) {
		target, err := ParseTarget(s)
		if err != nil {
			return
		}
		if target.App == "" || target.Key == "" || target.host == "" {
			t.Fatalf("%q gave %+v", s, target)
		}
		if e := target.errorf(KindKey, errors.New("cannot "+target.Key), target.Key); target.secret() != "" && strings.Contains(e.Error(), target.Key) {
			t.Fatalf("key %q in %q", target.Key, e.Error())
		}
	})
}
