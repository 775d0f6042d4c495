package codec

import (
	"bytes"
	"testing"
)

func TestRED(t *testing.T) {
	one, two := bytes.Repeat([]byte{1}, 300), bytes.Repeat([]byte{2}, 3)
	for n, blocks := range [][]REDBlock{nil, {{960, one}}, {{1920, two}, {960, one}}, {{maxREDOffset, nil}, {1, two}}} {
		b := AppendRED(nil, []byte{9, 9}, blocks)
		PutREDTypes(b, len(blocks), 111)
		var r RED
		if err := r.Parse(b); err != nil || !bytes.Equal(r.Primary, []byte{9, 9}) || len(r.Blocks) != len(blocks) {
			t.Fatalf("%d: %v %+v", n, err, r)
		}
		for i, want := range blocks {
			if got := r.Blocks[i]; got.Offset != want.Offset || !bytes.Equal(got.Payload, want.Payload) || b[4*i]&0x7f != 111 {
				t.Errorf("%d: block %d is %+v", n, i, got)
			}
		}
		if b[4*len(blocks)] != 111 {
			t.Errorf("%d: payload type %d", n, b[4*len(blocks)])
		}
	}
	var r RED
	for name, b := range map[string][]byte{"empty": {}, "no primary": {0x80 | 111, 0, 0, 1}, "cut header": {0x80 | 111, 0},
		"cut block": {0x80 | 111, 0, 0, 9, 111, 1, 2}, "too many blocks": append(bytes.Repeat([]byte{0x80, 0, 0, 0}, 9), 0)} {
		if r.Parse(b) == nil {
			t.Errorf("%s was read", name)
		}
	}
	for _, c := range []struct {
		bytes int
		ticks uint32
		fits  bool
	}{{100, 960, true}, {1023, 16383, true}, {1024, 960, false}, {100, 16384, false}, {100, 0, false}, {1, 1 << 31, false}} {
		if FitsRED(c.bytes, c.ticks) != c.fits {
			t.Errorf("%+v", c)
		}
	}
}

func FuzzRED(f *testing.F) {
	f.Add(AppendRED(nil, []byte{9}, []REDBlock{{1920, []byte{1, 2}}, {960, []byte{3}}}))
	f.Add([]byte{111, 1, 2})
	f.Add([]byte{0xff, 0xff, 0xff, 0xff, 0x7f})
	f.Fuzz(func(t *testing.T, b []byte) {
		var r RED
		if r.Parse(b) != nil {
			return
		}
		size := len(r.Primary)
		for _, x := range r.Blocks {
			size += len(x.Payload)
		}
		if size >= len(b) || len(r.Blocks) > maxREDBlocks {
			t.Fatalf("%d bytes out of %d", size, len(b))
		}
		again := AppendRED(nil, r.Primary, r.Blocks)
		PutREDTypes(again, len(r.Blocks), 5)
		var q RED
		if err := q.Parse(again); err != nil || !bytes.Equal(q.Primary, r.Primary) || len(q.Blocks) != len(r.Blocks) {
			t.Fatalf("%v", err)
		}
	})
}
