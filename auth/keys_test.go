package auth_test

import (
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/meetcast/meetcast/auth"
)

// privateKey reads the signing key out of a key file.
func privateKey(t testing.TB, path string) *rsa.PrivateKey {
	t.Helper()
	var file struct{ Keys []struct{ Private string } }
	data, err := os.ReadFile(path)
	if err == nil {
		err = json.Unmarshal(data, &file)
	}
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode([]byte(file.Keys[0].Private))
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	return key.(*rsa.PrivateKey)
}

// signRaw signs any payload, JSON or not.
func signRaw(t testing.TB, key *rsa.PrivateKey, header map[string]any, payload []byte) string {
	t.Helper()
	h := map[string]any{"alg": "RS256", "pad": strings.Repeat("x", 20)}
	for k, v := range header {
		h[k] = v
	}
	head, err := json.Marshal(h)
	if err != nil {
		t.Fatal(err)
	}
	text := encode(string(head)) + "." + encode(string(payload))
	sig, err := jwt.SigningMethodRS256.Sign(text, key)
	if err != nil {
		t.Fatal(err)
	}
	return text + "." + base64.RawURLEncoding.EncodeToString(sig)
}

func TestKeysFile(t *testing.T) {
	r := newRig(t)
	stat, err := os.Stat(r.path)
	if err != nil || stat.Mode().Perm() != 0o600 {
		t.Errorf("key file: %v, %v", stat.Mode(), err)
	}
	before := r.JWKS()
	again, err := auth.OpenKeys(r.path, nil)
	if err != nil {
		t.Fatal(err)
	}
	if after := again.JWKS(); len(after.Keys) != 1 || after.Keys[0] != before.Keys[0] {
		t.Errorf("reopened keys %v, were %v", after, before)
	}
	if err := os.Chmod(r.path, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := auth.OpenKeys(r.path, nil); err != nil {
		t.Fatal(err)
	}
	if stat, _ := os.Stat(r.path); stat.Mode().Perm() != 0o600 {
		t.Errorf("a readable key file stayed %v", stat.Mode())
	}
	names, _ := filepath.Glob(filepath.Join(filepath.Dir(r.path), "*"))
	if len(names) != 2 { // the file and its lock
		t.Errorf("left behind %q", names)
	}
}

func TestKeysFirstStartTwice(t *testing.T) {
	path := filepath.Join(t.TempDir(), auth.KeysFile)
	var wg sync.WaitGroup
	var kids [2]string
	for i := range kids {
		wg.Go(func() {
			keys, err := auth.OpenKeys(path, nil)
			if err != nil {
				t.Error(err)
				return
			}
			kids[i] = keys.JWKS().Keys[0].ID
		})
	}
	wg.Wait()
	if kids[0] != kids[1] {
		t.Errorf("two starts made two keys: %q", kids)
	}
}

func TestKeysBroken(t *testing.T) {
	r := newRig(t)
	whole, err := os.ReadFile(r.path)
	if err != nil {
		t.Fatal(err)
	}
	small, err := rsa.GenerateKey(&drbg{}, 1024)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(small)
	if err != nil {
		t.Fatal(err)
	}
	smallFile, err := json.Marshal(map[string]any{"keys": []any{map[string]any{
		"private": string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})),
	}}})
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string]string{
		"empty": "", "not JSON": "keys", "no keys": `{"keys":[]}`, "cut": string(whole[:len(whole)/2]),
		"no PEM": `{"keys":[{"private":"x"}]}`, "no private key": `{"keys":[{"public":"x"}]}`,
		"PEM of nothing": `{"keys":[{"private":"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"}]}`,
		"short key":      string(smallFile),
	} {
		path := filepath.Join(t.TempDir(), "k")
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := auth.OpenKeys(path, nil); err == nil {
			t.Errorf("%s: opened", name)
		}
		if after, _ := os.ReadFile(path); string(after) != content {
			t.Errorf("%s: the file was overwritten", name)
		}
	}
}

// drbg is a reader of no secrets: the short key is only refused.
type drbg struct{ n byte }

func (d *drbg) Read(p []byte) (int, error) {
	for i := range p {
		d.n = d.n*5 + 7
		p[i] = d.n
	}
	return len(p), nil
}

func TestRotate(t *testing.T) {
	r := newRig(t)
	year := func(q *auth.RoomRequest) { q.Expires = start.AddDate(1, 0, 0) }
	old, _ := r.room(t, year)
	oldKey := r.JWKS().Keys[0]
	r.clock.Move(time.Second)

	// Another process rotates; this one notices by itself.
	other, err := auth.OpenKeys(r.path, r.clock.Now)
	if err != nil {
		t.Fatal(err)
	}
	if err := other.Rotate(); err != nil {
		t.Fatal(err)
	}
	fresh, _, err := auth.NewTokens(auth.Config{Keys: other, Now: r.clock.Now}).Room(request(year))
	if err != nil {
		t.Fatal(err)
	}
	for name, token := range map[string]string{"old": old, "fresh": fresh} {
		if _, err := r.Verify(t.Context(), token); err != nil {
			t.Errorf("%s token after rotation: %v", name, err)
		}
	}
	set := r.JWKS()
	if len(set.Keys) != 2 || set.Keys[1] != oldKey || set.Keys[0].ID == oldKey.ID {
		t.Errorf("key set after rotation: %+v", set)
	}
	if data, _ := os.ReadFile(r.path); strings.Count(string(data), "PRIVATE KEY-----") != 2 {
		t.Error("the retired private key is still in the file")
	}

	// The old key goes when its last token has expired, and not before.
	r.clock.Set(start.AddDate(1, 0, 0))
	if _, err := r.Verify(t.Context(), old); err != nil {
		t.Errorf("old token at its end: %v", err)
	}
	r.clock.Move(time.Minute)
	if set := r.JWKS(); len(set.Keys) != 1 || set.Keys[0].ID == oldKey.ID {
		t.Errorf("key set a year later: %+v", set)
	}
	_, err = r.Verify(t.Context(), old)
	wantErr(t, err, auth.ErrTokenKey)
	if err := r.keys.Rotate(); err != nil {
		t.Fatal(err)
	}
	if data, _ := os.ReadFile(r.path); strings.Contains(string(data), oldKey.ID) {
		t.Error("the forgotten key is still in the file")
	}
}

// TestKeysVanish: a file that is lost or broken at run time stops nobody.
func TestKeysVanish(t *testing.T) {
	r := newRig(t)
	token, _ := r.room(t)
	if err := os.WriteFile(r.path, []byte("broken"), 0o600); err != nil {
		t.Fatal(err)
	}
	r.room(t)
	if err := os.Remove(r.path); err != nil {
		t.Fatal(err)
	}
	r.room(t)
	_, err := r.Verify(t.Context(), token)
	wantErr(t, err, nil)
	if err := r.keys.Rotate(); err == nil {
		t.Error("rotated a file that is not there")
	}
}

// TestJWKS checks a token with nothing but the key set, as a stranger would.
func TestJWKS(t *testing.T) {
	r := newRig(t)
	token, _ := r.room(t)
	key := r.JWKS().Keys[0]
	if key.Type != "RSA" || key.Use != "sig" || key.Algorithm != "RS256" {
		t.Errorf("key %+v", key)
	}
	public := &rsa.PublicKey{
		N: new(big.Int).SetBytes([]byte(mustDecode(t, key.N))),
		E: int(new(big.Int).SetBytes([]byte(mustDecode(t, key.E))).Int64()),
	}
	parsed, err := jwt.Parse(token, func(tok *jwt.Token) (any, error) { return public, nil },
		jwt.WithValidMethods([]string{"RS256"}), jwt.WithAudience("meetcast"), jwt.WithTimeFunc(r.clock.Now))
	if err != nil || parsed.Header["kid"] != key.ID {
		t.Errorf("checked by the key set: %v, kid %v", err, parsed.Header["kid"])
	}
}
