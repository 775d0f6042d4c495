package track

// MemberView is what others may see of a member.
type MemberView struct {
	ID        MemberID
	Name      string
	Moderator bool
	Hand      bool
	// Muted lists the published sources that their owner has switched off for
	// now; such a track stays published and sends nothing useful.
	Muted  map[Source]bool
	Tracks []UpTrack
}

// Track returns the member's track of a source unless it is absent or muted.
func (m MemberView) Track(s Source) (UpTrack, bool) {
	if m.Muted[s] {
		return nil, false
	}
	for _, t := range m.Tracks {
		if t.Info().Source == s {
			return t, true
		}
	}
	return nil, false
}

// Snapshot is the state of a room at one moment. It is immutable.
type Snapshot struct {
	Room RoomID
	// Members in the order in which they joined; hidden members are absent.
	Members []MemberView
	// Speakers are those heard lately, loudest first; the first is dominant.
	Speakers []MemberID
}

// Observer is a hidden member: it sees the room and is not seen.
type Observer interface {
	// RoomChanged brings the state after each change, and once at the start. It
	// is called on the room's loop and must not block.
	RoomChanged(Snapshot)
	// RoomClosed is the last call.
	RoomClosed()
}

// Room is what a hidden member may do with a room.
type Room interface {
	ID() RoomID
	// Observe adds a hidden member; the returned function removes it and waits
	// until no call of its methods is under way.
	Observe(Observer) (leave func())
}
