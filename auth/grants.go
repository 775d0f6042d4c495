package auth

// Grants is what the holder of a verified token may do in its room.
type Grants struct {
	Join    bool // enter, publish, chat, raise a hand
	Invite  bool // make invite tokens
	Kick    bool // remove others
	Mute    bool // ask others to mute
	Subject bool // set the room's subject
	Lobby   bool // set lobby and password, admit and refuse
	// Broadcast is starting, stopping and laying out broadcast and recording.
	Broadcast bool
	// Present is running the watch party and changing the branding.
	Present bool
}

// Grants returns what the token allows: a moderator everything, anybody else to
// join.
func (c Claims) Grants() Grants {
	m := c.Moderator
	return Grants{
		Join: true, Invite: m, Kick: m, Mute: m, Subject: m, Lobby: m, Broadcast: m, Present: m,
	}
}
