package codec

import (
	"testing"

	"github.com/meetcast/meetcast/sfu/packet"
)

// vp8Key begins a 320×180 key frame with a full descriptor: picture id 0x1234,
// TL0PICIDX 7, temporal layer 2 with layer sync.
var vp8Key = []byte{0x90, 0xf0, 0x92, 0x34, 7, 0xa0, 0x10, 0, 0, 0x9d, 0x01, 0x2a, 0x40, 0x01, 0xb4, 0x00, 1}

// sps is a sequence parameter set of 640×360, constrained baseline.
var sps = []byte{0x67, 0x42, 0xc0, 0x1e, 0xd9, 0x00, 0xa0, 0x2f, 0xf9, 0x70, 0x11, 0x00, 0x00, 0x03, 0x00, 0x01,
	0x00, 0x00, 0x03, 0x00, 0x3c, 0x0f, 0x16, 0x2e, 0x48}

func TestDescribeVP8(t *testing.T) {
	p := packet.Packet{Codec: packet.VP8, Payload: append([]byte(nil), vp8Key...)}
	if err := Describe(&p); err != nil {
		t.Fatal(err)
	}
	if !p.KeyFrame || !p.FrameStart || p.Width != 320 || p.Height != 180 || p.Temporal != 2 {
		t.Fatalf("%+v", p)
	}
	d := p.Descriptor
	if d.PictureID != 0x1234 || !d.LongPictureID || d.TL0PICIDX != 7 || !d.LayerSync || d.HeaderLen != 6 {
		t.Fatalf("%+v", d)
	}
	PutPicture(p.Payload, &d, 0x7fff, 255)
	if err := Describe(&p); err != nil || p.Descriptor.PictureID != 0x7fff || p.Descriptor.TL0PICIDX != 255 || !p.Descriptor.LongPictureID || !p.KeyFrame {
		t.Fatalf("after PutPicture: %v %+v", err, p)
	}
}

func TestDescribeVP8Kinds(t *testing.T) {
	for name, c := range map[string]struct {
		payload    []byte
		key, start bool
		ok         bool
	}{
		"short picture id": {[]byte{0x90, 0x80, 0x11, 0x10, 0, 0, 0x9d, 1, 0x2a, 1, 0, 1, 0}, true, true, true},
		"delta frame":      {[]byte{0x10, 0x11, 0, 0}, false, true, true},
		"continuation":     {[]byte{0x00, 0x10, 0, 0}, false, false, true},
		"other partition":  {[]byte{0x11, 0x10, 0, 0}, false, false, true},
		"bad start code":   {[]byte{0x10, 0x10, 0, 0, 1, 2, 3, 1, 0, 1, 0}, false, true, true},
		"cut descriptor":   {[]byte{0x90, 0x80}, false, false, false},
		"cut picture id":   {[]byte{0x90, 0x80, 0x80}, false, false, false},
		"no frame":         {[]byte{0x10}, false, false, false},
	} {
		p := packet.Packet{Codec: packet.VP8, Payload: c.payload}
		if err := Describe(&p); (err == nil) != c.ok || p.KeyFrame != c.key || p.FrameStart != c.start {
			t.Errorf("%s: %v %+v", name, err, p)
		}
	}
}

func TestDescribeH264(t *testing.T) {
	idr, pps := []byte{0x65, 0x88, 0x84}, []byte{0x68, 0xce}
	stap := []byte{nalSTAPA, 0, byte(len(sps))}
	stap = append(append(append(stap, sps...), 0, 2), pps...)
	for name, c := range map[string]struct {
		payload []byte
		key     bool
		width   int
		ok      bool
	}{
		"sps":         {sps, true, 640, true},
		"idr":         {idr, true, 0, true},
		"later idr":   {[]byte{0x65, 0x48}, false, 0, true},
		"delta":       {[]byte{0x41, 0x9a}, false, 0, true},
		"pps":         {pps, false, 0, true},
		"stap-a":      {stap, true, 640, true},
		"cut stap-a":  {stap[:len(stap)-1], false, 0, false},
		"empty nal":   {[]byte{nalSTAPA, 0, 0}, false, 0, false},
		"fu-a start":  {[]byte{nalFUA | 0x60, 0x85, 0x88}, true, 0, true},
		"fu-a middle": {[]byte{nalFUA | 0x60, 0x05, 0x88}, false, 0, true},
		"fu-a delta":  {[]byte{nalFUA | 0x60, 0x81, 0x9a}, false, 0, true},
		"cut fu-a":    {[]byte{nalFUA, 0x85}, false, 0, false},
		"unknown":     {[]byte{31, 1, 2}, false, 0, false},
		"broken sps":  {[]byte{0x67, 0x42}, true, 0, true},
	} {
		p := packet.Packet{Codec: packet.H264, Payload: c.payload}
		err := Describe(&p)
		if (err == nil) != c.ok || p.KeyFrame != c.key || p.Width != c.width {
			t.Errorf("%s: %v key=%v %dx%d", name, err, p.KeyFrame, p.Width, p.Height)
		}
		if c.width == 640 && p.Height != 360 {
			t.Errorf("%s: height %d", name, p.Height)
		}
	}
}

func TestDescribeAudioAndPadding(t *testing.T) {
	p := packet.Packet{Codec: packet.Opus, Payload: []byte{1}}
	if err := Describe(&p); err != nil || !p.FrameStart {
		t.Fatal("every Opus packet is a frame")
	}
	p = packet.Packet{Codec: packet.VP8}
	if err := Describe(&p); err != nil || p.FrameStart {
		t.Fatal("a packet without payload is not a frame")
	}
}

func FuzzVP8(f *testing.F) {
	f.Add(vp8Key)
	f.Add([]byte{0x90, 0x80, 0x80})
	f.Add([]byte{0xff, 0xff, 0xff, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, b []byte) {
		p := packet.Packet{Codec: packet.VP8, Payload: b}
		if Describe(&p) != nil || len(b) == 0 {
			return
		}
		if p.Width > 1<<14 || p.Height > 1<<14 || int(p.Descriptor.HeaderLen) >= len(b) {
			t.Fatalf("%+v", p)
		}
		PutPicture(b, &p.Descriptor, 0x55, 0x55)
		q := packet.Packet{Codec: packet.VP8, Payload: b}
		if err := Describe(&q); err != nil || q.KeyFrame != p.KeyFrame || q.Descriptor.HeaderLen != p.Descriptor.HeaderLen {
			t.Fatalf("rewriting broke the packet: %v", err)
		}
	})
}

func FuzzH264(f *testing.F) {
	f.Add(sps)
	f.Add([]byte{nalSTAPA, 0, 2, 0x67, 0x42, 0, 2, 0x65, 0x88})
	f.Add([]byte{nalFUA | 0x60, 0x85, 0x88, 1})
	f.Add([]byte{0x65, 0x88})
	f.Fuzz(func(t *testing.T, b []byte) {
		p := packet.Packet{Codec: packet.H264, Payload: b}
		if Describe(&p) == nil && (p.Width < 0 || p.Width > 16384 || p.Height < 0 || p.Height > 16384) {
			t.Fatalf("%dx%d", p.Width, p.Height)
		}
	})
}
