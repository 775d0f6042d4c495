package forward

import (
	"encoding/binary"
	"testing"
	"time"

	"github.com/meetcast/meetcast/sfu/track"
)

// lossySlot is a slot that has sent two packets and knows that its path loses some.
func lossySlot(t *testing.T) (*Down, *clock, *wire) {
	t.Helper()
	c, w := &clock{time.Unix(1000, 0)}, &wire{}
	rtt := func() time.Duration { return 100 * time.Millisecond }
	d := NewDown(DownConfig{Kind: track.Video, Now: c.now, Stamper: &counter{}, RTT: rtt})
	o := everything
	o.Writer, o.TransportCC = w, 5
	d.Open(o)
	d.SetLoss(0.1)
	tr, _ := newTestTrack(c)
	d.Bind(tr, hd)
	d.SetLayer(0)
	tr.Lane("").Receive(raw(1, 1, 320), c.t)
	tr.Lane("").Receive(raw(1, 2, 0), c.t)
	if headers, _ := w.take(); len(headers) != 2 {
		t.Fatalf("%d packets", len(headers))
	}
	return d, c, w
}

// stamps returns the transport-wide numbers of what was sent.
func stamps(w *wire) (list []uint16) {
	headers, _ := w.take()
	for _, h := range headers {
		list = append(list, binary.BigEndian.Uint16(h.GetExtension(5)))
	}
	return list
}

// What feedback says was lost goes again, without a request, and when that is lost
// too at once and twice. What a newer copy is on its way of does not.
func TestLostIsSentAgain(t *testing.T) {
	d, c, w := lossySlot(t)
	d.Lost(1)
	first := stamps(w)
	if len(first) != 1 {
		t.Fatalf("%d copies of a lost packet", len(first))
	}
	d.Lost(1)
	d.Lost(77)
	if n := len(stamps(w)); n != 0 {
		t.Fatalf("%d copies of nothing", n)
	}
	c.t = c.t.Add(10 * time.Millisecond)
	d.Lost(first[0])
	second := stamps(w)
	if len(second) != 2 {
		t.Fatalf("%d copies of a packet that was lost twice", len(second))
	}
	d.Lost(second[0])
	if n := len(stamps(w)); n != 0 {
		t.Fatalf("%d copies although one is on its way", n)
	}
}

func TestGoodPathsKeepNoLedger(t *testing.T) {
	d, _, w := lossySlot(t)
	d.SetLoss(0)
	d.Lost(1)
	if n := len(stamps(w)); n != 0 || d.rtx.sent.entries != nil {
		t.Fatalf("%d copies", n)
	}
}

// A publisher that does not answer is asked twice a round trip, then less often,
// and at last for a key frame.
func TestLossesGiveUp(t *testing.T) {
	var l losses
	now := time.Unix(1000, 0)
	l.arrived(1, now)
	l.arrived(3, now)
	const rtt = 100 * time.Millisecond
	asked, last := 0, now
	for range 400 {
		if seqs := l.ask(now, rtt); len(seqs) > 0 {
			if gap := now.Sub(last); asked > 0 && (gap < rtt/2 || gap > 2*rtt+10*time.Millisecond) {
				t.Fatalf("request %d after %v", asked, gap)
			}
			asked, last = asked+1, now
		}
		now = now.Add(5 * time.Millisecond)
	}
	if asked != maxTries || !l.gaveUp || len(l.missing) != 0 {
		t.Fatalf("asked %d times, gave up: %v", asked, l.gaveUp)
	}
}
