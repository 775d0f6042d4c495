package app

import (
	"context"
	"errors"

	"github.com/meetcast/meetcast/auth"
	"github.com/meetcast/meetcast/signaling"
)

// verifier tells signaling who a token stands for.
type verifier struct {
	tokens *auth.Tokens
}

// Verify implements signaling.Verifier.
func (v verifier) Verify(ctx context.Context, token string) (signaling.Identity, error) {
	claims, err := v.tokens.Verify(ctx, token)
	if errors.Is(err, auth.ErrTokenRevoked) {
		return signaling.Identity{}, signaling.NewError(signaling.KindBanned, auth.ErrTokenRevoked.Message, err)
	}
	if refusal, ok := auth.Refusal(err); ok {
		return signaling.Identity{}, signaling.NewError(signaling.KindUnauthorized, refusal.Message, err)
	}
	if err != nil {
		return signaling.Identity{}, signaling.NewError(signaling.KindOurs, "The server could not check the token.", err)
	}
	return signaling.Identity{
		Room:       claims.RoomID(),
		StreamName: claims.StreamName,
		Moderator:  claims.Moderator,
		TokenID:    claims.ID,
		Expires:    claims.Expires,
	}, nil
}
