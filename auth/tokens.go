package auth

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// algorithm is the only one that signs and verifies.
const algorithm = "RS256"

// Lengths of a token in bytes. A signature alone has 342, and pages written for
// nanoMeet refuse a token of less than 200.
const (
	MinToken = 200
	MaxToken = 8 << 10
)

// Revocations remembers tokens that no longer count.
type Revocations interface {
	// Revoked tells whether a token id was revoked.
	Revoked(ctx context.Context, id string) (bool, error)
	// Revoke makes it so until the token expires by itself.
	Revoke(ctx context.Context, id string, expires time.Time) error
}

// Config of Tokens.
type Config struct {
	Keys *Keys
	// Revocations may be nil: then nothing is ever revoked.
	Revocations Revocations
	// Now is the clock; nil means time.Now.
	Now func() time.Time
}

// Tokens makes and verifies tokens. It is safe for concurrent use.
type Tokens struct {
	keys    *Keys
	revoked Revocations
	now     func() time.Time
	parser  *jwt.Parser
}

// NewTokens returns Tokens on a set of keys.
func NewTokens(c Config) *Tokens {
	if c.Now == nil {
		c.Now = time.Now
	}
	return &Tokens{
		keys:    c.Keys,
		revoked: c.Revocations,
		now:     c.Now,
		// Claims are checked here rather than in the library, for clear errors.
		parser: jwt.NewParser(
			jwt.WithValidMethods([]string{algorithm}),
			jwt.WithStrictDecoding(),
			jwt.WithoutClaimsValidation(),
		),
	}
}

// JWKS returns the public keys with which anybody can check our tokens.
func (t *Tokens) JWKS() JWKS { return t.keys.JWKS() }

// Revoke makes a token worthless from now on.
func (t *Tokens) Revoke(ctx context.Context, c Claims) error {
	if t.revoked == nil {
		return errors.New("revoke token: there is no revocation list")
	}
	if err := t.revoked.Revoke(ctx, c.ID, c.Expires); err != nil {
		return fmt.Errorf("revoke token: %w", err)
	}
	return nil
}

func (t *Tokens) sign(c Claims) (string, error) {
	key := t.keys.signer()
	token := jwt.NewWithClaims(jwt.SigningMethodRS256, signed{c.payload()})
	token.Header["kid"] = key.kid
	s, err := token.SignedString(key.private)
	if err != nil {
		return "", fmt.Errorf("sign token: %w", err)
	}
	return s, nil
}

// signed gives a payload the methods that the library asks of claims; it
// validates nothing by them.
type signed struct{ payload }

func (signed) GetExpirationTime() (*jwt.NumericDate, error) { return nil, nil }
func (signed) GetIssuedAt() (*jwt.NumericDate, error)       { return nil, nil }
func (signed) GetNotBefore() (*jwt.NumericDate, error)      { return nil, nil }
func (signed) GetIssuer() (string, error)                   { return "", nil }
func (signed) GetSubject() (string, error)                  { return "", nil }
func (signed) GetAudience() (jwt.ClaimStrings, error)       { return nil, nil }

// newID returns 128 random bits.
func newID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	return base64.RawURLEncoding.EncodeToString(b[:])
}
