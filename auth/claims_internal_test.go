package auth

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
)

// FuzzClaims decodes anything as the payload of a rightly signed token: whatever
// counts must be whole. It goes round the signature, which would cost the fuzzer
// all its time.
func FuzzClaims(f *testing.F) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	tokens := NewTokens(Config{Now: func() time.Time { return now }})
	valid, err := json.Marshal(signed{Claims{
		ID: "id", Organisation: "acme", Room: "r", StreamName: "AbCdE-12345", Server: "localhost:80",
		NotBefore: now, Expires: now.Add(time.Hour), IssuedAt: now,
	}.payload()})
	if err != nil {
		f.Fatal(err)
	}
	for _, seed := range []string{
		string(valid), "null", "[]", "{}", `{"aud":["meetcast"],"iss":"meetcast"}`,
		`{"aud":[[]]}`, `{"exp":1e999}`, `{"exp":-1}`, `{"moderator":null}`, `{"sub":"` + strings.Repeat("x", 3000) + `"}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, payload []byte) {
		var p signed
		if json.Unmarshal(payload, &p) != nil {
			return
		}
		c, err := tokens.check(p.payload)
		if err != nil {
			if _, ok := Refusal(err); !ok {
				t.Errorf("not a refusal: %v", err)
			}
			return
		}
		if !isID(c.ID) || !isID(c.Organisation) || CheckRoom(c.Room) != nil || CheckServer(c.Server) != nil ||
			CheckStreamName(c.StreamName) != nil || !c.Expires.After(c.NotBefore) ||
			!c.Expires.Add(Leeway).After(now) || c.NotBefore.Add(-Leeway).After(now) {
			t.Errorf("counts: %+v", c)
		}
	})
}
