package auth_test

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"go.uber.org/goleak"

	"github.com/meetcast/meetcast/auth"
	"github.com/meetcast/meetcast/internal/store/storetest"
	"github.com/meetcast/meetcast/internal/unittest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// start is when all tests begin.
var start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// rig is everything that makes and checks tokens, on one clock.
type rig struct {
	*auth.Tokens
	clock   *unittest.Clock
	keys    *auth.Keys
	path    string
	revoked *auth.StoreRevocations
	store   *storetest.Memory
}

func newRig(t testing.TB) *rig {
	t.Helper()
	r := &rig{
		clock: unittest.NewClock(start),
		path:  filepath.Join(t.TempDir(), "data", auth.KeysFile),
		store: storetest.NewMemory(),
	}
	var err error
	if r.keys, err = auth.OpenKeys(r.path, r.clock.Now); err != nil {
		t.Fatal(err)
	}
	r.revoked = auth.NewStoreRevocations(r.store, r.clock.Now)
	r.Tokens = auth.NewTokens(auth.Config{Keys: r.keys, Revocations: r.revoked, Now: r.clock.Now})
	return r
}

// request is a good request for a room of an hour; change edits it.
func request(change ...func(*auth.RoomRequest)) auth.RoomRequest {
	r := auth.RoomRequest{
		Organisation: "acme",
		Room:         "stand_Up1",
		StreamName:   "AbCdE-12345",
		Server:       "meet.example.com",
		Moderator:    true,
		NotBefore:    start,
		Expires:      start.Add(time.Hour),
	}
	for _, c := range change {
		c(&r)
	}
	return r
}

func (r *rig) room(t testing.TB, change ...func(*auth.RoomRequest)) (string, auth.Claims) {
	t.Helper()
	token, claims, err := r.Room(request(change...))
	if err != nil {
		t.Fatal(err)
	}
	return token, claims
}

func wantErr(t *testing.T, err, want error) {
	t.Helper()
	if want == nil && err != nil || want != nil && !errors.Is(err, want) {
		t.Errorf("error %v, want %v", err, want)
	}
}

func TestRoomToken(t *testing.T) {
	r := newRig(t)
	token, claims := r.room(t)
	got, err := r.Verify(t.Context(), token)
	if err != nil {
		t.Fatal(err)
	}
	if got != claims {
		t.Errorf("verified %+v, made %+v", got, claims)
	}
	want := auth.Claims{
		ID: got.ID, Organisation: "acme", Room: "stand_Up1", StreamName: "AbCdE-12345",
		Server: "meet.example.com", Moderator: true,
		NotBefore: start, Expires: start.Add(time.Hour), IssuedAt: start,
	}
	if got != want {
		t.Errorf("claims %+v, want %+v", got, want)
	}
	if len(got.ID) < 22 {
		t.Errorf("jti %q is short", got.ID)
	}
	if _, other := r.room(t); other.ID == got.ID {
		t.Error("two tokens have one jti")
	}
	if got.RoomID() != "acme/stand_Up1" {
		t.Errorf("room id %q", got.RoomID())
	}
}

// TestPayload checks the form that pages read without verifying it.
func TestPayload(t *testing.T) {
	r := newRig(t)
	token, claims := r.room(t, func(q *auth.RoomRequest) { q.Moderator = false })
	if len(token) < auth.MinToken || len(token) > auth.MaxToken {
		t.Errorf("token of %d bytes", len(token))
	}
	parts := strings.Split(token, ".")
	var header, payload map[string]any
	decode(t, parts[0], &header)
	decode(t, parts[1], &payload)
	if header["alg"] != "RS256" || header["typ"] != "JWT" || header["kid"] != r.JWKS().Keys[0].ID {
		t.Errorf("header %v", header)
	}
	want := map[string]any{
		"iss": "meetcast", "aud": "meetcast", "sub": "acme", "room": "stand_Up1",
		"streamname": "AbCdE-12345", "server": "meet.example.com", "moderator": false,
		"nbf": float64(start.Unix()), "exp": float64(start.Unix() + 3600), "iat": float64(start.Unix()),
		"jti": claims.ID,
	}
	if len(payload) != len(want) {
		t.Errorf("payload %v", payload)
	}
	for k, v := range want {
		if payload[k] != v {
			t.Errorf("payload %s = %v, want %v", k, payload[k], v)
		}
	}
}

func decode(t testing.TB, part string, to any) {
	t.Helper()
	data, err := base64.RawURLEncoding.DecodeString(part)
	if err == nil {
		err = json.Unmarshal(data, to)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func TestRoomRefusals(t *testing.T) {
	r := newRig(t)
	cases := []struct {
		name   string
		change func(*auth.RoomRequest)
		want   error
	}{
		{"good", func(*auth.RoomRequest) {}, nil},
		{"room with a space", func(q *auth.RoomRequest) { q.Room = "stand up" }, auth.ErrRoom},
		{"room with a hyphen", func(q *auth.RoomRequest) { q.Room = "stand-up" }, auth.ErrRoom},
		{"room with a slash", func(q *auth.RoomRequest) { q.Room = "a/b" }, auth.ErrRoom},
		{"room with an umlaut", func(q *auth.RoomRequest) { q.Room = "ä" }, auth.ErrRoom},
		{"no room", func(q *auth.RoomRequest) { q.Room = "" }, auth.ErrRoom},
		{"longest room", func(q *auth.RoomRequest) { q.Room = strings.Repeat("r", auth.MaxRoom) }, nil},
		{"room too long", func(q *auth.RoomRequest) { q.Room = strings.Repeat("r", auth.MaxRoom+1) }, auth.ErrRoom},
		{"no server", func(q *auth.RoomRequest) { q.Server = "" }, auth.ErrServer},
		{"server is a URL", func(q *auth.RoomRequest) { q.Server = "https://meet.example.com" }, auth.ErrServer},
		{"bad stream name", func(q *auth.RoomRequest) { q.StreamName = "../x" }, auth.ErrStreamName},
		{"nbf after exp", func(q *auth.RoomRequest) { q.NotBefore = q.Expires.Add(time.Second) }, auth.ErrDateOrder},
		{"nbf is exp", func(q *auth.RoomRequest) { q.NotBefore = q.Expires }, auth.ErrDateOrder},
		{"no dates", func(q *auth.RoomRequest) { q.NotBefore, q.Expires = time.Time{}, time.Time{} }, auth.ErrDate},
		{"exp past", func(q *auth.RoomRequest) {
			q.NotBefore, q.Expires = start.Add(-time.Hour), start
		}, auth.ErrExpired},
		{"exp in a year", func(q *auth.RoomRequest) { q.Expires = start.AddDate(1, 0, 0) }, nil},
		{"exp past a year", func(q *auth.RoomRequest) { q.Expires = start.AddDate(1, 0, 0).Add(time.Minute) }, auth.ErrTooLong},
		{"nbf long ago", func(q *auth.RoomRequest) { q.NotBefore = start.AddDate(-3, 0, 0) }, nil},
		{"nbf in half a year", func(q *auth.RoomRequest) {
			q.NotBefore, q.Expires = start.AddDate(0, 6, 0), start.AddDate(0, 7, 0)
		}, nil},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			token, _, err := r.Room(request(c.change))
			wantErr(t, err, c.want)
			if (token != "") != (c.want == nil) {
				t.Errorf("token %q", token)
			}
			if refusal, ok := auth.Refusal(err); c.want != nil && (!ok || refusal.Status() != 400) {
				t.Errorf("%v is not a 400", err)
			}
		})
	}
	// An organisation comes from our own records: a bad one is our fault.
	_, _, err := r.Room(request(func(q *auth.RoomRequest) { q.Organisation = "a.b" }))
	if _, ok := auth.Refusal(err); err == nil || ok {
		t.Errorf("bad organisation: %v", err)
	}
}

func TestInvite(t *testing.T) {
	r := newRig(t)
	_, inviter := r.room(t)
	token, made, err := r.Invite(inviter, auth.InviteRequest{})
	if err != nil {
		t.Fatal(err)
	}
	got, err := r.Verify(t.Context(), token)
	if err != nil || got != made {
		t.Fatalf("verified %+v, %v; made %+v", got, err, made)
	}
	want := inviter
	want.ID, want.Moderator = got.ID, false
	if got != want || got.ID == inviter.ID {
		t.Errorf("invite %+v, want %+v with its own id", got, want)
	}
	_, made, err = r.Invite(inviter, auth.InviteRequest{
		Moderator: true, NotBefore: start.Add(time.Minute), Expires: start.Add(time.Minute * 2),
	})
	if err != nil || !made.Moderator || !made.NotBefore.Equal(start.Add(time.Minute)) ||
		!made.Expires.Equal(start.Add(2*time.Minute)) {
		t.Errorf("narrower invite %+v, %v", made, err)
	}
}

func TestInviteRefusals(t *testing.T) {
	r := newRig(t)
	_, moderator := r.room(t)
	_, participant := r.room(t, func(q *auth.RoomRequest) { q.Moderator = false })
	after := func(d time.Duration) time.Time { return start.Add(d) }
	cases := []struct {
		name    string
		inviter auth.Claims
		req     auth.InviteRequest
		want    error
		status  int
	}{
		{"participant", participant, auth.InviteRequest{}, auth.ErrModerator, 403},
		{"outlives", moderator, auth.InviteRequest{Expires: after(time.Hour + time.Second)}, auth.ErrInviteLong, 400},
		{"outlives by part of a second", moderator, auth.InviteRequest{Expires: after(time.Hour + time.Millisecond)}, nil, 0},
		{"begins before", moderator, auth.InviteRequest{NotBefore: after(-time.Second)}, auth.ErrInviteEarly, 400},
		{"nbf after its exp", moderator, auth.InviteRequest{NotBefore: after(2 * time.Minute), Expires: after(time.Minute)}, auth.ErrDateOrder, 400},
		{"nbf after the inherited exp", moderator, auth.InviteRequest{NotBefore: after(2 * time.Hour)}, auth.ErrDateOrder, 400},
		{"same dates", moderator, auth.InviteRequest{NotBefore: start, Expires: after(time.Hour)}, nil, 0},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			_, _, err := r.Invite(c.inviter, c.req)
			wantErr(t, err, c.want)
			if refusal, ok := auth.Refusal(err); c.want != nil && (!ok || refusal.Status() != c.status) {
				t.Errorf("%v is not a %d", err, c.status)
			}
		})
	}
	r.clock.Move(30 * time.Minute)
	_, _, err := r.Invite(moderator, auth.InviteRequest{Expires: after(20 * time.Minute)})
	wantErr(t, err, auth.ErrExpired)
}

func TestVerifyTimes(t *testing.T) {
	r := newRig(t)
	token, _ := r.room(t)
	cases := []struct {
		at   time.Duration
		want error
	}{
		{-time.Hour, auth.ErrTokenEarly},
		{-auth.Leeway - time.Second, auth.ErrTokenEarly},
		{-auth.Leeway, nil},
		{0, nil},
		{time.Hour + auth.Leeway - time.Second, nil},
		{time.Hour + auth.Leeway, auth.ErrTokenExpired},
		{24 * time.Hour, auth.ErrTokenExpired},
	}
	for _, c := range cases {
		r.clock.Set(start.Add(c.at))
		_, err := r.Verify(t.Context(), token)
		if !errors.Is(err, c.want) {
			t.Errorf("after %v: %v, want %v", c.at, err, c.want)
		}
	}
}

// forge signs any header and claims with any key.
func forge(t testing.TB, method jwt.SigningMethod, key any, header, claims map[string]any) string {
	t.Helper()
	token := jwt.NewWithClaims(method, jwt.MapClaims(claims))
	for k, v := range header {
		token.Header[k] = v
	}
	s, err := token.SignedString(key)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// good is the payload of a valid token; change overwrites parts, nil deletes.
func good(change map[string]any) map[string]any {
	p := map[string]any{
		"iss": "meetcast", "aud": "meetcast", "sub": "acme", "room": "r", "streamname": "AbCdE-12345",
		"server": "localhost", "moderator": true, "jti": "id",
		"nbf": start.Unix(), "exp": start.Unix() + 3600, "iat": start.Unix(),
	}
	for k, v := range change {
		if p[k] = v; v == nil {
			delete(p, k)
		}
	}
	return p
}

func TestVerifyRefusals(t *testing.T) {
	r := newRig(t)
	own, kid := privateKey(t, r.path), map[string]any{"kid": r.JWKS().Keys[0].ID}
	stranger, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	valid, _ := r.room(t)
	parts := strings.Split(valid, ".")
	publicDER, err := x509.MarshalPKIXPublicKey(&own.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	publicPEM := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: publicDER})
	filler := strings.Repeat("x", 200)
	rs := func(header, claims map[string]any) string {
		return forge(t, jwt.SigningMethodRS256, own, header, claims)
	}
	tampered := []byte(mustDecode(t, parts[1]))
	tampered = []byte(strings.Replace(string(tampered), `"stand_Up1"`, `"board_Rm1"`, 1))
	cases := []struct {
		name, token string
		want        error
	}{
		{"control: forged like ours", rs(kid, good(nil)), nil},
		{"missing", "", auth.ErrTokenMissing},
		{"short", valid[:150], auth.ErrTokenMalformed},
		{"cut", valid[:len(valid)-10], auth.ErrTokenSignature},
		{"longer", valid + "AAAA", auth.ErrTokenSignature},
		{"endless", strings.Repeat("a", auth.MaxToken+1), auth.ErrTokenMalformed},
		{"nonsense", strings.Repeat("ab.", 100), auth.ErrTokenMalformed},
		{"unused bits set", valid[:len(valid)-1] + string(valid[len(valid)-1]+1), auth.ErrTokenMalformed},
		{"padding", valid + "==", auth.ErrTokenMalformed},
		{"two tokens", valid + "." + valid, auth.ErrTokenMalformed},
		{"tampered payload", parts[0] + "." + base64.RawURLEncoding.EncodeToString(tampered) + "." + parts[2], auth.ErrTokenSignature},
		{"alg none", forge(t, jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, kid, good(map[string]any{"f": filler})), auth.ErrTokenAlgorithm},
		{"alg none, our signature", encode(`{"alg":"none","kid":"`+kid["kid"].(string)+`"}`) + "." + parts[1] + "." + parts[2], auth.ErrTokenAlgorithm},
		{"alg nOnE", encode(`{"alg":"nOnE"}`) + "." + parts[1] + ".", auth.ErrTokenAlgorithm},
		{"no alg", encode(`{"typ":"JWT"}`) + "." + parts[1] + "." + parts[2], auth.ErrTokenAlgorithm},
		{"header is null", encode(`null`) + "." + parts[1] + "." + parts[2], auth.ErrTokenAlgorithm},
		{"HS256 with the public PEM", forge(t, jwt.SigningMethodHS256, publicPEM, kid, good(map[string]any{"f": filler})), auth.ErrTokenAlgorithm},
		{"HS256 with the public DER", forge(t, jwt.SigningMethodHS256, publicDER, kid, good(map[string]any{"f": filler})), auth.ErrTokenAlgorithm},
		{"RS256 header over an HMAC", hmacSigned(parts[0], parts[1], publicPEM), auth.ErrTokenSignature},
		{"RS512 with our key", forge(t, jwt.SigningMethodRS512, own, kid, good(nil)), auth.ErrTokenAlgorithm},
		{"PS256 with our key", forge(t, jwt.SigningMethodPS256, own, kid, good(nil)), auth.ErrTokenAlgorithm},
		{"stranger's key, our kid", forge(t, jwt.SigningMethodRS256, stranger, kid, good(nil)), auth.ErrTokenSignature},
		{"stranger's key and kid", forge(t, jwt.SigningMethodRS256, stranger, map[string]any{"kid": "x"}, good(nil)), auth.ErrTokenKey},
		{"no kid", rs(nil, good(nil)), auth.ErrTokenKey},
		{"kid of another type", rs(map[string]any{"kid": 7}, good(nil)), auth.ErrTokenKey},
		{"critical header", rs(map[string]any{"kid": kid["kid"], "crit": []string{"b64"}}, good(nil)), auth.ErrTokenMalformed},
		{"other audience", rs(kid, good(map[string]any{"aud": "jitsi"})), auth.ErrTokenAudience},
		{"no audience", rs(kid, good(map[string]any{"aud": nil})), auth.ErrTokenAudience},
		{"ours among audiences", rs(kid, good(map[string]any{"aud": []string{"x", "meetcast"}})), nil},
		{"other issuer", rs(kid, good(map[string]any{"iss": "x"})), auth.ErrTokenAudience},
		{"no sub", rs(kid, good(map[string]any{"sub": nil})), auth.ErrTokenClaims},
		{"sub with a slash", rs(kid, good(map[string]any{"sub": "a/b"})), auth.ErrTokenClaims},
		{"no room", rs(kid, good(map[string]any{"room": nil})), auth.ErrTokenClaims},
		{"bad room", rs(kid, good(map[string]any{"room": "a/b"})), auth.ErrTokenClaims},
		{"no streamname", rs(kid, good(map[string]any{"streamname": nil})), auth.ErrTokenClaims},
		{"no server", rs(kid, good(map[string]any{"server": nil})), auth.ErrTokenClaims},
		{"no moderator", rs(kid, good(map[string]any{"moderator": nil})), auth.ErrTokenClaims},
		{"moderator is a word", rs(kid, good(map[string]any{"moderator": "true"})), auth.ErrTokenMalformed},
		{"no jti", rs(kid, good(map[string]any{"jti": nil})), auth.ErrTokenClaims},
		{"jti is a key pattern", rs(kid, good(map[string]any{"jti": "a.>"})), auth.ErrTokenClaims},
		{"no exp", rs(kid, good(map[string]any{"exp": nil})), auth.ErrTokenClaims},
		{"no nbf", rs(kid, good(map[string]any{"nbf": nil})), auth.ErrTokenClaims},
		{"no iat", rs(kid, good(map[string]any{"iat": nil})), auth.ErrTokenClaims},
		{"exp of another age", rs(kid, good(map[string]any{"exp": int64(1) << 62})), auth.ErrTokenClaims},
		{"exp as a fraction", rs(kid, good(map[string]any{"exp": 1e300})), auth.ErrTokenMalformed},
		{"nbf after exp", rs(kid, good(map[string]any{"nbf": start.Unix() + 4000})), auth.ErrTokenClaims},
		{"payload is null", signRaw(t, own, kid, []byte("null")), auth.ErrTokenAudience},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			_, err := r.Verify(t.Context(), c.token)
			wantErr(t, err, c.want)
			if refusal, ok := auth.Refusal(err); c.want != nil && (!ok || refusal.Status() != 401) {
				t.Errorf("%v is not a 401", err)
			}
		})
	}
}

func encode(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }

func mustDecode(t testing.TB, s string) string {
	t.Helper()
	data, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func hmacSigned(header, payload string, key []byte) string {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(header + "." + payload))
	return header + "." + payload + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

func TestRevoke(t *testing.T) {
	r := newRig(t)
	token, claims := r.room(t)
	other, _ := r.room(t)
	wantErr(t, r.Revoke(t.Context(), claims), nil)
	_, err := r.Verify(t.Context(), token)
	wantErr(t, err, auth.ErrTokenRevoked)
	_, err = r.Verify(t.Context(), other)
	wantErr(t, err, nil)

	if n, err := r.revoked.Sweep(t.Context()); n != 0 || err != nil {
		t.Errorf("swept %d, %v while the token lives", n, err)
	}
	r.clock.Move(time.Hour + auth.Leeway)
	if n, err := r.revoked.Sweep(t.Context()); n != 0 || err != nil {
		t.Errorf("swept %d, %v within the leeway", n, err)
	}
	r.clock.Move(time.Minute)
	if n, err := r.revoked.Sweep(t.Context()); n != 1 || err != nil {
		t.Errorf("swept %d, %v after the token's end", n, err)
	}
	if keys, _ := r.store.Keys(t.Context(), ""); len(keys) != 0 {
		t.Errorf("left behind %q", keys)
	}
}

// TestStoreFails: a revocation that cannot be looked up must not let people in,
// and is no fault of theirs.
func TestStoreFails(t *testing.T) {
	r := newRig(t)
	token, claims := r.room(t)
	r.store.Fail(errors.New("disk on fire"))
	_, err := r.Verify(t.Context(), token)
	if _, refusal := auth.Refusal(err); err == nil || refusal {
		t.Errorf("verify: %v", err)
	}
	if err := r.Revoke(t.Context(), claims); err == nil {
		t.Error("revoke says that it worked")
	}
	if err := auth.NewTokens(auth.Config{Keys: r.keys}).Revoke(t.Context(), claims); err == nil {
		t.Error("revoke without a list says that it worked")
	}
}

func TestGrants(t *testing.T) {
	if g := (auth.Claims{}).Grants(); g != (auth.Grants{Join: true}) {
		t.Errorf("participant: %+v", g)
	}
	all := auth.Grants{
		Join: true, Invite: true, Kick: true, Mute: true, Subject: true, Lobby: true, Broadcast: true, Present: true,
	}
	if g := (auth.Claims{Moderator: true}).Grants(); g != all {
		t.Errorf("moderator: %+v", g)
	}
}
