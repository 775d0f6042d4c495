package catalog

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/meetcast/meetcast/internal/store"
)

// An API key is "mck_PREFIX_SECRET": ten characters by which it is found and 32
// random bytes in base64url. Only its SHA-256 is stored: the secret has 256 bits,
// so that a slow hash would add nothing.
const (
	keyMark      = "mck_"
	keyPrefixLen = 10
	keySecretLen = 32 // bytes
	maxKeyName   = 100
)

// APIKey is what is known of a key; the key itself is shown only once.
type APIKey struct {
	// Prefix is the public part, by which a key is found and revoked.
	Prefix       string    `json:"prefix"`
	Organisation string    `json:"organisation"`
	Name         string    `json:"name,omitempty"` // what it is for
	Hash         []byte    `json:"sha256"`
	Created      time.Time `json:"created_at"`
}

func apiKeyKey(prefix string) string { return "apikeys." + prefix }

// CreateAPIKey makes a key for an organisation and returns it in plain: nobody
// can read it again.
func (c *Catalog) CreateAPIKey(ctx context.Context, org, name string) (string, APIKey, error) {
	if len(name) > maxKeyName {
		return "", APIKey{}, &InvalidError{"name", "The name of an API key has at most 100 characters."}
	}
	for {
		plain, rec := newAPIKey()
		rec.Organisation, rec.Name, rec.Created = org, name, c.stamp()
		_, err := create(ctx, c.kv, apiKeyKey(rec.Prefix), rec)
		if err == nil {
			return plain, rec, nil
		}
		if !errors.Is(err, store.ErrExists) {
			return "", APIKey{}, fmt.Errorf("create API key: %w", err)
		}
	}
}

func newAPIKey() (string, APIKey) {
	var secret [keySecretLen]byte
	_, _ = rand.Read(secret[:]) // never fails
	prefix := randomText(base36, keyPrefixLen)
	plain := keyMark + prefix + "_" + base64.RawURLEncoding.EncodeToString(secret[:])
	hash := sha256.Sum256([]byte(plain))
	return plain, APIKey{Prefix: prefix, Hash: hash[:]}
}

// OrganisationByKey returns the organisation whose API key this is, or
// ErrAPIKey.
func (c *Catalog) OrganisationByKey(ctx context.Context, plain string) (Organisation, error) {
	prefix, ok := keyPrefix(plain)
	if !ok {
		return Organisation{}, ErrAPIKey
	}
	rec, _, err := get[APIKey](ctx, c.kv, apiKeyKey(prefix))
	hash := sha256.Sum256([]byte(plain))
	switch {
	case errors.Is(err, ErrNotFound):
		return Organisation{}, ErrAPIKey
	case err != nil:
		return Organisation{}, fmt.Errorf("look up API key: %w", err)
	case subtle.ConstantTimeCompare(hash[:], rec.Hash) != 1:
		return Organisation{}, ErrAPIKey
	}
	org, err := c.Organisation(ctx, rec.Organisation)
	if errors.Is(err, ErrNotFound) {
		return Organisation{}, ErrAPIKey
	}
	return org, err
}

// keyPrefix returns the look-up part of a key that has the right form.
func keyPrefix(plain string) (string, bool) {
	rest, marked := strings.CutPrefix(plain, keyMark)
	prefix, secret, split := strings.Cut(rest, "_")
	return prefix, marked && split && len(prefix) == keyPrefixLen &&
		len(secret) == base64.RawURLEncoding.EncodedLen(keySecretLen)
}

// APIKeys lists the keys of an organisation.
func (c *Catalog) APIKeys(ctx context.Context, org string) ([]APIKey, error) {
	entries, err := c.kv.List(ctx, "apikeys")
	if err != nil {
		return nil, fmt.Errorf("list API keys: %w", err)
	}
	var keys []APIKey
	for _, e := range entries {
		var rec APIKey
		if err := json.Unmarshal(e.Value, &rec); err != nil {
			return nil, fmt.Errorf("decode %s: %w", e.Key, err)
		}
		if rec.Organisation == org {
			keys = append(keys, rec)
		}
	}
	return keys, nil
}

// RevokeAPIKey makes the key with this prefix worthless.
func (c *Catalog) RevokeAPIKey(ctx context.Context, prefix string) error {
	if err := c.kv.Delete(ctx, apiKeyKey(prefix)); err != nil {
		return fmt.Errorf("revoke API key: %w", err)
	}
	return nil
}
