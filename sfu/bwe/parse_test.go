package bwe

import (
	"encoding/binary"
	"math"
	"testing"
	"time"

	"github.com/pion/rtcp"

	"github.com/meetcast/meetcast/sfu/bwe/bwetest"
)

// feedbacks are packets of which each form of chunk and delta is in one.
func feedbacks() [][]byte {
	var r bwetest.Recorder
	for seq := range uint16(40) {
		if seq%7 != 3 {
			r.Note(65_520+seq, time.Hour+time.Duration(seq*seq)*3*time.Millisecond)
		}
	}
	runs := []byte{0x8f, 0xcd, 0, 5, 0, 0, 0, 1, 0, 0, 0, 2, 0, 1, 0, 2, 0, 0, 1, 0, 0x20, 2, 4, 4}
	bits := []byte{0xaf, 0xcd, 0, 6, 0, 0, 0, 1, 0, 0, 0, 2, 0xff, 0xfe, 0, 16, 0xff, 0xff, 1, 0, 0xaa, 0xaa, 0x40, 2,
		4, 4, 4, 4, 4, 4, 4, 1}
	binary.BigEndian.PutUint16(bits[2:], uint16(len(bits)/4-1))
	return [][]byte{r.Report(), runs, bits}
}

// The reader must see what pion's does.
func TestReaderAgreesWithPion(t *testing.T) {
	for i, b := range feedbacks()[:2] {
		var fb rtcp.TransportLayerCC
		if err := fb.Unmarshal(b); err != nil {
			t.Fatal(err)
		}
		r, err := newReader(b)
		if err != nil {
			t.Fatal(err)
		}
		received, arrival := 0, beforeZero+time.Duration(fb.ReferenceTime)*referenceUnit
		n := uint16(0)
		for ; ; n++ {
			seq, at, came, ok := r.next()
			if !ok {
				break
			}
			if seq != fb.BaseSequenceNumber+n {
				t.Fatalf("feedback %d: packet %d has number %d", i, n, seq)
			}
			if !came {
				continue
			}
			arrival += time.Duration(fb.RecvDeltas[received].Delta) * time.Microsecond
			received++
			if at != arrival {
				t.Fatalf("feedback %d: packet %d came at %v, want %v", i, n, at, arrival)
			}
		}
		if n != fb.PacketStatusCount || received != len(fb.RecvDeltas) {
			t.Fatalf("feedback %d: %d packets of %d, %d arrivals of %d", i, n, fb.PacketStatusCount, received, len(fb.RecvDeltas))
		}
	}
}

func TestReaderRefuses(t *testing.T) {
	good := feedbacks()[1]
	change := func(i int, v byte) []byte {
		b := append([]byte(nil), good...)
		b[i] = v
		return b
	}
	for name, b := range map[string][]byte{"nothing": nil, "short": good[:19], "another format": change(0, 0x81),
		"another type": change(1, 206), "longer than it is": change(3, 9), "no chunks": change(14, 0x40),
		"padding beyond its end": append(change(0, 0xaf)[:23:23], 77)} {
		if _, err := newReader(b); err == nil {
			t.Errorf("%s was taken", name)
		}
	}
}

// More arrivals are promised than there are: what there is counts.
func TestReaderEndsEarly(t *testing.T) {
	b := append([]byte(nil), feedbacks()[1]...)
	b[15], b[21] = 200, 200
	r, err := newReader(b)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, _, _, ok := r.next(); ok; _, _, _, ok = r.next() {
		n++
	}
	if n != 2 {
		t.Fatalf("%d packets from two arrivals", n)
	}
}

// Feedback of any content leaves an estimate within its bounds, and costs no more
// than what is remembered.
func FuzzReport(f *testing.F) {
	for _, b := range feedbacks() {
		f.Add(b, b)
	}
	// Arrivals before the receiver's clock began.
	f.Add([]byte{0x8f, 0xcd, 0, 5, 0, 0, 0, 1, 0, 0, 0, 2, 0, 1, 0, 2, 0, 0, 0, 0, 0x40, 2, 0x80, 0}, feedbacks()[0])
	f.Fuzz(func(t *testing.T, a, b []byte) {
		now := time.Unix(1, 0)
		e := New(Config{}, now)
		for i := range 200 {
			now = now.Add(7 * time.Millisecond)
			e.Stamp(now, 1000)
			if i%10 == 9 {
				_, _ = e.Report(now, a)
				a, b = b, a
			}
			e.Probe(now, 2_000_000)
		}
		s := e.Stats()
		if s.Target < DefaultMin || s.Target > DefaultMax || s.RTT < 0 || math.IsNaN(s.Loss) || s.Loss < 0 || s.Loss > 1 ||
			s.Queue < 0 || s.Queue > clockJump || math.IsNaN(e.target) || math.IsNaN(e.losses.limit) {
			t.Fatalf("%+v", s)
		}
	})
}

func TestReportDoesNotAllocate(t *testing.T) {
	b := feedbacks()[0]
	now := time.Unix(1, 0)
	e := New(Config{}, now)
	if n := testing.AllocsPerRun(100, func() { _, _ = e.Report(now, b) }); n != 0 {
		t.Fatalf("%v allocations", n)
	}
}

func BenchmarkReport(b *testing.B) {
	now := time.Unix(1, 0)
	e := New(Config{}, now)
	fb := feedbacks()[0]
	b.ReportAllocs()
	for b.Loop() {
		if _, err := e.Report(now, fb); err != nil {
			b.Fatal(err)
		}
	}
}
