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

// A publisher that does not answer is asked several times a round trip, at last for
// a key frame.
func TestLossesGiveUp(t *testing.T) {
	var l losses
	now := time.Unix(1000, 0)
	start := now
	l.arrived(1, now)
	l.arrived(3, now)
	const rtt = 100 * time.Millisecond
	asked, last := 0, now
	for range 400 {
		if seqs := l.ask(now, rtt); len(seqs) > 0 {
			if gap := now.Sub(last); asked > 0 && (gap < minUrgent || gap > rtt/retries+5*time.Millisecond) {
				t.Fatalf("request %d after %v", asked, gap)
			}
			asked, last = asked+1, now
		}
		if l.gaveUp {
			if age := now.Sub(start); age < hopeFor*rtt || age > hopeFor*rtt+10*time.Millisecond {
				t.Fatalf("asked for a key frame after %v", age)
			}
			l.gaveUp = false
		}
		now = now.Add(5 * time.Millisecond)
	}
	if took := last.Sub(start); took < (askFor-1)*rtt || took > askFor*rtt || len(l.missing) != 0 {
		t.Fatalf("asked for %v, %d missing", took, len(l.missing))
	}
}

// A publisher that answers every request, unlike a browser, is asked twice a round
// trip at most; one that stops that is asked more often again.
func TestLossesSpareEagerSenders(t *testing.T) {
	var l losses
	now := time.Unix(1000, 0)
	const rtt = 100 * time.Millisecond
	seq := uint16(1)
	l.arrived(seq, now)
	// lose loses a packet that comes after two round trips, and so many copies of
	// it. It returns how often it was asked for.
	lose := func(copies int) (asked int) {
		seq += 2
		l.arrived(seq, now)
		for range 40 {
			asked += len(l.ask(now, rtt))
			now = now.Add(5 * time.Millisecond)
		}
		l.arrived(seq-1, now)
		for range copies {
			l.copied()
		}
		return asked
	}
	if n := lose(0); n < 10 {
		t.Fatalf("asked %d times", n)
	}
	for range 20 {
		lose(4)
	}
	if n := lose(4); n > 4 {
		t.Fatalf("a sender that answers all is asked %d times", n)
	}
	for range 200 {
		lose(0)
	}
	if n := lose(0); n < 10 {
		t.Fatalf("asked %d times", n)
	}
}

// Missing packets are asked for again although nothing comes.
func TestTrackRepairs(t *testing.T) {
	c := &clock{time.Unix(1000, 0)}
	tr, a := newTestTrack(c)
	l := tr.Lane("")
	l.Receive(raw(1, 1, 320), c.t)
	if tr.Repair(c.t) {
		t.Fatal("something is missing")
	}
	l.Receive(raw(1, 3, 0), c.t)
	for range 10 {
		c.tick(10 * time.Millisecond)
		if !tr.Repair(c.t) {
			t.Fatal("nothing is missing")
		}
	}
	if n := len(a.nacks); n < 5 || n > 10 {
		t.Fatalf("asked %d times in 100 ms", n)
	}
	l.Receive(raw(1, 2, 0), c.t)
	if tr.Repair(c.t) {
		t.Fatal("something is missing")
	}
}
