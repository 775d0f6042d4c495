package room

import (
	"errors"
	"time"

	"github.com/meetcast/meetcast/sfu/track"
)

// Member is one member of a room. Its methods may be called by anybody; those
// that return nothing only post an action and are ignored once the member is
// gone.
type Member struct {
	id       track.MemberID
	number   uint64 // in order of joining
	room     *Room
	client   Client
	identity Identity

	// Owned by the room's loop.

	name  string
	hand  time.Time
	muted map[track.Source]bool
	// asked remembers who muted a source until the member says something about
	// it: a page that was away has to be asked again.
	asked  map[track.Source]track.MemberID
	tracks []*source // in order of publishing, at most one of each source
	away   bool
	lostAt time.Time // when a member that is away is given up
	gone   bool
	// welcomed is the number of the last change that its Welcome told; zero
	// once a round of presence has gone out after it.
	welcomed uint64

	down  track.Down
	slots []track.Slot
	bound []target // what each of slots carries
	view  *View    // nil before the first
	stale bool     // slots are to be assigned before the loop rests
	// retell has the slot map told even if it is the same as before; hadSlots
	// tells whether the last one was of any slots.
	retell, hadSlots bool

	shown *MemberInfo       // what others see, nil after a change
	seen  *track.MemberView // what observers see, nil after a change
}

// ID returns the member's id, which others see.
func (m *Member) ID() track.MemberID { return m.id }

// Room returns the room it is, or was, a member of.
func (m *Member) Room() *Room { return m.room }

// Identity returns who it was when it joined.
func (m *Member) Identity() Identity { return m.identity }

// SetDown gives the member its receiving side, nil takes it away, and waits until
// the room no longer calls the one before. The room reads the slots at once, and
// again at each SlotsChanged; a SlotMap follows each time.
func (m *Member) SetDown(d track.Down) {
	reply := make(chan error, 1)
	_ = m.room.ask(&setDown{m, d, reply}, reply) // a closed room calls nobody
}

// SlotsChanged tells that the slots of the member's Down may be others now.
func (m *Member) SlotsChanged() { m.room.post(&slotsChanged{m}) }

// Publish adds a track; an earlier one of the same source is removed.
func (m *Member) Publish(up track.UpTrack) { m.room.post(&publish{m, up}) }

// Unpublish removes the track, if it is still the one published.
func (m *Member) Unpublish(up track.UpTrack) { m.room.post(&unpublish{m, up}) }

// SetView says what the member wants to see. The room keeps v.
func (m *Member) SetView(v View) { m.room.post(&setView{m, v}) }

// SetMuted tells that the member switched a source off or on. It may come
// before the track.
func (m *Member) SetMuted(s track.Source, muted bool) { m.room.post(&setMuted{m, s, muted}) }

// SetHand raises or lowers the member's hand.
func (m *Member) SetHand(raised bool) { m.room.post(&setHand{m, raised}) }

// SetName changes the name shown to others.
func (m *Member) SetName(name string) { m.room.post(&setName{m, name}) }

// Say sends a chat message to everybody, the member included.
func (m *Member) Say(text string) { m.room.post(&say{m, text}) }

// Away tells that the member cannot be reached for now. Unless Back follows
// within Config.Grace, it leaves with ReasonLost.
func (m *Member) Away() { m.room.post(&away{m}) }

// Back tells that the member can be reached again, or through a new connection:
// its Client gets a Welcome and its slot map. ErrGone when it is too late.
func (m *Member) Back() error {
	reply := make(chan error, 1)
	return gone(m.room.ask(&back{m, reply}, reply))
}

// Leave removes the member and waits until the room no longer calls its Client
// and its Down.
func (m *Member) Leave() {
	reply := make(chan error, 1)
	_ = m.room.ask(&leave{m, reply}, reply) // a closed room has no members
}

// MuteOther switches a source of another member off for everybody and tells its
// page to do so. The other may switch it on again.
func (m *Member) MuteOther(id track.MemberID, s track.Source) error {
	reply := make(chan error, 1)
	return gone(m.room.ask(&muteOther{m, id, s, reply}, reply))
}

// MuteEveryone does it with the microphones of all others.
func (m *Member) MuteEveryone() error {
	reply := make(chan error, 1)
	return gone(m.room.ask(&muteEveryone{m, reply}, reply))
}

// gone translates: to a member, a room that has closed is one it is not in.
func gone(err error) error {
	if errors.Is(err, errRoomClosed) {
		return ErrGone
	}
	return err
}

// info is what others see of the member, shared and immutable.
func (m *Member) info() *MemberInfo {
	if m.shown != nil {
		return m.shown
	}
	m.shown = &MemberInfo{
		ID: m.id, Name: m.name, Moderator: m.identity.Moderator, Hand: m.hand, Away: m.away,
		Sources: make(map[track.Source]bool, len(m.tracks)),
	}
	for _, s := range m.tracks {
		m.shown.Sources[s.info.Source] = m.muted[s.info.Source]
	}
	return m.shown
}

// source returns the published track of a source, nil without.
func (m *Member) source(s track.Source) *source {
	for _, src := range m.tracks {
		if src.info.Source == s {
			return src
		}
	}
	return nil
}
