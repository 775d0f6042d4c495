package tap

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"github.com/pion/rtp"
	"github.com/pion/rtp/codecs"

	"github.com/meetcast/meetcast/sfu/packet"
)

// vp8Frame makes something that begins like a VP8 frame.
func vp8Frame(key bool, size int) []byte {
	b := bytes.Repeat([]byte{0xab}, size)
	b[0] = 1
	if key {
		copy(b, []byte{0x10, 0, 0, 0x9d, 0x01, 0x2a, 0x40, 0x01, 0xb4, 0x00})
	}
	return b
}

// h264Frame makes an access unit in Annex B form.
func h264Frame(key bool, size int) []byte {
	slice := bytes.Repeat([]byte{0xcd}, size)
	if !key {
		slice[0] = 0x41
		return append([]byte{0, 0, 0, 1}, slice...)
	}
	slice[0] = 0x65
	out := []byte{0, 0, 0, 1, 0x67, 0x42, 0xc0, 0x1f, 0, 0, 0, 1, 0x68, 0xce, 0x3c, 0x80, 0, 0, 0, 1}
	return append(out, slice...)
}

func TestAssembleFrames(t *testing.T) {
	for _, codec := range []packet.Codec{packet.VP8, packet.H264} {
		var pay rtp.Payloader = &codecs.VP8Payloader{EnablePictureID: true}
		make := vp8Frame
		if codec == packet.H264 {
			pay, make = &codecs.H264Payloader{}, h264Frame
		}
		a := assembler{codec: codec}
		for n, size := range []int{5000, 900, 20, 1300, 4000} {
			want := make(n == 0, size)
			parts := pay.Payload(1000, want)
			for i, p := range parts {
				frame, key, need := a.push(uint32(n*3000), i == len(parts)-1, p)
				if need {
					t.Fatalf("%v frame %d needs a key frame", codec, n)
				}
				if (frame != nil) != (i == len(parts)-1) {
					t.Fatalf("%v frame %d is complete after part %d of %d", codec, n, i, len(parts))
				}
				if frame == nil {
					continue
				}
				if !bytes.Equal(frame, want) || key != (n == 0) {
					t.Errorf("%v frame %d: %d bytes, key %v; want %d bytes", codec, n, len(frame), key, len(want))
				}
			}
		}
	}
}

func TestAssembleWaitsForAKeyFrameAfterLoss(t *testing.T) {
	for _, codec := range []packet.Codec{packet.VP8, packet.H264} {
		var pay rtp.Payloader = &codecs.VP8Payloader{}
		make := vp8Frame
		if codec == packet.H264 {
			pay, make = &codecs.H264Payloader{}, h264Frame
		}
		a := assembler{codec: codec}
		send := func(ts uint32, key bool) (done bool) {
			parts := pay.Payload(1000, make(key, 2500))
			for i, p := range parts {
				if frame, _, _ := a.push(ts, i == len(parts)-1, p); frame != nil {
					done = true
				}
			}
			return done
		}
		if !send(0, true) || !send(1, false) {
			t.Fatalf("%v: no frames before the loss", codec)
		}
		a.lose()
		if send(2, false) || send(3, false) {
			t.Errorf("%v: a frame without its reference", codec)
		}
		if !send(4, true) || !send(5, false) {
			t.Errorf("%v: no frames after the key frame", codec)
		}
	}
}

func FuzzAssemble(f *testing.F) {
	f.Add([]byte{0x90, 0x80, 0x81, 0x02, 0x10, 0, 0, 0x9d, 1, 0x2a}, true, uint32(1))
	f.Add([]byte{0x78, 0, 4, 0x67, 1, 2, 3, 0, 2, 0x68, 1}, false, uint32(1)) // STAP-A
	f.Add([]byte{0x7c, 0x85, 1, 2, 3}, true, uint32(2))                       // FU-A
	f.Add([]byte{0x78, 0xff, 0xff}, true, uint32(3))
	f.Add([]byte{}, true, uint32(0))
	f.Fuzz(func(t *testing.T, b []byte, marker bool, ts uint32) {
		for _, codec := range []packet.Codec{packet.VP8, packet.H264} {
			a := assembler{codec: codec}
			for cut := range min(len(b), 8) + 1 {
				a.push(ts, marker, b[cut:])
				a.push(ts+uint32(cut%2), !marker, b[:len(b)-cut])
			}
			if len(a.frame) > maxFrame {
				t.Fatal("grows without bound")
			}
		}
	})
}

func FuzzOpus(f *testing.F) {
	f.Add([]byte{120, 129, 123, 198, 17})
	f.Add([]byte{0xfc, 0xff, 0xfe})
	f.Add([]byte{0x03, 0x41, 0, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		d, err := newOpusDecoder()
		if err != nil {
			t.Fatal(err)
		}
		for range 3 {
			if pcm, err := d.decode(b); err == nil && len(pcm) > maxOpus*2 {
				t.Fatalf("%d samples", len(pcm))
			}
		}
	})
}

func TestOpusDecoderSurvivesNoise(t *testing.T) {
	rnd := rand.New(rand.NewPCG(3, 4))
	d, err := newOpusDecoder()
	if err != nil {
		t.Fatal(err)
	}
	for range 2000 {
		b := make([]byte, 1+rnd.IntN(120))
		for i := range b {
			b[i] = byte(rnd.Uint32())
		}
		_, _ = d.decode(b)
	}
}
