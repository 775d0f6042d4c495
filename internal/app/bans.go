package app

import (
	"context"
	"errors"
	"time"

	"github.com/meetcast/meetcast/auth"
	"github.com/meetcast/meetcast/sfu/track"
)

// bans keeps those who were kicked out beyond the life of the process. A token
// is good for one room only, so that banning it there is revoking it.
type bans struct {
	revocations auth.Revocations
}

// Ban implements room.Bans.
func (b bans) Ban(ctx context.Context, _ track.RoomID, tokenID string, until time.Time) error {
	if tokenID == "" {
		return errors.New("the token has no id")
	}
	return b.revocations.Revoke(ctx, tokenID, until)
}

// Banned implements room.Bans.
func (b bans) Banned(ctx context.Context, _ track.RoomID, tokenID string) (bool, error) {
	return b.revocations.Revoked(ctx, tokenID)
}
