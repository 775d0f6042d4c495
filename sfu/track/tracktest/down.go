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
