package rewrite

import (
	"fmt"
	"testing"
	"time"

	"github.com/meetcast/meetcast/sfu/packet"
)

// starts are the sequence numbers from which every scenario is replayed, so
// that wrap-around is always hit somewhere.
var starts = []uint16{0, 1, 2, 3, 100, 0x7ffe, 0x7fff, 0x8000, 0x8001, 0xfff0, 0xfffc, 0xfffd, 0xfffe, 0xffff}

func everyStart(t *testing.T, f func(t *testing.T, in, out uint16)) {
	for _, in := range starts {
		for _, out := range starts {
			t.Run(fmt.Sprintf("in=%d,out=%d", in, out), func(t *testing.T) { f(t, in, out) })
		}
	}
}

func mustMap(t *testing.T, s *Seq, source uint32, in, want uint16) {
	t.Helper()
	out, g, ok := s.Map(source, in)
	if !ok || out != want {
		t.Fatalf("Map(%d, %d) = %d, %v; want %d", source, in, out, ok, want)
	}
	back, fg, ok := s.Find(out)
	if !ok || back != in || fg.Source != source || g.Source != source {
		t.Fatalf("Find(%d) = %d, %v; want %d", out, back, ok, in)
	}
}

func mustNotMap(t *testing.T, s *Seq, source uint32, in uint16) {
	t.Helper()
	if out, _, ok := s.Map(source, in); ok {
		t.Fatalf("Map(%d, %d) = %d; want refused", source, in, out)
	}
}

func TestSeqSwitchesSources(t *testing.T) {
	everyStart(t, func(t *testing.T, in, out uint16) {
		var s Seq
		s.StartAt(out)
		s.Switch(1, in)
		for i := range uint16(5) {
			mustMap(t, &s, 1, in+i, out+i)
		}
		mustNotMap(t, &s, 1, in-1)
		mustMap(t, &s, 1, in+8, out+8) // three are missing
		s.Switch(2, 5000)
		mustMap(t, &s, 2, 5000, out+9)
		mustMap(t, &s, 2, 5002, out+11)
		mustMap(t, &s, 1, in+6, out+6) // a late one of the old source still fits
		mustNotMap(t, &s, 1, in+9)     // a new one of the old source does not
		mustNotMap(t, &s, 2, 4999)
		mustMap(t, &s, 2, 5001, out+10)
		mustMap(t, &s, 2, 5003, out+12)
	})
}

func TestSeqSwitchesBack(t *testing.T) {
	everyStart(t, func(t *testing.T, in, out uint16) {
		var s Seq
		s.StartAt(out)
		s.Switch(1, in)
		mustMap(t, &s, 1, in, out)
		s.Switch(2, 77)
		mustMap(t, &s, 2, 77, out+1)
		s.Switch(1, in+50)
		mustMap(t, &s, 1, in+50, out+2)
		mustNotMap(t, &s, 1, in+20) // was never meant for this slot
	})
}

func TestSeqSkips(t *testing.T) {
	everyStart(t, func(t *testing.T, in, out uint16) {
		var s Seq
		s.StartAt(out)
		s.Switch(1, in)
		mustMap(t, &s, 1, in, out)
		s.Skip(1, in+1)
		s.Skip(1, in+2)
		mustMap(t, &s, 1, in+3, out+1)
		mustMap(t, &s, 1, in+4, out+2)
		mustMap(t, &s, 1, in+5, out+3)
		if g, _, ok := s.Find(out); !ok || g != in {
			t.Fatal("the packet before the skip is lost")
		}
	})
}

// What is left out although packets before it are missing keeps their numbers.
func TestSeqSkipsBesideAHole(t *testing.T) {
	everyStart(t, func(t *testing.T, in, out uint16) {
		var s Seq
		s.StartAt(out)
		s.Switch(1, in)
		mustMap(t, &s, 1, in, out)
		s.Skip(1, in+1)
		s.Skip(1, in+4) // 2 and 3 are missing
		mustMap(t, &s, 1, in+5, out+3)
		mustMap(t, &s, 1, in+3, out+2) // forwarded late
		if hole, ok := s.Skip(1, in+2); !ok || hole != out+1 {
			t.Fatalf("the hole is %d, %v", hole-out, ok)
		}
		if _, ok := s.Skip(1, in+6); ok {
			t.Fatal("a hole after the newest packet")
		}
		mustMap(t, &s, 1, in+7, out+4)
	})
}

func TestSeqSplits(t *testing.T) {
	everyStart(t, func(t *testing.T, in, out uint16) {
		var s Seq
		s.StartAt(out)
		s.Switch(1, in).Time = 5
		for i := range uint16(10) {
			g := s.Split(in + 2*i)
			g.Time += uint32(i)
			mustMap(t, &s, 1, in+2*i, out+2*i)
			mustMap(t, &s, 1, in+2*i+1, out+2*i+1)
		}
		if g := s.Current(); g.Time != 5+45 {
			t.Fatalf("time %d", g.Time)
		}
		if _, g, ok := s.Find(out + 5); !ok || g.Time != 5+1+2 {
			t.Fatal("the segments before are lost")
		}
	})
}

// Upper temporal layers of VP8 are left out without a gap in the picture ids.
func TestPicturesCloseGaps(t *testing.T) {
	for _, lost := range []bool{false, true} {
		var v Pictures
		var g Segment
		want := uint16(0x7ff0)
		for i := range uint16(64) {
			d := &packet.Descriptor{HasPictureID: true, LongPictureID: true, PictureID: (0x7ff0 + i) & 0x7fff}
			if i == 0 {
				v.Switch(&g, &packet.Packet{Descriptor: *d})
			}
			if i%2 == 1 {
				if lost && i == 31 {
					want++ // nobody knew that it was to be left out
					continue
				}
				v.Leave(&g, d)
				v.Leave(&g, d) // its second packet
				continue
			}
			id, tl0 := v.Map(&g, d)
			if id != want&0x7fff {
				t.Fatalf("picture %d: id %x, want %x", i, id, want&0x7fff)
			}
			v.Sent(d, id, tl0)
			v.Leave(&g, d) // it was sent
			want++
		}
	}
}

func TestSeqSkipsTheFirst(t *testing.T) {
	everyStart(t, func(t *testing.T, in, out uint16) {
		var s Seq
		s.StartAt(out)
		s.Switch(1, in)
		s.Skip(1, in)
		mustMap(t, &s, 1, in+1, out)
	})
}

func TestSeqInserts(t *testing.T) {
	everyStart(t, func(t *testing.T, in, out uint16) {
		var s Seq
		s.StartAt(out)
		if got := s.Insert(); got != out {
			t.Fatalf("first insert %d, want %d", got, out)
		}
		s.Switch(1, in)
		mustMap(t, &s, 1, in, out+1)
		for i := range uint16(3) {
			if got := s.Insert(); got != out+2+i {
				t.Fatalf("insert %d, want %d", got, out+2+i)
			}
		}
		mustMap(t, &s, 1, in+2, out+6)
		mustMap(t, &s, 1, in+1, out+5)
		for i := range uint16(3) {
			if _, _, ok := s.Find(out + 2 + i); ok {
				t.Fatal("padding was found as a packet")
			}
		}
		if in0, _, ok := s.Find(out + 1); !ok || in0 != in {
			t.Fatal("the packet before the padding is lost")
		}
	})
}

func TestSeqRunsLong(t *testing.T) {
	var s Seq
	s.Switch(1, 10)
	mustMap(t, &s, 1, 10, 0)
	s.Insert()
	for i := range 300_000 {
		in := uint16(11 + i)
		mustMap(t, &s, 1, in, uint16(2+i))
		if i > 100 {
			mustMap(t, &s, 1, in-90, uint16(2+i-90))
		}
	}
	if s.n != 1 {
		t.Fatalf("%d segments kept", s.n)
	}
}

func TestSeqManySegmentsForgetsTheOldest(t *testing.T) {
	var s Seq
	for i := range uint16(100) {
		s.Switch(uint32(i), 1000)
		mustMap(t, &s, uint32(i), 1000, i)
	}
	mustMap(t, &s, 99, 1001, 100)
	if _, _, ok := s.Find(3); ok {
		t.Fatal("a forgotten number was found")
	}
}

func TestTimestampAdvancesByElapsedTime(t *testing.T) {
	now := time.Unix(1000, 0)
	for _, start := range []uint32{0, 1, 0x7fffffff, 0x80000000, 0xffffff00, 0xffffffff} {
		var ts Timestamp
		if got := ts.Next(now, 90000, start); got != start {
			t.Fatalf("first timestamp %d, want %d", got, start)
		}
		ts.Sent(start, now)
		if got := ts.Next(now.Add(100*time.Millisecond), 90000, 0); got != start+9000 {
			t.Fatalf("next %d, want %d", got-start, 9000)
		}
		if got := ts.Next(now.Add(-time.Second), 90000, 0); got != start+1 {
			t.Fatalf("after a step back of the clock %d, want 1", got-start)
		}
		if got := ts.Align(start+8000, now.Add(100*time.Millisecond), 90000, 0); got != start+8000 {
			t.Fatalf("aligned %d, want 8000", got-start)
		}
		for _, bad := range []uint32{start, start - 1, start + 9000 + 90000} {
			if got := ts.Align(bad, now.Add(100*time.Millisecond), 90000, 0); got != start+9000 {
				t.Fatalf("aligned to %d, want the elapsed time", got-start)
			}
		}
		ts.Sent(start-100, now.Add(time.Second)) // a late packet
		if ts.Last() != start {
			t.Fatal("a late packet moved the clock")
		}
	}
}

func TestPicturesGoOn(t *testing.T) {
	for _, long := range []bool{true, false} {
		m := mask(&packet.Descriptor{LongPictureID: long})
		for _, start := range []uint16{0, 1, 0x7e, 0x7f, 0x7ffe & m, m} {
			var v Pictures
			var g Segment
			desc := func(pid uint16, tl0 uint8) *packet.Descriptor {
				return &packet.Descriptor{HasPictureID: true, LongPictureID: long, HasTL0PICIDX: true, PictureID: pid & m, TL0PICIDX: tl0}
			}
			v.Switch(&g, &packet.Packet{Descriptor: *desc(start, 250)})
			pid, tl0 := v.Map(&g, desc(start, 250))
			v.Sent(desc(0, 0), pid, tl0)
			last := pid
			for i := range uint16(300) {
				run := i - i%50 // every source begins anywhere
				if i%50 == 0 {
					v.Switch(&g, &packet.Packet{Descriptor: *desc(run*7, uint8(run*3))})
				}
				d := desc(run*7+i%50, uint8(run*3+i%50))
				pid, tl0 = v.Map(&g, d)
				if pid != (last+1)&m {
					t.Fatalf("long=%v start=%d step %d: picture id %d after %d", long, start, i, pid, last)
				}
				if tl0 != uint8(251+i) {
					t.Fatalf("step %d: TL0PICIDX %d, want %d", i, tl0, uint8(251+i))
				}
				v.Sent(d, pid, tl0)
				last = pid
			}
		}
	}
}
