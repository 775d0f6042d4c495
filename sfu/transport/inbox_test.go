package transport

import (
	"testing"
	"time"

	"github.com/meetcast/meetcast/internal/unittest"
)

// A packet that waited too long is dropped before it costs anything; sound may wait
// for longer.
func TestLatePackets(t *testing.T) {
	c, _ := newTestConn(t, openPort(t, nil))
	newBare(t, c.port, c)
	installTest(t, c)
	sound, picture := rtpPacket(1, 1, make([]byte, 100)...), rtpPacket(2, 1, make([]byte, 1000)...)
	for i, s := range []struct {
		b    []byte
		wait time.Duration
		late uint64 // drops by now
	}{
		{picture, 0, 0},
		{picture, 2 * pictureWait, 1},
		{sound, 2 * pictureWait, 1},
		{sound, 2 * soundWait, 2},
		{picture, 2 * soundWait, 3},
	} {
		if !c.takeRTP(s.b, time.Now().Add(-s.wait)) {
			t.Fatalf("packet %d was not taken", i)
		}
		c.inbox.signal()
		// What is taken does not decrypt here, which tells that it was taken.
		unittest.Until(t, "drop", func() bool {
			d := c.Stats().Drops
			return d[DropLate]+d[DropUnauthentic] == uint64(i+1)
		})
		if got := c.Stats().Drops[DropLate]; got != s.late {
			t.Fatalf("packet %d: %d are late, want %d", i, got, s.late)
		}
	}
}
