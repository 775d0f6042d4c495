package tracktest

import (
	"slices"
	"sync"

	"github.com/meetcast/meetcast/sfu/packet"
	"github.com/meetcast/meetcast/sfu/track"
)

// FakeDownTrack keeps copies of what it is given.
type FakeDownTrack struct {
	mu      sync.Mutex
	packets []packet.Packet
	closed  []track.TrackID
}

var _ track.DownTrack = (*FakeDownTrack)(nil)

// WritePacket implements track.DownTrack.
func (f *FakeDownTrack) WritePacket(p *packet.Packet) {
	c := *p
	c.Header = p.Header.Clone()
	c.Payload = slices.Clone(p.Payload)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.packets = append(f.packets, c)
}

// UpClosed implements track.DownTrack.
func (f *FakeDownTrack) UpClosed(id track.TrackID) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closed = append(f.closed, id)
}

// Packets returns the packets so far.
func (f *FakeDownTrack) Packets() []packet.Packet {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.packets)
}

// Closed returns the tracks whose end was told, in order.
func (f *FakeDownTrack) Closed() []track.TrackID {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.closed)
}

// Binding is one call of FakeDown.Bind.
type Binding struct {
	Mid  string
	Up   track.UpTrack // nil empties the slot
	Size track.Size
}

// FakeDown is the receiving side of a member: it notes what is bound.
type FakeDown struct {
	mu    sync.Mutex
	slots []track.Slot
	bound map[string]Binding
	calls []Binding
}

var _ track.Down = (*FakeDown)(nil)

// NewDown returns a receiving side with the given slots.
func NewDown(slots ...track.Slot) *FakeDown {
	return &FakeDown{slots: slots, bound: make(map[string]Binding)}
}

// Slots implements track.Down.
func (f *FakeDown) Slots() []track.Slot {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.slots)
}

// SetSlots replaces the slots, as a re-offer would.
func (f *FakeDown) SetSlots(slots ...track.Slot) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.slots = slices.Clone(slots)
}

// Bind implements track.Down.
func (f *FakeDown) Bind(mid string, up track.UpTrack, size track.Size) {
	f.mu.Lock()
	defer f.mu.Unlock()
	b := Binding{Mid: mid, Up: up, Size: size}
	f.bound[mid] = b
	f.calls = append(f.calls, b)
}

// Bound returns what a slot carries now; its Up is nil when empty.
func (f *FakeDown) Bound(mid string) Binding {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.bound[mid]
}

// Calls returns every call of Bind, in order.
func (f *FakeDown) Calls() []Binding {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.calls)
}

// FakeUp is the publishing side of a member.
type FakeUp struct {
	mu     sync.Mutex
	tracks []track.UpTrack
}

var _ track.Up = (*FakeUp)(nil)

// UpTracks implements track.Up.
func (f *FakeUp) UpTracks() []track.UpTrack {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.tracks)
}

// SetUpTracks replaces the published tracks.
func (f *FakeUp) SetUpTracks(tracks ...track.UpTrack) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.tracks = slices.Clone(tracks)
}
