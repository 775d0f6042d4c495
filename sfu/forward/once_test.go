package forward

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"testing"
	"time"

	"github.com/pion/rtp"

	"github.com/meetcast/meetcast/sfu/packet"
	"github.com/meetcast/meetcast/sfu/track"
)

// once is a Writer that fails when two packets that differ have one SSRC and one
// sequence number: they would be encrypted with one nonce (RFC 7714 §8.4), which
// gives the key of their authentication away.
type once struct {
	t    *testing.T
	sent map[uint64][]byte
}

func (o *once) WriteRTP(h *rtp.Header, payload []byte) (int, error) {
	b, err := (&rtp.Packet{Header: *h, Payload: payload, PaddingSize: h.PaddingSize}).Marshal()
	if err != nil {
		o.t.Fatal(err)
	}
	key := uint64(h.SSRC)<<16 | uint64(h.SequenceNumber)
	if old := o.sent[key]; old != nil && !bytes.Equal(old, b) {
		o.t.Errorf("%d of %x goes out twice:\n%x\n%x", h.SequenceNumber, h.SSRC, old, b)
	}
	o.sent[key] = b
	return len(b), nil
}

// hostile is a publisher whose packets never repeat a payload, whatever their
// numbers, and a slot that watches it.
type hostile struct {
	t    *testing.T
	c    *clock
	up   *Track
	down *Down
	out  *once
	ts   uint32
}

func newHostile(t *testing.T, rtx uint32) *hostile {
	h := &hostile{t: t, c: &clock{time.Unix(1000, 0)}, out: &once{t, map[uint64][]byte{}}}
	h.up, _ = newTestTrack(h.c)
	h.down = NewDown(DownConfig{Kind: track.Video, Now: h.c.now, Stamper: &counter{}})
	h.open(rtx, 96)
	h.down.Bind(h.up, hd)
	h.down.SetLayer(0)
	h.down.SetBandwidth(1 << 40)
	return h
}

func (h *hostile) open(rtx uint32, vp8 uint8) {
	o := Outlet{Writer: h.out, SSRC: 0xaaaa, RTX: rtx, TransportCC: 5}
	o.Types[packet.VP8] = vp8
	if rtx != 0 {
		o.RTXTypes[packet.VP8] = vp8 + 1
	}
	h.down.Open(o)
}

// send sends so many packets from a number on, the first of them a key frame.
func (h *hostile) send(first uint16, n int) {
	for i := range n {
		width := 0
		if i == 0 {
			width = 320
		}
		b := raw(1, first+uint16(i), width)
		b[1] |= 0x80
		h.ts += 3000
		binary.BigEndian.PutUint32(b[4:], h.ts)
		b = binary.BigEndian.AppendUint32(b, h.ts)
		h.c.tick(time.Millisecond)
		h.up.Lane("").Receive(b, h.c.t)
	}
}

func TestNoNumberForTwoPackets(t *testing.T) {
	nackAll := func(h *hostile) {
		for i := range 2000 {
			h.c.tick(50 * time.Millisecond)
			h.down.Nack(h.down.seq.Next() - 1 - uint16(i))
		}
	}
	tests := map[string]func(*hostile){
		"one packet far ahead": func(h *hostile) {
			h.send(1000, 500)
			h.send(22000, 1)
			h.send(1300, strayLimit+1)
			h.send(1300, 500)
		},
		"far behind": func(h *hostile) {
			h.send(1000, 6000)
			h.send(2000, 5000)
			h.send(2000, 5000)
		},
		"back at old numbers": func(h *hostile) {
			h.send(1000, 400)
			h.send(40000, 50)
			h.send(40100, 50)
			h.send(1000, 400)
		},
		"in one source after the other": func(h *hostile) {
			h.send(1000, 400)
			h.send(22000, 1)
			h.send(1000, strayLimit-1)
			h.down.SetLayer(-1)
			h.down.SetLayer(0)
			h.send(900, 400)
		},
		"repeated long after": func(h *hostile) {
			h.send(1000, 200)
			h.down.Pad(600 * (overhead + padding))
		},
		"negotiated anew": func(h *hostile) {
			h.send(1000, 200)
			h.open(0, 98)
		},
		"from the cache while it is forwarded": func(h *hostile) {
			h.send(1000, 5)
			h.up.Replay(h.down, 0, 1<<30)
		},
	}
	for name, f := range tests {
		for _, rtx := range []uint32{0, 0xbbbb} {
			t.Run(fmt.Sprintf("%s, RTX %x", name, rtx), func(t *testing.T) {
				h := newHostile(t, rtx)
				f(h)
				nackAll(h)
				h.send(50000, 1)
				h.send(50001, 50)
				nackAll(h)
			})
		}
	}
}

// Numbers filled by padding stay filled, however many there are.
func TestFilledNumbersStayFilled(t *testing.T) {
	h := newHostile(t, 0)
	h.down.SetTemporal(0)
	layered := func(seq uint16, tid byte) {
		b := raw(1, seq, 0)
		if seq == 1000 {
			b = raw(1, seq, 320)
		}
		payload := b[12:]
		head := []byte{payload[0], 0xa0, payload[2], payload[3], tid << 6}
		b = append(append(b[:12:12], head...), payload[4:]...)
		h.c.tick(time.Millisecond)
		h.up.Lane("").Receive(b, h.c.t)
	}
	layered(1000, 0)
	for i := uint16(1001); i < 1101; i += 2 {
		layered(i+1, 0)
		layered(i, 1)
	}
	for i := range uint16(110) {
		h.c.tick(time.Second)
		h.down.Nack(h.down.seq.Next() - 1 - i)
	}
}

// Speech may not be given a number twice either.
func TestNoNumberForTwoSounds(t *testing.T) {
	c, out := &clock{time.Unix(1000, 0)}, &once{t, map[uint64][]byte{}}
	up := NewTrack(TrackConfig{Info: track.Info{ID: "a", Kind: track.Audio, Codec: packet.Opus, ClockRate: 48000}, Feedback: &asked{}, Now: c.now})
	d := NewDown(DownConfig{Kind: track.Audio, Now: c.now})
	o := everything
	o.Writer = out
	d.Open(o)
	d.Bind(up, track.Size{})
	text := byte(0)
	send := func(first uint16, n int) {
		for i := range n {
			text++
			b, _ := (&rtp.Packet{Header: rtp.Header{Version: 2, PayloadType: 111, SSRC: 7, SequenceNumber: first + uint16(i), Timestamp: uint32(text) * 960}, Payload: []byte{text, 1}}).Marshal()
			c.tick(20 * time.Millisecond)
			up.Lane("").Receive(b, c.t)
		}
	}
	send(100, 20)
	send(9000, 1)
	send(105, 30)
	if len(out.sent) < 40 {
		t.Fatalf("%d packets came through", len(out.sent))
	}
}

// A source that goes on under another SSRC, or with other numbers, is asked for a
// key frame when its first one was lost: its viewers cannot begin without.
func TestSourceWithoutKeyFrameIsAsked(t *testing.T) {
	for name, next := range map[string][]byte{"another SSRC": raw(2, 600, 0), "other numbers": raw(1, 30000, 0)} {
		t.Run(name, func(t *testing.T) {
			c := &clock{time.Unix(1000, 0)}
			up, a := newTestTrack(c)
			l := up.Lane("")
			l.Receive(raw(1, 1, 320), c.t)
			c.tick(time.Second)
			for i := range byte(40) {
				next[3]++
				l.Receive(append(next, i), c.t)
			}
			if a.plis[1]+a.plis[2] == 0 {
				t.Fatal("nobody asks")
			}
		})
	}
}

// A paused layer that begins in the cache goes on: its publisher is told at once.
func TestReplayResumesAtOnce(t *testing.T) {
	s := newStage("q", "h")
	d := s.viewer()
	d.SetLayer(0)
	s.run(demandHold - 50*time.Millisecond)
	s.up.RequestKeyFrame(1)
	s.key["h"] = false // a key frame just before the pause
	s.run(100 * time.Millisecond)
	if got := s.wanted(); len(got) != 1 {
		t.Fatalf("%v are wanted", got)
	}
	d.SetLayer(-1)
	d.SetLayer(1)
	if d.Stats().Replays != 1 {
		t.Fatal("no replay: the test shows nothing")
	}
	if got := s.wanted(); len(got) != 2 {
		t.Fatalf("%v are wanted", got)
	}
}

// A receiver that misses the beginning takes the first number that it sees for one
// before the first wrap: it must not come after (RFC 3711 §3.3.1).
func TestNumbersBeginInTheLowerHalf(t *testing.T) {
	for range 200 {
		d := NewDown(DownConfig{Kind: track.Video})
		if d.seq.Next() >= 1<<15 || d.rtx.seq >= 1<<15 {
			t.Fatalf("numbers begin at %d and %d", d.seq.Next(), d.rtx.seq)
		}
	}
}
