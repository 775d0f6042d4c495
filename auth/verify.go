package auth

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/golang-jwt/jwt/v5"
)

// Verify returns what a token says if it counts now. A refusal is of kind
// Unauthorized.
func (t *Tokens) Verify(ctx context.Context, token string) (Claims, error) {
	switch {
	case token == "":
		return Claims{}, ErrTokenMissing
	case len(token) < MinToken:
		return Claims{}, ErrTokenMalformed
	case len(token) > MaxToken:
		return Claims{}, ErrTokenMalformed.because("This is too long to be a token of this service.")
	}
	var p signed
	if parsed, err := t.parser.ParseWithClaims(token, &p, t.keyFor); err != nil {
		return Claims{}, refuseParse(parsed, err)
	}
	c, err := t.check(p.payload)
	if err != nil {
		return Claims{}, err
	}
	if t.revoked == nil {
		return c, nil
	}
	revoked, err := t.revoked.Revoked(ctx, c.ID)
	if err != nil {
		return Claims{}, fmt.Errorf("look up revocation: %w", err)
	}
	if revoked {
		return Claims{}, ErrTokenRevoked
	}
	return c, nil
}

// keyFor is called once the algorithm is known to be ours. The kid only chooses
// among our own RSA keys, so a token cannot bring its key along.
func (t *Tokens) keyFor(token *jwt.Token) (any, error) {
	if _, critical := token.Header["crit"]; critical { // RFC 7515 §4.1.11
		return nil, ErrTokenMalformed
	}
	kid, _ := token.Header["kid"].(string)
	key, ok := t.keys.public(kid)
	if !ok {
		return nil, ErrTokenKey
	}
	return key, nil
}

// refuseParse turns the parser's errors into ours. token is as far as it was
// parsed: the library reports a refused algorithm as a wrong signature.
func refuseParse(token *jwt.Token, err error) error {
	var refusal *Error
	switch {
	case errors.As(err, &refusal):
		return refusal
	case errors.Is(err, jwt.ErrTokenMalformed):
		return ErrTokenMalformed
	case token == nil || token.Method == nil || token.Method.Alg() != algorithm:
		return ErrTokenAlgorithm
	}
	return ErrTokenSignature
}

// check compares the claims with this service and the clock.
func (t *Tokens) check(p payload) (Claims, error) {
	if p.Issuer != Issuer || !slices.Contains(p.Audience, Audience) {
		return Claims{}, ErrTokenAudience
	}
	c, err := p.claims()
	if err != nil {
		return Claims{}, err
	}
	now := t.now()
	switch {
	case !now.Before(c.Expires.Add(Leeway)):
		return Claims{}, ErrTokenExpired
	case now.Before(c.NotBefore.Add(-Leeway)):
		return Claims{}, ErrTokenEarly
	}
	return c, nil
}
