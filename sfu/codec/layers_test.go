package codec

import (
	"testing"

	"github.com/meetcast/meetcast/sfu/packet"
)

// vp9Key begins the lowest of three layers of a key picture, with picture id
// 0x1234, TL0PICIDX 7 and a scalability structure of 320×180, 640×360, 1280×720.
var vp9Key = []byte{0xaa, 0x92, 0x34, 0x00, 7, 0x58, 1, 64, 0, 180, 2, 128, 1, 104, 5, 0, 2, 208, 1, 0x14, 1, 0xde, 0xad}

// vp9Plain is a key frame of 640×360 without layers and structure: the size is in
// the frame's own header.
var vp9Plain = []byte{0x88, 0x11, 0x82, 0x49, 0x83, 0x42, 0x00, 0x27, 0xf0, 0x16, 0x70, 0x00}

// av1Key begins a coded video sequence: a sequence header of 1920×800 and the
// beginning of a frame.
var av1Key = append(append([]byte{0x68, 11}, av1Sequence...), 0x30, 1, 2, 3)

var av1Sequence = []byte{8, 0, 0, 0, 66, 167, 191, 228, 96, 13, 0}

func describe(t *testing.T, c packet.Codec, payload []byte) packet.Packet {
	t.Helper()
	p := packet.Packet{Codec: c, Payload: payload}
	if err := Describe(&p); err != nil {
		t.Fatalf("%x: %v", payload, err)
	}
	return p
}

func TestDescribeVP9(t *testing.T) {
	for name, c := range map[string]struct {
		payload           []byte
		key, begin        bool
		start, end        bool
		spatial, temporal uint8
		needed, upTo      uint8
		width             int
	}{
		"key picture":        {vp9Key, true, true, true, false, 0, 0, 0xff, 0, 1280},
		"key upper layer":    {[]byte{0xac, 0x92, 0x34, 0x03, 7, 1}, false, true, true, true, 1, 0, 0xfe, 0, 0},
		"key top layer":      {[]byte{0xa5, 0x92, 0x34, 0x05, 7, 1}, false, true, false, true, 2, 0, 0x04, 0, 0},
		"delta, top":         {[]byte{0xed, 0x92, 0x35, 0x54, 7, 1}, false, false, true, true, 2, 2, 0x04, 7, 0},
		"delta, flexible":    {[]byte{0xf8, 0x12, 0x20, 0x03, 0x02, 1}, false, false, true, false, 0, 1, 0xff, 0, 0},
		"without layers":     {vp9Plain, true, true, true, false, 0, 0, 0xff, 0, 640},
		"not the first":      {[]byte{0x80, 0x11, 1}, false, true, false, false, 0, 0, 0xff, 0, 0},
		"plain continuation": {[]byte{0x40, 1}, false, false, false, false, 0, 0, 0xff, 0, 0},
	} {
		p := describe(t, packet.VP9, c.payload)
		if p.KeyFrame != c.key || p.Switch != c.begin || p.FrameStart != c.start || p.FrameEnd != c.end || p.Spatial != c.spatial ||
			p.Temporal != c.temporal || p.Needed != c.needed || p.UpTo != c.upTo || p.Width != c.width {
			t.Errorf("%s: %+v", name, p)
		}
	}
	p := describe(t, packet.VP9, vp9Key)
	if len(p.Sizes) != 3 || p.Sizes[1] != (packet.Size{Width: 640, Height: 360}) || p.Descriptor.PictureID != 0x1234 || p.Descriptor.TL0PICIDX != 7 {
		t.Errorf("%+v", p)
	}
	for _, b := range [][]byte{{}, {0x80}, {0x80, 0x92}, {0xa0, 1, 2}, {0xf8, 0x12, 0x20, 0x03, 0x03, 0x03, 0x02}, {0x02, 0xf8, 1, 2}, {0x02, 0x08, 200, 1}} {
		if _, err := ParseVP9(b); err == nil {
			t.Errorf("%x was read", b)
		}
	}
}

func TestDescribeAV1(t *testing.T) {
	for name, c := range map[string]struct {
		payload    []byte
		key, start bool
		width      int
	}{
		"key frame":       {av1Key, true, true, 1920},
		"lengths for all": {append(append([]byte{0x08, 11}, av1Sequence...), 2, 0x30, 1), true, true, 1920},
		"delta frame":     {[]byte{0x10, 0x30, 1, 2}, false, true, 0},
		"continuation":    {[]byte{0x90, 1, 2}, false, false, 0},
		"cut sequence":    {append([]byte{0x58}, av1Sequence[:6]...), true, true, 0},
		"broken sequence": {[]byte{0x18, 0x08, 0xff}, true, true, 0},
	} {
		p := describe(t, packet.AV1, c.payload)
		if p.KeyFrame != c.key || p.FrameStart != c.start || p.Width != c.width || p.Layered {
			t.Errorf("%s: %+v", name, p)
		}
	}
	a, err := ParseAV1([]byte{0x20, 2, 0x12, 0, 0x34, 0x48, 1})
	if err != nil || !a.Layered || a.Spatial != 1 || a.Temporal != 2 {
		t.Errorf("layers of an OBU: %+v %v", a, err)
	}
	for _, b := range [][]byte{{}, {0x10}, {0x00, 9, 1}, {0x20, 0xff, 0xff, 0xff, 0xff, 1}, {0x88, 1, 2}} {
		if _, err := ParseAV1(b); err == nil {
			t.Errorf("%x was read", b)
		}
	}
}

func FuzzVP9(f *testing.F) {
	f.Add(vp9Key)
	f.Add(vp9Plain)
	f.Add([]byte{0xf8, 0x12, 0x20, 0x03, 0x02, 1})
	f.Add([]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff})
	f.Add([]byte{0x02, 0x08, 255, 0x0c, 1, 2, 3})
	f.Fuzz(func(t *testing.T, b []byte) {
		p := packet.Packet{Codec: packet.VP9, Payload: b}
		if Describe(&p) != nil || len(b) == 0 {
			return
		}
		if p.Width > 1<<16 || p.Height > 1<<16 || len(p.Sizes) > packet.MaxSpatial || int(p.Descriptor.HeaderLen) >= len(b) ||
			p.Spatial >= packet.MaxSpatial || p.Temporal >= packet.MaxTemporal {
			t.Fatalf("%+v", p)
		}
		was := append([]byte(nil), b...)
		PutPicture(b, &p.Descriptor, 0x55, 0x55)
		q := packet.Packet{Codec: packet.VP9, Payload: b}
		if err := Describe(&q); err != nil || q.KeyFrame != p.KeyFrame || q.Descriptor.HeaderLen != p.Descriptor.HeaderLen {
			t.Fatalf("rewriting broke the packet: %v", err)
		}
		PutPicture(b, &p.Descriptor, p.Descriptor.PictureID, p.Descriptor.TL0PICIDX)
		if string(b) != string(was) {
			t.Fatalf("%x was not restored: %x", was, b)
		}
	})
}

func FuzzAV1(f *testing.F) {
	f.Add(av1Key)
	f.Add([]byte{0x20, 2, 0x12, 0, 0x34, 0x48, 1})
	f.Add([]byte{0x00, 0xff, 0xff, 0xff, 0x7f})
	f.Add(append([]byte{0x18}, av1Sequence...))
	f.Fuzz(func(t *testing.T, b []byte) {
		p := packet.Packet{Codec: packet.AV1, Payload: b}
		if Describe(&p) == nil && (p.Width < 0 || p.Width > 1<<16 || p.Height < 0 || p.Height > 1<<16) {
			t.Fatalf("%dx%d", p.Width, p.Height)
		}
	})
}
