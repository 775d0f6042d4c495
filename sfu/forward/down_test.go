package forward

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/pion/rtp"

	"github.com/meetcast/meetcast/sfu/codec"
	"github.com/meetcast/meetcast/sfu/packet"
	"github.com/meetcast/meetcast/sfu/track"
	"github.com/meetcast/meetcast/sfu/track/tracktest"
)

// wire keeps what a Down writes.
type wire struct {
	headers  []rtp.Header
	payloads [][]byte
	err      error
}

func (w *wire) WriteRTP(h *rtp.Header, payload []byte) (int, error) {
	w.headers = append(w.headers, h.Clone())
	w.payloads = append(w.payloads, slices.Clone(payload))
	return len(payload), w.err
}

func (w *wire) take() ([]rtp.Header, [][]byte) {
	h, p := w.headers, w.payloads
	w.headers, w.payloads = nil, nil
	return h, p
}

type clock struct{ t time.Time }

func (c *clock) now() time.Time { return c.t }

func (c *clock) tick(d time.Duration) { c.t = c.t.Add(d) }

var everything = func() (o Outlet) {
	o.SSRC, o.RTX = 0xaaaa, 0xbbbb
	o.Types[packet.VP8], o.Types[packet.H264], o.Types[packet.Opus] = 96, 102, 111
	o.RTXTypes[packet.VP8], o.RTXTypes[packet.H264] = 97, 103
	return o
}()

func newTestDown(kind track.Kind) (*Down, *wire, *clock) {
	c, w := &clock{time.Unix(1000, 0)}, &wire{}
	d := NewDown(DownConfig{Kind: kind, Now: c.now})
	o := everything
	o.Writer = w
	d.Open(o)
	return d, w, c
}

// source makes the packets of one layer: frames of two packets each.
type source struct {
	codec   packet.Codec
	layer   int
	ssrc    uint32
	seq     uint16
	ts      uint32
	picture uint16
	tl0     uint8
}

func (s *source) frame(key bool) [2]*packet.Packet {
	s.ts += 3000
	s.picture, s.tl0 = (s.picture+1)&0x7fff, s.tl0+1
	var out [2]*packet.Packet
	for i := range out {
		s.seq++
		p := &packet.Packet{Codec: s.codec, Layer: s.layer, Header: rtp.Header{Version: 2, SSRC: s.ssrc,
			SequenceNumber: s.seq, Timestamp: s.ts, Marker: i == 1}, FrameStart: i == 0, KeyFrame: key && i == 0}
		if s.codec == packet.VP8 {
			p.Payload = []byte{0x80, 0xc0, 0x80 | byte(s.picture>>8), byte(s.picture), s.tl0, byte(i), 7}
			if i == 0 {
				p.Payload[0] |= 0x10
			}
			p.Descriptor, _, _ = codec.ParseVP8(p.Payload)
		} else {
			p.Payload = []byte{0x65, 0x88, byte(i)}
		}
		out[i] = p
	}
	return out
}

func push(up *tracktest.FakeUpTrack, ps [2]*packet.Packet) {
	for _, p := range ps {
		up.Push(p)
	}
}

func video(id string, c packet.Codec) *tracktest.FakeUpTrack {
	return tracktest.NewUpTrack(track.Info{ID: track.TrackID(id), Source: track.Camera, Codec: c})
}

var hd = track.Size{Width: 1280, Height: 720}

// checkStream fails unless the packets are one continuous stream.
func checkStream(t *testing.T, headers []rtp.Header, from *rtp.Header) {
	t.Helper()
	for i := range headers {
		h := &headers[i]
		if h.SSRC != everything.SSRC {
			t.Fatalf("SSRC %x", h.SSRC)
		}
		if from != nil {
			if h.SequenceNumber != from.SequenceNumber+1 {
				t.Fatalf("packet %d: number %d after %d", i, h.SequenceNumber, from.SequenceNumber)
			}
			if d := h.Timestamp - from.Timestamp; d > 90000 || (d == 0) != !from.Marker {
				t.Fatalf("packet %d: timestamp %d after %d", i, h.Timestamp, from.Timestamp)
			}
		}
		from = h
	}
}

// The whole life of a slot, from many starting numbers: sources of both codecs,
// layers up and down.
func TestSlotIsOneStream(t *testing.T) {
	for _, start := range []uint16{0, 1, 0x7ffd, 0x7fff, 0x8000, 0xfff8, 0xfffd, 0xffff} {
		for _, ts := range []uint32{0, 0x7ffffff0, 0xfffff000, 0xffffffff} {
			t.Run(fmt.Sprintf("%d/%d", start, ts), func(t *testing.T) { slotLife(t, start, ts) })
		}
	}
}

func slotLife(t *testing.T, start uint16, ts uint32) {
	d, w, c := newTestDown(track.Video)
	d.seq.StartAt(start)
	d.seed = ts
	a, b := video("a", packet.VP8), video("b", packet.H264)
	low := &source{codec: packet.VP8, ssrc: 1, seq: start, ts: ts, picture: 0x7ffe, tl0: 250}
	high := &source{codec: packet.VP8, layer: 1, ssrc: 2, seq: ^start, ts: ^ts, picture: 5}
	other := &source{codec: packet.H264, ssrc: 3, seq: start + 77, ts: ts / 2}
	var last *rtp.Header
	picture := -1
	play := func(n int, key bool, want uint32) {
		t.Helper()
		for i := range n {
			c.tick(33 * time.Millisecond)
			push(a, low.frame(key && i == 0))
			push(a, high.frame(key && i == 0))
			push(b, other.frame(key && i == 0))
		}
		headers, payloads := w.take()
		if len(headers) == 0 != (want == 0) {
			t.Fatalf("%d packets", len(headers))
		}
		checkStream(t, headers, last)
		for i, h := range headers {
			if wantPT := map[bool]uint8{true: 102, false: 96}[want == 3]; h.PayloadType != wantPT {
				t.Fatalf("payload type %d, want %d", h.PayloadType, wantPT)
			}
			if h.PayloadType != 96 {
				continue
			}
			v, first, err := codec.ParseVP8(payloads[i])
			if err != nil {
				t.Fatal(err)
			}
			if first && picture >= 0 && int(v.PictureID) != (picture+1)&0x7fff {
				t.Fatalf("picture id %d after %d", v.PictureID, picture)
			}
			picture = int(v.PictureID)
		}
		if len(headers) > 0 {
			last = &headers[len(headers)-1]
		}
	}
	d.Bind(a, hd)
	d.SetLayer(0)
	play(3, false, 0) // nothing before a key frame
	play(3, true, 1)
	d.SetLayer(1)
	if a.KeyFrameRequests(1) == 0 {
		t.Fatal("no key frame asked for")
	}
	play(3, false, 1) // the old layer goes on
	play(3, true, 2)
	d.SetLayer(0)
	play(2, false, 2)
	play(2, true, 1)
	d.Bind(b, hd)
	d.SetLayer(0)
	play(3, false, 0) // nothing of the old source
	play(3, true, 3)
	d.SetLayer(-1)
	play(3, true, 0)
	d.SetLayer(0)
	play(3, true, 3)
	d.Bind(a, hd)
	d.SetLayer(1)
	play(3, true, 2)
	d.Bind(nil, track.Size{})
	play(3, true, 0)
	if s := d.Stats(); s.Switches != 6 || s.Drops[DropLate] != 0 {
		t.Fatalf("%+v", s)
	}
}

func TestAudioSwitchesAtOnce(t *testing.T) {
	d, w, c := newTestDown(track.Audio)
	var last *rtp.Header
	for i, id := range []string{"a", "b", "a"} {
		up := tracktest.NewUpTrack(track.Info{ID: track.TrackID(id), Source: track.Microphone})
		d.Bind(up, track.Size{})
		for k := range uint16(5) {
			c.tick(20 * time.Millisecond)
			up.Push(&packet.Packet{Header: rtp.Header{SSRC: uint32(i + 1), SequenceNumber: k + 9, Timestamp: uint32(k) * 960}, Payload: []byte{1}})
		}
		headers, _ := w.take()
		if len(headers) != 5 || !headers[0].Marker || headers[0].PayloadType != 111 {
			t.Fatalf("source %d: %+v", i, headers)
		}
		for k := range headers {
			h := &headers[k]
			if last != nil && (h.SequenceNumber != last.SequenceNumber+1 || h.Timestamp-last.Timestamp != 960) {
				t.Fatalf("source %d packet %d: %d/%d after %d/%d", i, k, h.SequenceNumber, h.Timestamp, last.SequenceNumber, last.Timestamp)
			}
			last = h
		}
	}
}

func TestUnsupportedCodecIsCounted(t *testing.T) {
	d, w, _ := newTestDown(track.Video)
	o := everything
	o.Writer, o.Types[packet.H264] = w, 0
	d.Open(o)
	up := video("a", packet.H264)
	d.Bind(up, hd)
	d.SetLayer(0)
	d.Tick(time.Unix(2000, 0))
	push(up, (&source{codec: packet.H264, ssrc: 1}).frame(true))
	if s := d.Stats(); s.Drops[DropCodec] == 0 || len(w.headers) != 0 {
		t.Fatalf("%+v", s)
	}
	if up.KeyFrameRequests(0) != 0 {
		t.Fatal("asked for key frames of a codec that cannot be received")
	}
}

func TestLayersAlignByTheirClocks(t *testing.T) {
	d, w, c := newTestDown(track.Video)
	up := video("a", packet.VP8)
	ntp := time.Unix(5000, 0)
	up.SetClockRef(0, track.ClockRef{NTP: ntp, RTP: 1000})
	up.SetClockRef(1, track.ClockRef{NTP: ntp.Add(10 * time.Millisecond), RTP: 500_900}) // 900 ticks later
	low, high := &source{codec: packet.VP8, ssrc: 1, ts: 1000}, &source{codec: packet.VP8, layer: 1, ssrc: 2, ts: 500_000}
	d.Bind(up, hd)
	d.SetLayer(0)
	push(up, low.frame(true))
	d.SetLayer(1)
	c.tick(47 * time.Millisecond) // came with jitter: 33 ms were meant
	high.ts += 3000
	push(up, high.frame(true))
	headers, _ := w.take()
	if got := headers[2].Timestamp - headers[0].Timestamp; got != 3000 {
		t.Fatalf("the layers join %d ticks apart, want 3000", got)
	}
}

func TestPublisherBeginsAnew(t *testing.T) {
	d, w, _ := newTestDown(track.Video)
	up := video("a", packet.VP8)
	s := &source{codec: packet.VP8, ssrc: 1, seq: 30000}
	d.Bind(up, hd)
	d.SetLayer(0)
	push(up, s.frame(true))
	s.seq = 10 // the encoder was restarted
	for range 20 {
		push(up, s.frame(false))
	}
	push(up, s.frame(true))
	push(up, s.frame(false))
	if headers, _ := w.take(); len(headers) != 6 {
		t.Fatalf("%d packets, want the two frames from the key frame on", len(headers))
	}
}

func TestReport(t *testing.T) {
	d, w, _ := newTestDown(track.Video)
	up := video("a", packet.VP8)
	s := &source{codec: packet.VP8, ssrc: 1, ts: 70_000}
	d.Bind(up, hd)
	d.SetLayer(0)
	push(up, s.frame(true))
	if _, _, _, _, ok := d.Report(); ok {
		t.Fatal("a report without a clock")
	}
	ref := track.ClockRef{NTP: time.Unix(9, 0), RTP: s.ts + 500}
	up.SetClockRef(0, ref)
	ssrc, clock, packets, bytes, ok := d.Report()
	if !ok || ssrc != everything.SSRC || !clock.NTP.Equal(ref.NTP) || clock.RTP != w.headers[0].Timestamp+500 || packets != 2 || bytes != 14 {
		t.Fatalf("%v %+v %d %d", ok, clock, packets, bytes)
	}
}

type counter struct{ n uint16 }

func (c *counter) Stamp(time.Time, int) uint16 { c.n++; return c.n }

// With a retransmission stream, padding leaves the numbers of the media alone: a
// lost one would else be a hole that nothing fills.
func TestPaddingGoesOnTheRetransmissionStream(t *testing.T) {
	c, w := &clock{time.Unix(1000, 0)}, &wire{}
	d := NewDown(DownConfig{Kind: track.Video, Now: c.now, Stamper: &counter{}})
	o := everything
	o.Writer, o.TransportCC = w, 5
	d.Open(o)
	up, s := video("a", packet.VP8), &source{codec: packet.VP8, ssrc: 1}
	d.Bind(up, hd)
	d.SetLayer(0)
	f := s.frame(true)
	up.Push(f[0])
	if got := d.Pad(1000); got < 1000 || got > 1300 {
		t.Fatalf("%d bytes of padding", got)
	}
	up.Push(f[1])
	headers, _ := w.take()
	if len(headers) != 6 || headers[5].SequenceNumber != headers[0].SequenceNumber+1 {
		t.Fatalf("%d packets; the media has numbers %d and %d", len(headers), headers[0].SequenceNumber, headers[5].SequenceNumber)
	}
	for i, h := range headers[1:5] {
		if h.SSRC != o.RTX || h.PayloadType != o.RTXTypes[packet.VP8] || !h.Padding || h.SequenceNumber != headers[1].SequenceNumber+uint16(i) ||
			binary.BigEndian.Uint16(h.GetExtension(5)) != uint16(i+2) {
			t.Fatalf("padding %d: %+v", i, h)
		}
	}
}

func TestPaddingTakesNumbers(t *testing.T) {
	c, w := &clock{time.Unix(1000, 0)}, &wire{}
	d := NewDown(DownConfig{Kind: track.Video, Now: c.now, Stamper: &counter{}})
	o := everything
	o.Writer, o.TransportCC, o.RTX = w, 5, 0
	d.Open(o)
	up, s := video("a", packet.VP8), &source{codec: packet.VP8, ssrc: 1}
	d.Bind(up, hd)
	d.SetLayer(0)
	if d.Pad(1000) != 0 {
		t.Fatal("padding before the first packet")
	}
	f := s.frame(true)
	up.Push(f[0])
	if d.Pad(1000) != 0 {
		t.Fatal("padding inside a frame")
	}
	up.Push(f[1])
	if got := d.Pad(1000); got < 1000 || got > 1300 {
		t.Fatalf("%d bytes of padding", got)
	}
	push(up, s.frame(false))
	headers, _ := w.take()
	if len(headers) != 8 {
		t.Fatalf("%d packets", len(headers))
	}
	for i, h := range headers {
		if h.SequenceNumber != headers[0].SequenceNumber+uint16(i) || binary.BigEndian.Uint16(h.GetExtension(5)) != uint16(i+1) {
			t.Fatalf("packet %d: %+v", i, h)
		}
		if pad := i >= 2 && i < 6; h.Padding != pad {
			t.Fatalf("packet %d: padding %v", i, h.Padding)
		}
	}
}

func TestEmptyPacketsLeaveNoGap(t *testing.T) {
	d, w, _ := newTestDown(track.Video)
	up, s := video("a", packet.VP8), &source{codec: packet.VP8, ssrc: 1}
	d.Bind(up, hd)
	d.SetLayer(0)
	push(up, s.frame(true))
	s.seq++
	up.Push(&packet.Packet{Header: rtp.Header{SSRC: 1, SequenceNumber: s.seq, Timestamp: s.ts}})
	push(up, s.frame(false))
	headers, _ := w.take()
	checkStream(t, headers, nil)
	if len(headers) != 4 {
		t.Fatalf("%d packets", len(headers))
	}
}

func TestWriteErrorsAreCounted(t *testing.T) {
	d, w, _ := newTestDown(track.Video)
	w.err = errors.New("gone")
	up := video("a", packet.VP8)
	d.Bind(up, hd)
	d.SetLayer(0)
	push(up, (&source{codec: packet.VP8, ssrc: 1}).frame(true))
	if s := d.Stats(); s.Drops[DropUnconnected] != 2 {
		t.Fatalf("%+v", s)
	}
	d.Close()
	d.Bind(up, hd)
	if up, _ := d.Bound(); up != nil {
		t.Fatal("a closed slot was bound")
	}
}

func TestUpClosedEmptiesTheSlot(t *testing.T) {
	d, _, _ := newTestDown(track.Video)
	a, b := video("a", packet.VP8), video("b", packet.VP8)
	d.Bind(a, hd)
	d.Bind(b, hd)
	a.Close()
	if up, _ := d.Bound(); up != b {
		t.Fatal("the end of a former source emptied the slot")
	}
	b.Close()
	if up, _ := d.Bound(); up != nil {
		t.Fatal("the slot keeps a source that ended")
	}
}
