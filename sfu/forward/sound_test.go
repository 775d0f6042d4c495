package forward

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/pion/rtp"

	"github.com/meetcast/meetcast/sfu/codec"
	"github.com/meetcast/meetcast/sfu/packet"
	"github.com/meetcast/meetcast/sfu/track"
)

const (
	opusType = 111
	redType  = 63
)

func voice(c *clock, red bool) (*Track, *Lane) {
	cfg := TrackConfig{Info: track.Info{ID: "v", Kind: track.Audio, Source: track.Microphone, Codec: packet.Opus, ClockRate: 48000},
		Feedback: &asked{}, Now: c.now, Extensions: packet.Extensions{AudioLevel: 1}}
	if red {
		cfg.Types = map[uint8]packet.Codec{opusType: packet.Opus, redType: packet.RED}
	}
	up := NewTrack(cfg)
	return up, up.Lane("")
}

// word is the payload of packet n.
func word(n int) []byte { return []byte{0x78, byte(n >> 8), byte(n)} }

// said is packet n of a voice: as RED with so many packets before it, or as it is
// for a negative depth.
func said(n, depth int, start uint16, level uint8) []byte {
	h := rtp.Header{Version: 2, PayloadType: opusType, SSRC: 5, SequenceNumber: start + uint16(n), Timestamp: uint32(n) * 960}
	_ = h.SetExtension(1, []byte{level})
	payload := word(n)
	if depth >= 0 {
		h.PayloadType = redType
		var blocks []codec.REDBlock
		for d := min(depth, n); d > 0; d-- {
			blocks = append(blocks, codec.REDBlock{Offset: uint16(960 * d), Payload: word(n - d)})
		}
		payload = codec.AppendRED(nil, payload, blocks)
		codec.PutREDTypes(payload, len(blocks), opusType)
	}
	b, _ := (&rtp.Packet{Header: h, Payload: payload}).Marshal()
	return b
}

func listener(c *clock, up track.UpTrack, red uint8) (*Down, *wire) {
	w := &wire{}
	d := NewDown(DownConfig{Kind: track.Audio, Now: c.now})
	o := everything
	o.Writer, o.RED = w, red
	d.Open(o)
	d.Bind(up, track.Size{})
	return d, w
}

// Two packets in a row may be lost on the way in: a listener misses nothing.
func TestREDRecoversLostPackets(t *testing.T) {
	for _, start := range []uint16{0, 0x7ffe, 0xfff0, 0xfffd} {
		c := &clock{time.Unix(1000, 0)}
		up, lane := voice(c, true)
		_, w := listener(c, up, 0)
		for n := range 60 {
			c.tick(20 * time.Millisecond)
			if n%5 == 2 || n%5 == 3 {
				continue
			}
			if !lane.Receive(said(n, 2, start, 40), c.t) {
				t.Fatalf("%+v", up.Stats())
			}
		}
		headers, payloads := w.take()
		if len(headers) != 60 {
			t.Fatalf("%d packets of 60: %+v", len(headers), up.Stats())
		}
		for i := range headers {
			if !slices.Equal(payloads[i], word(i)) || headers[i].SequenceNumber != headers[0].SequenceNumber+uint16(i) ||
				headers[i].Timestamp != headers[0].Timestamp+uint32(i)*960 || headers[i].PayloadType != opusType {
				t.Fatalf("packet %d: %x %+v", i, payloads[i], headers[i])
			}
		}
		if lane.Receive(said(52, -1, start, 40), c.t) {
			t.Fatal("what was recovered was taken again")
		}
		if s := up.Stats(); s.Recovered != 24 || s.Drops[DropDuplicate] != 1 {
			t.Fatalf("%+v", s)
		}
		if up.Loudness() < 0.3 {
			t.Fatalf("loudness %v", up.Loudness())
		}
	}
}

// A slot repeats what it sent itself, and nothing from before a switch.
func TestREDIsPacked(t *testing.T) {
	c := &clock{time.Unix(1000, 0)}
	var r codec.RED
	d, w := listener(c, nil, redType)
	for round := range 3 {
		up, lane := voice(c, round == 1)
		lane.Receive(said(99, -1, uint16(round), 40), c.t) // before anybody listened
		d.Bind(up, track.Size{})
		for n := 100; n < 110; n++ {
			c.tick(20 * time.Millisecond)
			if n == 107 {
				continue // lost for good, unless it came in RED
			}
			lane.Receive(said(n, []int{-1, 2, -1}[round], uint16(round), 40), c.t)
		}
		headers, payloads := w.take()
		at := 0
		for i, h := range headers {
			if i == 7 && round != 1 {
				at = 0 // after the loss
			}
			if want := min(at, redDepth); h.PayloadType == opusType {
				if want != 0 && i != 1 {
					t.Fatalf("round %d packet %d is plain", round, i)
				}
			} else if err := r.Parse(payloads[i]); err != nil || len(r.Blocks) != want {
				t.Fatalf("round %d packet %d: %v, %d blocks of %d", round, i, err, len(r.Blocks), want)
			} else {
				for k, b := range r.Blocks {
					n := uint16(i) + uint16(100-want+k)
					if i >= 7 && round != 1 {
						n++
					}
					if !slices.Equal(b.Payload, word(int(n))) || int(b.Offset) != 960*(want-k) {
						t.Fatalf("round %d packet %d block %d: %x", round, i, k, b.Payload)
					}
				}
			}
			at++
		}
	}
}

// Music is repeated once or not at all.
func TestREDIsBoundedBySize(t *testing.T) {
	for _, c := range []struct{ size, blocks int }{{80, 2}, {160, 2}, {300, 1}, {500, 1}, {600, 0}, {1100, 0}} {
		_, lane := voice(&clock{time.Unix(1, 0)}, false)
		var p packet.Packet
		for n := range 5 {
			p = packet.Packet{Header: rtp.Header{SequenceNumber: uint16(n), Timestamp: uint32(n) * 960}, Payload: make([]byte, c.size)}
			lane.repack(&p)
		}
		if p.RedundantBlocks != c.blocks {
			t.Errorf("%d bytes: %d blocks, want %d", c.size, p.RedundantBlocks, c.blocks)
		}
	}
}

// While somebody is silent Opus sends a packet now and then (RFC 7587 §3.1.3):
// timestamps jump, sequence numbers do not.
func TestDTX(t *testing.T) {
	for _, red := range []uint8{0, redType} {
		c := &clock{time.Unix(1000, 0)}
		up, lane := voice(c, true)
		d, w := listener(c, up, red)
		seq, ts := uint16(0xfff8), uint32(0xfffff000)
		send := func(level uint8, marker bool, step time.Duration) {
			c.tick(step)
			seq++
			ts += uint32(step.Milliseconds()) * 48
			h := rtp.Header{Version: 2, PayloadType: opusType, SSRC: 5, SequenceNumber: seq, Timestamp: ts, Marker: marker}
			_ = h.SetExtension(1, []byte{level})
			b, _ := (&rtp.Packet{Header: h, Payload: []byte{0x78}}).Marshal()
			if !lane.Receive(b, c.t) {
				t.Fatalf("%+v", up.Stats())
			}
		}
		for range 50 {
			send(30, false, 20*time.Millisecond)
		}
		if l := up.Loudness(); l < 0.5 {
			t.Fatalf("loudness %v while speaking", l)
		}
		for range 4 {
			send(127, false, 400*time.Millisecond)
		}
		if l := up.Loudness(); l > 0.05 {
			t.Fatalf("loudness %v in silence", l)
		}
		send(30, true, 400*time.Millisecond)
		for range 20 {
			send(30, false, 20*time.Millisecond)
		}
		if l := up.Loudness(); l < 0.5 {
			t.Fatalf("loudness %v after the silence", l)
		}
		headers, _ := w.take()
		if len(headers) != 75 || d.Stats().Drops != [Drops]uint64{} {
			t.Fatalf("%d packets, %+v", len(headers), d.Stats())
		}
		for i := 1; i < len(headers); i++ {
			want := uint32(960)
			if i >= 50 && i < 55 {
				want = 19200
			}
			if headers[i].Timestamp-headers[i-1].Timestamp != want || headers[i].SequenceNumber != headers[i-1].SequenceNumber+1 || headers[i].Marker != (i == 54) {
				t.Fatalf("packet %d: %+v after %+v", i, headers[i], headers[i-1])
			}
		}
	}
}

func TestVoiceBeginsAnew(t *testing.T) {
	c := &clock{time.Unix(1000, 0)}
	up, lane := voice(c, true)
	for n := range 10 {
		lane.Receive(said(n, 2, 30000, 40), c.t)
	}
	took := 0
	for n := range 20 { // the same SSRC counts from elsewhere
		if lane.Receive(said(n, 2, 100, 40), c.t) {
			took++
		}
	}
	if took < 12 || up.Stats().Recovered != 0 {
		t.Fatalf("took %d, %+v", took, up.Stats())
	}
	for _, b := range [][]byte{{0x80, redType, 0, 1, 0, 0, 0, 0, 0, 0, 0, 5, 0xff}, {0x80, 99, 0, 1, 0, 0, 0, 0, 0, 0, 0, 5, 1}} {
		if lane.Receive(b, c.t) {
			t.Errorf("took %x", b)
		}
	}
	if s := up.Stats(); s.Drops[DropMalformed] != 1 || s.Drops[DropCodec] != 1 {
		t.Fatalf("%+v", s)
	}
}

func TestREDDoesNotAllocate(t *testing.T) {
	c := &clock{time.Unix(1000, 0)}
	up, lane := voice(c, true)
	for range 3 {
		d := NewDown(DownConfig{Kind: track.Audio, Now: c.now, Stamper: &counter{}})
		o := everything
		o.Writer, o.RED, o.TransportCC = &sink{}, redType, 5
		d.Open(o)
		d.Bind(up, track.Size{})
	}
	var packets [][]byte
	for n := range 300 {
		packets = append(packets, said(n, 2, 0, 40))
	}
	n := 0
	send := func() {
		if n++; n%7 != 3 {
			lane.Receive(packets[n], c.t)
		}
	}
	for range 100 {
		send()
	}
	if a := testing.AllocsPerRun(150, send); a != 0 {
		t.Fatalf("%v allocations", a)
	}
}

func FuzzLane(f *testing.F) {
	f.Add(said(3, 2, 0, 40), uint8(0))
	f.Add((&svc{layers: 3}).next(true)[0], uint8(1))
	f.Add((&av1Source{ssrc: 1}).next(true)[0], uint8(2))
	f.Add(raw(1, 1, 320), uint8(3))
	f.Fuzz(func(t *testing.T, b []byte, kind uint8) {
		c := &clock{time.Unix(1000, 0)}
		var up *Track
		if kind%4 == 0 {
			up, _ = voice(c, true)
		} else {
			codecs := []packet.Codec{0, packet.VP9, packet.AV1, packet.VP8}
			up = NewTrack(TrackConfig{Info: track.Info{ID: "f", Kind: track.Video, Codec: codecs[kind%4], ClockRate: 90000},
				Feedback: &asked{}, Now: c.now, Extensions: packet.Extensions{DependencyDescriptor: ddIn}})
		}
		d := NewDown(DownConfig{Kind: up.Info().Kind, Now: c.now, Stamper: &counter{}})
		o := everything
		o.Writer, o.Types[packet.VP9], o.Types[packet.AV1], o.RED, o.DependencyDescriptor, o.TransportCC = &wireBytes{}, 98, 45, redType, ddOut, 5
		d.Open(o)
		d.Bind(up, hd)
		d.SetLayer(1)
		d.SetTemporal(int(kind) % 3)
		for i := range 4 { // the same with other numbers
			if len(b) >= 12 {
				b[3] += byte(i)
				b[7] += byte(i)
			}
			up.Lane("").Receive(b, c.t)
			d.SetLayer(i % 2)
			d.Nack(d.seq.Next() - 1)
		}
		if n := len(up.Layers()); n > MaxLayers {
			t.Fatal(fmt.Sprint(n, " layers"))
		}
	})
}
