package room

import "time"

// Permissions say what a member may do to others. They are given at the join
// and never change.
type Permissions struct {
	Kick      bool // remove others
	Mute      bool // switch off the sources of others
	Broadcast bool // start, stop and arrange the broadcast
}

// ModeratorPermissions returns everything a moderator may do.
func ModeratorPermissions() Permissions {
	return Permissions{Kick: true, Mute: true, Broadcast: true}
}

// Identity is who a member is, as proved by its token.
type Identity struct {
	// Name shown to others; the caller has cleaned it.
	Name string
	// Moderator is shown to others; what it permits is in May.
	Moderator bool
	May       Permissions
	// TokenID is the token's jti: a kick bans it from the room until Expires.
	TokenID string
	// Expires is when the token stops being valid for a join. A member stays
	// beyond it until it leaves.
	Expires time.Time
}
