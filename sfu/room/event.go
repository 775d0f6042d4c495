package room

import (
	"sync"
	"time"

	"github.com/meetcast/meetcast/sfu/packet"
	"github.com/meetcast/meetcast/sfu/track"
)

// Client is the side of a member that hears what happens in the room.
type Client interface {
	// Notify brings one event. It is called on the room's loop, in order, and
	// must not block. Events are shared between members and immutable. Nothing
	// follows a *Gone.
	Notify(Event)
}

// Event is one of the pointers to the types below.
type Event interface{ event() }

// Welcome is the first event after a join or a resume: the room as it is now.
// The events that follow are the changes since.
type Welcome struct {
	Self    track.MemberID
	Resumed bool
	// Members in the order in which they joined, self included.
	Members  []*MemberInfo
	Chat     []Chat // oldest first
	Speakers []track.MemberID
}

// MemberInfo is a member as others see it. It is shared and immutable: a change
// makes another one.
type MemberInfo struct {
	ID        track.MemberID
	Name      string
	Moderator bool
	// Hand is when the hand went up, strictly increasing within a room; zero
	// while it is down.
	Hand time.Time
	// Sources maps what is published to whether it is muted.
	Sources map[track.Source]bool
	// Away is set while the member's socket is lost and may yet come back.
	Away bool

	once    sync.Once
	encoded []byte
}

// Encoded returns what encode makes of the info. It is called once in the life
// of the info, however many members are told of it; the result is shared.
func (i *MemberInfo) Encoded(encode func(*MemberInfo) []byte) []byte {
	i.once.Do(func() { i.encoded = encode(i) })
	return i.encoded
}

// Presence brings changes of who is there, batched. Members hear of themselves
// too.
type Presence struct {
	Joined, Updated []*MemberInfo
	Left            []Left
}

// Left is one member gone.
type Left struct {
	ID     track.MemberID
	Reason Reason
}

// Reason says why a member is gone.
type Reason string

// The reasons.
const (
	ReasonLeft   Reason = "left"   // by itself
	ReasonKicked Reason = "kicked" // by a moderator
	ReasonLost   Reason = "lost"   // its socket did not come back in time
	ReasonClosed Reason = "closed" // the server stops
)

// SlotMap is what each slot of the member carries, in m-line order.
type SlotMap struct {
	Slots []SlotSource
}

// SlotSource is one slot; Member is empty while it carries nothing.
type SlotSource struct {
	Mid    string
	Kind   track.Kind
	Member track.MemberID
	Source track.Source
	Codec  packet.Codec
}

// Speakers lists who is heard, loudest first; the first is dominant. It comes
// when somebody starts or stops speaking or the dominant speaker changes.
type Speakers struct {
	Speakers []track.MemberID
}

// Chat is one message to everybody, the sender included.
type Chat struct {
	From track.MemberID
	Name string // at the time
	Text string
	At   time.Time
}

// MuteRequest tells the member that a moderator has switched its source off.
type MuteRequest struct {
	Source track.Source
	By     track.MemberID
}

// Gone is the last event of a member.
type Gone struct {
	Reason Reason
	By     track.MemberID // who kicked
}

func (*Welcome) event()     {}
func (*Presence) event()    {}
func (*SlotMap) event()     {}
func (*Speakers) event()    {}
func (*Chat) event()        {}
func (*MuteRequest) event() {}
func (*Gone) event()        {}
