package transport

import (
	"testing"
	"time"

	"github.com/meetcast/meetcast/internal/unittest"
)

func TestLate(t *testing.T) {
	now := time.Unix(1000, 0)
	for _, c := range []struct {
		size int
		wait time.Duration
		late bool
	}{
		{1000, 0, false},
		{1000, pictureWait, false},
		{1000, pictureWait + 1, true},
		{soundSize, pictureWait + 1, false},
		{soundSize, soundWait, false},
		{soundSize, soundWait + 1, true},
	} {
		p := received{n: c.size, now: now.Add(-c.wait)}
		if got := p.late(now); got != c.late {
			t.Errorf("%d bytes after %v: late is %v", c.size, c.wait, got)
		}
	}
}

// Of a queue, what waited too long is dropped before it costs anything. Few packets
// are no queue.
func TestLatePackets(t *testing.T) {
	c, _ := newTestConn(t, openPort(t, nil))
	newBare(t, c.port, c)
	installTest(t, c)
	old, fresh := time.Now().Add(-time.Minute), time.Now().Add(time.Minute)
	for i, s := range []struct {
		when  []time.Time
		late  uint64 // drops by now
		taken uint64 // they do not decrypt, which tells that they were taken
	}{
		{[]time.Time{old, old}, 0, 2},
		{[]time.Time{old, old, old, fresh}, 3, 3},
		{[]time.Time{fresh, fresh, fresh}, 3, 6},
	} {
		for n, when := range s.when {
			if !c.takeRTP(rtpPacket(1, uint16(n), make([]byte, 1000)...), when) {
				t.Fatalf("step %d: packet %d was not taken", i, n)
			}
		}
		c.inbox.signal()
		unittest.Until(t, "drops", func() bool {
			d := c.Stats().Drops
			return d[DropLate]+d[DropUnauthentic] >= s.late+s.taken
		})
		if d := c.Stats().Drops; d[DropLate] != s.late || d[DropUnauthentic] != s.taken {
			t.Fatalf("step %d: %d late and %d taken, want %d and %d", i, d[DropLate], d[DropUnauthentic], s.late, s.taken)
		}
	}
}
