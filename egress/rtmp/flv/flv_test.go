package flv

import (
	"bytes"
	"errors"
	"reflect"
	"testing"

	"github.com/meetcast/meetcast/egress/media"
)

// A 640x360 baseline SPS at 30 frames a second, its PPS, and AAC-LC 48 kHz
// stereo, as x264 and ffmpeg write them.
var (
	sps = []byte{0x67, 0x42, 0xc0, 0x1e, 0xd9, 0x00, 0xa0, 0x2f, 0xf9, 0x70, 0x11, 0x00, 0x00, 0x03, 0x00, 0x01, 0x00, 0x00, 0x03, 0x00, 0x3c, 0x0f, 0x16, 0x2e, 0x48}
	pps = []byte{0x68, 0xcb, 0x83, 0xcb, 0x20}
	asc = []byte{0x11, 0x90}
)

func nal(b ...byte) []byte { return append([]byte{0, 0, 0, byte(len(b))}, b...) }

func join(parts ...[]byte) []byte { return bytes.Join(parts, nil) }

func TestHeadersRoundTrip(t *testing.T) {
	body, err := VideoHeader(&media.VideoParams{SPS: sps, PPS: pps})
	if err != nil {
		t.Fatal(err)
	}
	v, err := ParseVideo(body)
	want := &media.VideoParams{SPS: sps, PPS: pps, Width: 640, Height: 360, FPS: 30}
	if err != nil || !reflect.DeepEqual(v.Params, want) {
		t.Fatalf("%+v, %v; want %+v", v.Params, err, want)
	}
	body, err = AudioHeader(&media.AudioParams{Config: asc})
	if err != nil {
		t.Fatal(err)
	}
	a, err := ParseAudio(body)
	if err != nil || a.Params == nil || a.Params.SampleRate != 48000 || a.Params.Channels != 2 || !bytes.Equal(a.Params.Config, asc) {
		t.Fatalf("%+v, %v", a.Params, err)
	}
}

func TestFramesRoundTrip(t *testing.T) {
	idr, inter := nal(0x65, 1, 2), nal(0x41, 3)
	sei := nal(0x06, 9)
	tests := []struct {
		name        string
		in, want    []byte
		key         bool
		composition int32
	}{
		{"key", idr, idr, true, 0},
		{"inter with composition time", inter, inter, false, 66},
		{"parameter sets and delimiter are left out", join(nal(0x09, 0xf0), nal(sps...), nal(pps...), sei, idr), join(sei, idr), true, 0},
		{"empty unit and filler are left out", join(nal(), nal(0x0c, 0xff), inter), inter, false, 0},
		{"a key flag without an IDR picture is not believed", inter, inter, false, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			body, err := VideoFrame(tt.in, true, tt.composition)
			if err != nil {
				t.Fatal(err)
			}
			v, err := ParseVideo(body)
			if err != nil || v.Key != tt.key || v.Composition != tt.composition || !bytes.Equal(v.Data, tt.want) {
				t.Fatalf("%+v, %v", v, err)
			}
		})
	}
	body, err := AudioFrame([]byte{1, 2, 3})
	if err != nil {
		t.Fatal(err)
	}
	if a, err := ParseAudio(body); err != nil || !bytes.Equal(a.Data, []byte{1, 2, 3}) {
		t.Fatalf("%+v, %v", a, err)
	}
}

func TestNegativeComposition(t *testing.T) {
	body, _ := VideoFrame(nal(0x41), false, -40)
	if v, err := ParseVideo(body); err != nil || v.Composition != -40 {
		t.Fatalf("%+v, %v", v, err)
	}
}

func TestRefusals(t *testing.T) {
	video := []struct {
		name string
		in   []byte
		want error
	}{
		{"empty", nil, ErrMalformed},
		{"vp6", []byte{0x14, 0, 0}, ErrCodec},
		{"enhanced hevc", []byte("\x90hvc1"), ErrCodec},
		{"short avc", []byte{0x17, 1, 0}, ErrMalformed},
		{"unit longer than the packet", []byte{0x17, 1, 0, 0, 0, 0, 0, 0, 9, 0x65}, ErrMalformed},
		{"unit of 4 GiB", []byte{0x17, 1, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0x65}, ErrMalformed},
		{"configuration without sps", []byte{0x17, 0, 0, 0, 0, 1, 66, 0, 30, 0xff, 0xe0, 0}, ErrMalformed},
		{"two-byte lengths", []byte{0x17, 0, 0, 0, 0, 1, 66, 0, 30, 0xfd, 0xe1, 0}, ErrCodec},
	}
	for _, tt := range video {
		if _, err := ParseVideo(tt.in); !errors.Is(err, tt.want) {
			t.Errorf("video %s: %v, want %v", tt.name, err, tt.want)
		}
	}
	audio := []struct {
		name string
		in   []byte
		want error
	}{
		{"mp3", []byte{0x2f, 0}, ErrCodec},
		{"enhanced opus", []byte("\x90Opus"), ErrCodec},
		{"header alone", []byte{0xaf}, ErrMalformed},
		{"empty configuration", []byte{0xaf, 0}, ErrMalformed},
		{"channels in a program config element", []byte{0xaf, 0, 0x11, 0x80}, ErrCodec},
	}
	for _, tt := range audio {
		if _, err := ParseAudio(tt.in); !errors.Is(err, tt.want) {
			t.Errorf("audio %s: %v, want %v", tt.name, err, tt.want)
		}
	}
	for _, ok := range [][]byte{{0x17, 2, 0, 0, 0}, {0x57, 0, 0, 0, 0}} { // end of sequence, info frame
		if v, err := ParseVideo(ok); err != nil || v.Params != nil || v.Data != nil {
			t.Errorf("%v: %+v, %v", ok, v, err)
		}
	}
}

func FuzzVideo(f *testing.F) {
	header, _ := VideoHeader(&media.VideoParams{SPS: sps, PPS: pps})
	frame, _ := VideoFrame(join(nal(sps...), nal(0x65, 1, 2)), true, 33)
	f.Add(header)
	f.Add(frame)
	f.Add([]byte("\x90hvc1"))
	f.Add([]byte{0x17, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0x65})
	f.Fuzz(func(t *testing.T, b []byte) {
		v, err := ParseVideo(b)
		if err != nil {
			if !errors.Is(err, ErrCodec) && !errors.Is(err, ErrMalformed) {
				t.Fatalf("untyped error %v", err)
			}
			return
		}
		if len(v.Data) > len(b) {
			t.Fatalf("%d bytes out of %d", len(v.Data), len(b))
		}
		if v.Params != nil {
			if again, err := VideoHeader(v.Params); err != nil {
				t.Fatalf("parsed header does not pack: %v", err)
			} else if w, err := ParseVideo(again); err != nil || !reflect.DeepEqual(v.Params, w.Params) {
				t.Fatalf("%+v became %+v, %v", v.Params, w.Params, err)
			}
		}
	})
}

func FuzzAudio(f *testing.F) {
	header, _ := AudioHeader(&media.AudioParams{Config: asc})
	frame, _ := AudioFrame([]byte{0x21, 0x10})
	f.Add(header)
	f.Add(frame)
	f.Add([]byte{})
	f.Add([]byte{0xaf, 0, 0x2b, 0x92, 0x08, 0x00})
	f.Fuzz(func(t *testing.T, b []byte) {
		a, err := ParseAudio(b)
		if err != nil {
			if !errors.Is(err, ErrCodec) && !errors.Is(err, ErrMalformed) {
				t.Fatalf("untyped error %v", err)
			}
			return
		}
		if a.Params != nil {
			if _, err := ParseAudioConfig(a.Params.Config); err != nil {
				t.Fatalf("configuration %x does not parse again: %v", a.Params.Config, err)
			}
		}
	})
}
