package signaling

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"

	"github.com/meetcast/meetcast/sfu/room"
)

// What every door to a room shares: the pages' WebSocket here, HTTP in
// signaling/whip.

// Classify returns err, of whatever package below, as an Error that says whom it
// concerns. The Message is for people, also that of KindOurs, which tells nothing.
func Classify(err error) *Error {
	e := classify(err)
	if e.Kind != KindOurs {
		return e
	}
	return NewError(KindOurs, judge(e).message, err)
}

// DisplayName cleans a name as it is shown to others: one line of at most
// wire.MaxName characters; empty when nothing is left.
func DisplayName(name string) string { return cleanName(name) }

// Identify checks a token and returns who it stands for. An error is an *Error.
func Identify(ctx context.Context, v Verifier, token string) (Identity, error) {
	if len(token) > maxToken {
		return Identity{}, NewError(KindUnauthorized, "The token is too long.", nil)
	}
	id, err := v.Verify(ctx, token)
	if err != nil {
		var e *Error
		if errors.As(err, &e) || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
			return Identity{}, Classify(err)
		}
		return Identity{}, NewError(KindUnauthorized, "This link or token is not valid.", err)
	}
	if id.TokenID == "" {
		// A token without jti can be banned all the same.
		sum := sha256.Sum256([]byte(token))
		id.TokenID = "sha256-" + hex.EncodeToString(sum[:])
	}
	return id, nil
}

// Member is the identity under which a token's owner joins its room.
func (id Identity) Member(name string) room.Identity { return identityOf(id, name) }
