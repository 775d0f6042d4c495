package whip

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/meetcast/meetcast/sfu/room"
)

// TestRefusals: each mistake has its status, and a sentence that says what to do.
func TestRefusals(t *testing.T) {
	w := newWorld(t)
	w.inhabit()
	offer := golden(t, "obs")
	const at = "/whip/acme/standup"
	for name, c := range map[string]struct {
		method, path, body string
		headers            []string
		status             int
	}{
		"no token":        {"POST", at, offer, []string{isSDP}, 401},
		"basic":           {"POST", at, offer, []string{isSDP, "Authorization: Basic YTpi"}, 401},
		"forged":          {"POST", at, offer, []string{isSDP, "Authorization: Bearer x"}, 401},
		"endless token":   {"POST", at, offer, []string{isSDP, "Authorization: Bearer " + strings.Repeat("x", 9<<10)}, 401},
		"expired":         {"POST", at, offer, []string{isSDP, "Authorization: Bearer acme/standup bob expired"}, 401},
		"another room":    {"POST", at, offer, []string{isSDP, "Authorization: Bearer acme/other bob user"}, 403},
		"another org":     {"POST", "/whip/evil/standup", offer, []string{isSDP, asBob}, 403},
		"store down":      {"POST", at, offer, []string{isSDP, "Authorization: Bearer acme/standup bob broken"}, 500},
		"no type":         {"POST", at, offer, []string{asBob}, 415},
		"another type":    {"POST", at, offer, []string{"Content-Type: application/json", asBob}, 415},
		"empty":           {"POST", at, "", []string{isSDP, asBob}, 400},
		"no SDP":          {"POST", at, "hello", []string{isSDP, asBob}, 400},
		"no m-lines":      {"POST", at, "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n", []string{isSDP, asBob}, 400},
		"oversize":        {"POST", at, strings.Repeat("x", maxOffer+1), []string{isSDP, asBob}, 413},
		"unknown source":  {"POST", at + "?source=nose", offer, []string{isSDP, asBob}, 400},
		"receives":        {"POST", at, strings.ReplaceAll(offer, "a=sendonly", "a=recvonly"), []string{isSDP, asBob}, 422},
		"sends to WHEP":   {"POST", "/whep/acme/standup/Ann", offer, []string{isSDP, asBob}, 422},
		"data channel":    {"POST", at, strings.Replace(offer, "m=audio", "m=application", 1), []string{isSDP, asBob}, 422},
		"two cameras":     {"POST", at, strings.Replace(offer, "m=audio", "m=video", 1), []string{isSDP, asBob}, 422},
		"all off":         {"POST", at, strings.ReplaceAll(offer, "a=sendonly", "a=inactive"), []string{isSDP, asBob}, 422},
		"no mid":          {"POST", at, strings.Replace(offer, "a=mid:1\r\n", "", 1), []string{isSDP, asBob}, 422},
		"no fingerprint":  {"POST", at, strings.ReplaceAll(offer, "a=fingerprint", "a=f"), []string{isSDP, asBob}, 422},
		"no codec":        {"POST", at, strings.ReplaceAll(offer, "H264", "H265"), []string{isSDP, asBob}, 422},
		"nobody there":    {"POST", "/whep/acme/standup/Zoe", strings.ReplaceAll(offer, "sendonly", "recvonly"), []string{isSDP, asBob}, 404},
		"no room":         {"POST", "/whep/acme/empty/Ann", strings.ReplaceAll(offer, "sendonly", "recvonly"), []string{isSDP, "Authorization: Bearer acme/empty bob user"}, 404},
		"nothing on air":  {"POST", "/whep/show", strings.ReplaceAll(offer, "sendonly", "recvonly"), []string{isSDP}, 404},
		"unknown address": {"POST", "/whip/acme", offer, []string{isSDP, asBob}, 404},
		"get":             {"GET", at, "", []string{asBob}, 405},
		"put":             {"PUT", at, "", []string{asBob}, 405},
		"get session":     {"GET", whipSession + "x", "", nil, 405},
		"patch unknown":   {"PATCH", whipSession + "x", "a=end-of-candidates\r\n", []string{isFra, "If-Match: *"}, 404},
		"delete unknown":  {"DELETE", whepSession + "x", "", nil, 404},
	} {
		r := w.call(c.method, c.path, c.body, c.headers...)
		var e struct{ Error, Message string }
		if err := json.Unmarshal([]byte(r.body), &e); err != nil || r.status != c.status || e.Error == "" || e.Message == "" {
			t.Errorf("%s: answered %d %s, want %d", name, r.status, r.body, c.status)
		}
		if r.status == 401 && r.header.Get("WWW-Authenticate") != "Bearer" || r.status == 405 && r.header.Get("Allow") == "" {
			t.Errorf("%s: headers are %v", name, r.header)
		}
		if strings.Contains(r.body, "store is down") || r.header.Get("Access-Control-Allow-Origin") != "*" {
			t.Errorf("%s: answered %s, %v", name, r.body, r.header)
		}
	}
	if s := w.server.Stats(); s.Opened != 0 || s.Refused < 25 || w.rooms.Stats().Members != 1 {
		t.Errorf("stats %+v, %+v", s, w.rooms.Stats())
	}
}

// TestFull: rooms and server have limits, and viewers take no place of an encoder.
func TestFull(t *testing.T) {
	w := newWorld(t, func(c *Config, r *room.Config) { c.MaxSessions, c.MaxPending, r.MaxMembers = 2, 1, 2 })
	w.inhabit()
	w.shows.set()
	offer := golden(t, "obs")
	play := func() reply {
		return w.call("POST", "/whep/show", strings.ReplaceAll(offer, "sendonly", "recvonly"), isSDP)
	}
	if r := play(); r.status != 201 {
		t.Fatalf("a viewer: %d %s", r.status, r.body)
	}
	if r := play(); r.status != 429 || r.header.Get("Retry-After") == "" {
		t.Errorf("another viewer, not connected: %d %s", r.status, r.body)
	}
	publish := func() reply { return w.call("POST", "/whip/acme/standup", offer, isSDP, asBob) }
	first := publish()
	if first.status != 201 {
		t.Fatalf("answered %d %s", first.status, first.body)
	}
	if r := publish(); r.status != 503 || !strings.Contains(r.body, "room is full") || r.header.Get("Retry-After") == "" {
		t.Errorf("beyond the members: %d %s", r.status, r.body)
	}
	if r := w.call("POST", "/whip/acme/other", offer, isSDP, "Authorization: Bearer acme/other bob user"); r.status != 201 {
		t.Errorf("another room: %d %s", r.status, r.body)
	}
	if r := publish(); r.status != 503 || !strings.Contains(r.body, "server has no place") {
		t.Errorf("beyond the sessions: %d %s", r.status, r.body)
	}
	if r := w.call("DELETE", first.header.Get("Location"), ""); r.status != 200 {
		t.Errorf("delete: %d %s", r.status, r.body)
	}
	if r := publish(); r.status != 201 {
		t.Errorf("after the end of one: %d %s", r.status, r.body)
	}
	if err := w.server.Close(); err != nil {
		t.Error(err)
	}
	for _, r := range []reply{publish(), play()} {
		if r.status != 503 {
			t.Errorf("after Close: %d %s", r.status, r.body)
		}
	}
}

// TestBanned: who was kicked out stays out.
func TestBanned(t *testing.T) {
	w := newWorld(t)
	w.tokens.revoke("bob")
	for _, path := range []string{"/whip/acme/standup", "/whep/acme/standup/Ann"} {
		if r := w.call("POST", path, golden(t, "obs"), isSDP, asBob); r.status != 403 || !strings.Contains(r.body, "removed") {
			t.Errorf("%s: %d %s", path, r.status, r.body)
		}
	}
}

// TestOptions: a page may ask before it sends, and only those that are allowed.
func TestOptions(t *testing.T) {
	w := newWorld(t, func(c *Config, _ *room.Config) { c.Origins = []string{"https://studio.example"} })
	for path, want := range map[string]string{"/whip/acme/standup": "Accept-Post", "/whep/show": "Accept-Post", whepSession + "x": "Accept-Patch"} {
		r := w.call("OPTIONS", path, "", "Origin: https://studio.example", "Access-Control-Request-Method: POST")
		if r.status != 204 || r.header.Get(want) == "" || r.header.Get("Access-Control-Allow-Origin") != "https://studio.example" ||
			!strings.Contains(r.header.Get("Access-Control-Allow-Headers"), "If-Match") ||
			!strings.Contains(r.header.Get("Access-Control-Expose-Headers"), "Location") {
			t.Errorf("%s: %d %v", path, r.status, r.header)
		}
	}
	if r := w.call("OPTIONS", "/whep/show", "", "Origin: https://evil.example"); r.header.Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("another page may read: %v", r.header)
	}
}

// TestIfMatch: RFC 9110 §13.1.1 with strong comparison.
func TestIfMatch(t *testing.T) {
	for header, want := range map[string]match{
		"-": matchNone, "*": matchAny, `"a"`: matchThis, `"b", "a"`: matchThis, `W/"a"`: matchOther, "a": matchOther, "": matchOther,
	} {
		r := &http.Request{Header: http.Header{}}
		if header != "-" {
			r.Header.Set("If-Match", header)
		}
		if got := matches(r, `"a"`); got != want {
			t.Errorf("%s: %v, want %v", header, got, want)
		}
	}
}

// TestLinks: credentials survive whatever they are made of.
func TestLinks(t *testing.T) {
	w := newWorld(t)
	r := w.call("POST", "/whip/acme/standup", golden(t, "obs"), isSDP, asBob)
	want := []string{`<stun:192.0.2.1>; rel="ice-server"`,
		`<turn:192.0.2.1?transport=udp>; rel="ice-server"; username="a\"b"; credential="c"; credential-type="password"`}
	if got := r.header.Values("Link"); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("links are %q", got)
	}
}
