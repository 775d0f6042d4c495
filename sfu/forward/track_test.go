package forward

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/pion/rtp"

	"github.com/meetcast/meetcast/sfu/packet"
	"github.com/meetcast/meetcast/sfu/track"
	"github.com/meetcast/meetcast/sfu/track/tracktest"
)

// asked keeps the feedback to a publisher.
type asked struct {
	mu    sync.Mutex
	plis  map[uint32]int
	nacks []uint16
}

func (a *asked) PictureLoss(ssrc uint32) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.plis == nil {
		a.plis = map[uint32]int{}
	}
	a.plis[ssrc]++
}

func (a *asked) Nack(_ uint32, seqs []uint16) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.nacks = append(a.nacks, seqs...)
}

func (a *asked) RTT() time.Duration { return 40 * time.Millisecond }

func newTestTrack(c *clock, rids ...string) (*Track, *asked) {
	a := &asked{}
	return NewTrack(TrackConfig{Info: track.Info{ID: "t", Kind: track.Video, Source: track.Camera, Codec: packet.VP8, ClockRate: 90000},
		RIDs: rids, Feedback: a, Now: c.now}), a
}

// raw is a VP8 packet on the wire; width makes it a key frame.
func raw(ssrc uint32, seq uint16, width int) []byte {
	payload := []byte{0x90, 0x80, 0x80, byte(seq), 1, 0, 0}
	if width > 0 {
		payload = append(payload[:4], 0x10, 0, 0, 0x9d, 1, 0x2a, byte(width), byte(width>>8), byte(width), byte(width>>8))
	}
	b, err := (&rtp.Packet{Header: rtp.Header{Version: 2, PayloadType: 96, SSRC: ssrc, SequenceNumber: seq, Timestamp: uint32(seq) * 3000}, Payload: payload}).Marshal()
	if err != nil {
		panic(err)
	}
	return b
}

func TestLaneAsksForWhatIsMissing(t *testing.T) {
	for _, start := range []uint16{0, 1, 0x7ffe, 0xfffc, 0xfffe, 0xffff} {
		t.Run(fmt.Sprint(start), func(t *testing.T) {
			c := &clock{time.Unix(1000, 0)}
			tr, a := newTestTrack(c)
			l := tr.Lane("")
			var d tracktest.FakeDownTrack
			tr.Attach(&d)
			l.Receive(raw(1, start, 320), c.t)
			l.Receive(raw(1, start+3, 0), c.t)
			if want := []uint16{start + 1, start + 2}; !slices.Equal(a.nacks, want) {
				t.Fatalf("asked for %v, want %v", a.nacks, want)
			}
			c.tick(10 * time.Millisecond)
			l.Receive(raw(1, start+4, 0), c.t)
			if len(a.nacks) != 2 {
				t.Fatalf("asked again too early: %v", a.nacks)
			}
			l.Receive(raw(1, start+1, 0), c.t) // repaired
			c.tick(60 * time.Millisecond)
			l.Receive(raw(1, start+5, 0), c.t)
			if want := []uint16{start + 1, start + 2, start + 2}; !slices.Equal(a.nacks, want) {
				t.Fatalf("asked for %v, want %v", a.nacks, want)
			}
			l.Receive(raw(1, start+1, 0), c.t) // repaired twice
			if got := len(d.Packets()); got != 5 {
				t.Fatalf("%d packets delivered", got)
			}
			for range 20 {
				c.tick(time.Second)
				l.losses.ask(c.t, 0)
			}
			if n := len(l.losses.missing); n != 0 {
				t.Fatalf("never gives up on %d packets", n)
			}
			if s := tr.Stats(); s.Drops[DropDuplicate] != 1 || s.Packets != 5 {
				t.Fatalf("%+v", s)
			}
		})
	}
}

func TestLaneBoundsWhatItMisses(t *testing.T) {
	var l losses
	now := time.Unix(1, 0)
	l.arrived(0, now)
	for i := range 2000 {
		l.arrived(uint16(2*i+2), now)
	}
	if len(l.missing) > maxLost {
		t.Fatalf("%d", len(l.missing))
	}
	l.arrived(uint16(2*1999+2+500), now)
	if len(l.missing) != 0 {
		t.Fatal("asks to mend a hole that only a key frame can")
	}
}

func TestLaneDropsMalformed(t *testing.T) {
	c := &clock{time.Unix(1000, 0)}
	tr, _ := newTestTrack(c)
	l := tr.Lane("")
	good := raw(1, 1, 320)
	otherType := raw(1, 2, 0)
	otherType[1] = 97
	if !l.Receive(good, c.t) {
		t.Fatal("good packet dropped")
	}
	for _, b := range [][]byte{nil, {1, 2, 3}, append(slices.Clone(good[:12]), 0x90, 0x80), otherType, append(slices.Clone(good), make([]byte, 1500)...)} {
		if l.Receive(b, c.t) {
			t.Errorf("took %x", b[:min(len(b), 20)])
		}
	}
	if s := tr.Stats(); s.Drops[DropMalformed] != 3 || s.Drops[DropCodec] != 1 || s.Drops[DropOversize] != 1 {
		t.Fatalf("%+v", s)
	}
}

func TestLaneBeginsAnew(t *testing.T) {
	c := &clock{time.Unix(1000, 0)}
	tr, a := newTestTrack(c)
	l := tr.Lane("")
	l.Receive(raw(1, 30000, 320), c.t)
	took := 0
	for i := range uint16(30) { // the same SSRC counts from elsewhere
		if l.Receive(raw(1, 10+i, 0), c.t) {
			took++
		}
	}
	if took < 20 || len(a.nacks) != 0 {
		t.Fatalf("took %d, asked for %d", took, len(a.nacks))
	}
	if !l.Receive(raw(2, 50000, 320), c.t) { // another SSRC at once
		t.Fatal("dropped a new source")
	}
}

func TestKeyFrameRequestsAreMerged(t *testing.T) {
	c := &clock{time.Unix(1000, 0)}
	tr, a := newTestTrack(c)
	l := tr.Lane("")
	tr.RequestKeyFrame(0)
	if len(a.plis) != 0 {
		t.Fatal("asked before there was anybody to ask")
	}
	l.Receive(raw(7, 1, 0), c.t)
	for range 100 {
		tr.RequestKeyFrame(0)
		tr.RequestKeyFrame(5) // no such layer
		c.tick(10 * time.Millisecond)
		tr.Tick(c.t)
	}
	if n := a.plis[7]; n != 2 && n != 3 {
		t.Fatalf("%d requests in a second", n)
	}
	c.tick(time.Second)
	tr.RequestKeyFrame(0)
	tr.RequestKeyFrame(0)
	before := a.plis[7]
	l.Receive(raw(7, 2, 320), c.t) // came: nobody waits any more
	c.tick(time.Second)
	tr.Tick(c.t)
	if a.plis[7] != before {
		t.Fatal("asked for a key frame that had come")
	}
}

func TestLayersAreOrderedBySize(t *testing.T) {
	for _, rids := range [][]string{{"q", "h", "f"}, {"f", "h", "q"}, {"l", "m", "h"}, {"2", "0", "1"}, {"a", "b", "c"}, {"c", "b", "a"}} {
		c := &clock{time.Unix(1000, 0)}
		tr, _ := newTestTrack(c, rids...)
		width := map[string]int{"q": 320, "l": 320, "0": 320, "a": 320, "h": 640, "m": 640, "1": 640, "b": 640, "f": 1280, "2": 1280, "c": 1280}
		if rids[0] == "l" {
			width["h"] = 1280
		}
		for i, rid := range rids {
			tr.Lane(rid).Receive(raw(uint32(i+1), 1, width[rid]), c.t)
		}
		last := 0
		for i, l := range tr.Layers() {
			if l.Index != i || l.Size.Width <= last || !l.Active || l.Size.Width != width[l.RID] {
				t.Errorf("%v: %+v", rids, tr.Layers())
			}
			last = l.Size.Width
		}
	}
}

func TestAsksForASizeThatWasMissed(t *testing.T) {
	c := &clock{time.Unix(1000, 0)}
	tr, a := newTestTrack(c)
	for i := range uint16(200) {
		tr.Lane("").Receive(raw(1, i, 0), c.t)
		c.tick(100 * time.Millisecond)
	}
	if a.plis[1] != 3 {
		t.Fatalf("%d requests, want 3", a.plis[1])
	}
}

func TestUnknownLayersFollowTheirNames(t *testing.T) {
	tr, _ := newTestTrack(&clock{time.Unix(1, 0)}, "f", "h", "q")
	var got []string
	for _, l := range tr.Layers() {
		got = append(got, l.RID)
	}
	if !slices.Equal(got, []string{"q", "h", "f"}) || tr.Lane("x") != nil {
		t.Fatal(got)
	}
}

func TestBitrateAndActivity(t *testing.T) {
	c := &clock{time.Unix(1000, 0)}
	tr, _ := newTestTrack(c)
	for i := range uint16(200) {
		tr.Lane("").Receive(append(raw(1, i, 0), make([]byte, 981)...), c.t) // 1000 bytes
		c.tick(10 * time.Millisecond)
	}
	if l := tr.Layers()[0]; !l.Active || l.Bitrate < 750_000 || l.Bitrate > 850_000 {
		t.Fatalf("%+v, want 800 kbit/s", l)
	}
	c.tick(2 * time.Second)
	if l := tr.Layers()[0]; l.Active || l.Bitrate != 0 {
		t.Fatalf("%+v long after the last packet", l)
	}
}

// gate is a down track that holds the publisher's loop up, as none should.
type gate struct{ entered, open chan struct{} }

func (g *gate) WritePacket(*packet.Packet) { close(g.entered); <-g.open }
func (g *gate) UpClosed(track.TrackID)     {}

// Detach returns only when the packet under way has been delivered.
func TestDetachWaits(t *testing.T) {
	tr, _ := newTestTrack(&clock{time.Unix(1, 0)})
	g := &gate{make(chan struct{}), make(chan struct{})}
	tr.Attach(g)
	received, detached := make(chan struct{}), make(chan struct{})
	go func() { tr.Lane("").Receive(raw(1, 1, 0), time.Now()); close(received) }()
	<-g.entered
	go func() { tr.Detach(g); close(detached) }()
	for gone := false; !gone; { // Detach has taken it off the list
		gone = len(*tr.downs.Load()) == 0
	}
	select {
	case <-detached:
		t.Fatal("Detach did not wait")
	case <-time.After(20 * time.Millisecond):
	}
	close(g.open)
	<-detached
	<-received
	tr.Lane("").Receive(raw(1, 2, 0), time.Now()) // a second delivery would panic
}

func TestCloseTellsOnce(t *testing.T) {
	tr, _ := newTestTrack(&clock{time.Unix(1, 0)})
	var d, late tracktest.FakeDownTrack
	tr.Attach(&d)
	tr.Close()
	tr.Close()
	tr.Attach(&late)
	if len(d.Closed()) != 1 || len(late.Closed()) != 1 {
		t.Fatal("the end was not told once")
	}
}

func TestRetransmission(t *testing.T) {
	for _, rtx := range []bool{true, false} {
		c := &clock{time.Unix(1000, 0)}
		tr, _ := newTestTrack(c)
		w := &wire{}
		d := NewDown(DownConfig{Kind: track.Video, Now: c.now, Stamper: &counter{}})
		o := everything
		o.Writer, o.TransportCC = w, 5
		if !rtx {
			o.RTX = 0
		}
		d.Open(o)
		d.Bind(tr, hd)
		d.SetLayer(0)
		for i := range uint16(20) {
			tr.Lane("").Receive(raw(1, 100+i, map[bool]int{true: 320}[i == 0]), c.t)
		}
		sent, payloads := w.take()
		d.Nack(sent[5].SequenceNumber)
		again, payload := w.take()
		if len(again) != 1 {
			t.Fatalf("rtx=%v: %d packets sent again", rtx, len(again))
		}
		if rtx {
			osn := uint16(payload[0][0])<<8 | uint16(payload[0][1])
			if again[0].SSRC != o.RTX || again[0].PayloadType != 97 || osn != sent[5].SequenceNumber ||
				!slices.Equal(payload[0][2:], payloads[5]) || again[0].Timestamp != sent[5].Timestamp {
				t.Fatalf("%+v", again[0])
			}
		} else if !slices.Equal(payload[0], payloads[5]) || fmt.Sprint(again[0]) != fmt.Sprint(sent[5]) {
			// Under one SRTP index only the very same packet may go out.
			t.Fatalf("%+v is not %+v", again[0], sent[5])
		}
		d.Nack(sent[0].SequenceNumber - 1)
		d.Nack(sent[19].SequenceNumber + 1)
		if s := d.Stats(); s.Drops[DropUncached] != 2 || s.RTX != 1 || s.Nacks != 3 {
			t.Fatalf("%+v", s)
		}
		for range 1000 {
			d.Nack(sent[5].SequenceNumber)
			c.tick(time.Millisecond)
		}
		if s := d.Stats(); s.RTX > 1+maxRepeats || s.Drops[DropThrottled] == 0 {
			t.Fatalf("one packet was sent again %d times", s.RTX)
		}
		d.Close()
	}
}

// However many NACKs come, retransmissions take their share of the path only.
func TestRetransmissionsAreBounded(t *testing.T) {
	var r retransmitter
	r.init()
	r.rate = 1_000_000
	now, bytes := time.Unix(1, 0), 0
	for i := range 10_000 { // ten seconds
		now = now.Add(time.Millisecond)
		for k := range 5 {
			if r.allow(now, 0, uint16(i*5+k), 1200) {
				bytes += 1200
			}
		}
	}
	if rate := bytes * 8 / 10; rate < 200_000 || rate > 300_000 {
		t.Fatalf("%d bit/s of retransmissions on 1 Mbit/s", rate)
	}
}

// sink is a transport that costs nothing.
type sink struct{ n int }

func (s *sink) WriteRTP(*rtp.Header, []byte) (int, error) { s.n++; return 0, nil }

// fanOut returns a function that receives one packet of 1.1 KB and forwards it to
// n subscribers, in a steady state.
func fanOut(n int) func() {
	c := &clock{time.Unix(1000, 0)}
	tr, _ := newTestTrack(c)
	for range n {
		d := NewDown(DownConfig{Kind: track.Video, Stamper: &counter{}})
		o := everything
		o.Writer, o.TransportCC = &sink{}, 5
		d.Open(o)
		d.Bind(tr, hd)
		d.SetLayer(0)
	}
	buf := append(raw(1, 0, 320), make([]byte, 1080)...)
	seq := uint16(0)
	send := func() {
		seq++
		buf[2], buf[3] = byte(seq>>8), byte(seq)
		tr.Lane("").Receive(buf, c.t)
	}
	for range 2 * ringSize {
		send()
	}
	return send
}

// BenchmarkForward measures the forwarding core without SRTP and socket: a packet
// parsed, cached, and rewritten for each subscriber. One operation is one packet
// to 100 subscribers.
func BenchmarkForward(b *testing.B) {
	send := fanOut(100)
	b.ReportAllocs()
	for b.Loop() {
		send()
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/100, "ns/forward")
}

func TestForwardDoesNotAllocate(t *testing.T) {
	if n := testing.AllocsPerRun(100, fanOut(10)); n != 0 {
		t.Fatalf("%v allocations for a packet to 10 subscribers", n)
	}
}
