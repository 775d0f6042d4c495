package onair

import (
	"bytes"
	"encoding/binary"
	"testing"
	"time"

	"github.com/pion/rtp/codecs"
	"go.uber.org/goleak"

	"github.com/meetcast/meetcast/egress/media"
	"github.com/meetcast/meetcast/egress/media/mediatest"
	"github.com/meetcast/meetcast/internal/unittest"
	"github.com/meetcast/meetcast/sfu/forward"
	"github.com/meetcast/meetcast/sfu/packet"
	"github.com/meetcast/meetcast/sfu/track"
	"github.com/meetcast/meetcast/sfu/track/tracktest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// annexB writes an access unit as a decoder of RTP gives it back.
func annexB(avcc []byte) []byte {
	var out []byte
	for len(avcc) > 4 {
		n := int(binary.BigEndian.Uint32(avcc))
		out = append(append(out, 0, 0, 0, 1), avcc[4:4+n]...)
		avcc = avcc[4+n:]
	}
	return out
}

// TestPictures: what goes in comes out of the packets, in packets of one size,
// on the clock of the programme.
func TestPictures(t *testing.T) {
	params, samples := mediatest.Programme(t, mediatest.Config{Seconds: 2, Width: 320, Height: 240})
	epoch := time.Now()
	p := New(Config{Name: "show", Epoch: epoch})
	defer p.Close()
	up := p.Tracks()[0]
	var down tracktest.FakeDownTrack
	up.Attach(&down)
	p.Begin(params)
	var want []media.Sample
	for _, s := range samples {
		p.Write(s)
		if s.Kind == media.Video {
			want = append(want, s)
		}
	}
	var got [][]byte
	var times []uint32
	unittest.Until(t, "all pictures", func() bool { got, times = pictures(t, down.Packets()); return len(got) == len(want) })
	sets := append(append([]byte{0, 0, 0, 1}, params.Video.SPS...), append([]byte{0, 0, 0, 1}, params.Video.PPS...)...)
	for i, s := range want {
		expect := annexB(s.Data)
		if s.Key {
			expect = append(bytes.Clone(sets), expect...)
		}
		if !bytes.Equal(got[i], expect) {
			t.Fatalf("picture %d has %d bytes, want %d", i, len(got[i]), len(expect))
		}
		if d := times[i] - times[0]; d != uint32(s.PTS*90000/time.Second)-uint32(want[0].PTS*90000/time.Second) {
			t.Errorf("picture %d at %d", i, d)
		}
	}
	l := up.Layers()
	if len(l) != 1 || l[0].Size != (track.Size{Width: 320, Height: 240}) || !l[0].Active {
		t.Errorf("layers are %+v", l)
	}
	ref, ok := up.ClockRef(0)
	pts := want[0].PTS + time.Duration(ref.RTP-times[0])*time.Second/90000
	if !ok || (ref.NTP.Sub(epoch)-pts).Abs() > time.Millisecond {
		t.Errorf("the clock says %v at %v of the programme", ref.NTP.Sub(epoch), pts)
	}
	if _, cached := up.(forward.Cache); !cached {
		t.Error("lost packets cannot be repeated")
	}
	if _, replays := up.(forward.Replayer); !replays {
		t.Error("viewers wait for the next key picture")
	}
}

// pictures puts packets together again.
func pictures(t *testing.T, list []packet.Packet) (units [][]byte, times []uint32) {
	t.Helper()
	var d codecs.H264Packet
	var unit []byte
	for i, p := range list {
		if i > 0 && p.Header.SequenceNumber != list[i-1].Header.SequenceNumber+1 {
			t.Fatalf("packet %d has number %d after %d", i, p.Header.SequenceNumber, list[i-1].Header.SequenceNumber)
		}
		if len(p.Payload) > maxPayload {
			t.Fatalf("a payload of %d bytes", len(p.Payload))
		}
		b, err := d.Unmarshal(p.Payload)
		if err != nil {
			t.Fatal(err)
		}
		if unit = append(unit, b...); p.Header.Marker {
			units, times, unit = append(units, unit), append(times, p.Header.Timestamp), nil
		}
	}
	return units, times
}

// TestSound: Opus goes out as it is, and only somebody who listens starts it.
func TestSound(t *testing.T) {
	heard := make(chan bool, 4)
	p := New(Config{Name: "show", Epoch: time.Now(), Heard: func(on bool) { heard <- on }})
	up := p.Tracks()[1]
	var one, two tracktest.FakeDownTrack
	up.Attach(&one)
	up.Attach(&two)
	up.Attach(&two)
	up.Detach(&one)
	if !<-heard || len(heard) != 0 {
		t.Fatal("the first listener does not start the sound, or another does")
	}
	p.Begin(media.Params{Video: &media.VideoParams{}})
	p.Write(media.Sample{Kind: media.Video, Key: true}) // an empty picture is nothing
	for i := range 3 {
		p.Write(media.Sample{Kind: media.Audio, Key: true, Data: []byte("AAC")})
		p.Sound(media.Sample{Kind: media.Audio, PTS: time.Duration(i) * 20 * time.Millisecond, Data: []byte{0xfc, byte(i)}})
	}
	p.Sound(media.Sample{Kind: media.Audio, Data: make([]byte, 4000)})
	var list []packet.Packet
	unittest.Until(t, "the sound", func() bool { list = two.Packets(); return len(list) == 3 })
	for i, s := range list {
		if s.Codec != packet.Opus || !bytes.Equal(s.Payload, []byte{0xfc, byte(i)}) || s.Header.Timestamp != list[0].Header.Timestamp+uint32(960*i) {
			t.Errorf("packet %d is %+v", i, s.Header)
		}
	}
	up.Detach(&two)
	up.Detach(&two)
	if <-heard || len(heard) != 0 {
		t.Error("the last listener does not stop the sound")
	}
	var late tracktest.FakeDownTrack
	up.Attach(&late)
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	<-p.Done()
	if ids := late.Closed(); len(ids) != 1 || ids[0] != up.Info().ID {
		t.Errorf("told the end of %v", ids)
	}
}

// TestBrokenUnits: lengths that lie do no harm.
func TestBrokenUnits(t *testing.T) {
	p := New(Config{Name: "show"})
	var down tracktest.FakeDownTrack
	p.Tracks()[0].Attach(&down)
	p.Write(media.Sample{Kind: media.Video, Key: true, Data: []byte{0, 0, 0, 1, 0x65}}) // before Begin
	p.Begin(media.Params{Video: &media.VideoParams{SPS: []byte{0x67}, PPS: []byte{0x68}}})
	for _, data := range [][]byte{{0, 0}, {0xff, 0xff, 0xff, 0xff, 1, 2}, {0, 0, 0, 0, 0, 0, 0, 2, 0x65, 0x88}} {
		p.Write(media.Sample{Kind: media.Video, Key: true, Data: data})
	}
	unittest.Until(t, "the whole unit", func() bool { return len(down.Packets()) >= 1 })
	p.Close()
	p.Close()
	p.Write(media.Sample{Kind: media.Video, Key: true, Data: []byte{0, 0, 0, 1, 0x65}})
}
