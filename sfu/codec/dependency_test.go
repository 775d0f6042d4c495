package codec

import (
	"bytes"
	"testing"

	"github.com/pion/rtp"

	"github.com/meetcast/meetcast/sfu/packet"
)

// row is a template as the tables of the AV1 RTP specification §A.10.2 write it.
type row struct {
	spatial, temporal int
	diffs, chains     []int
	dtis              string
}

// l1t3 is §A.10.2.1, l3t1 the pictures without temporal layers of §A.10.2.2, and
// l2t1key two layers that refer to each other in key pictures only.
var (
	l1t3 = []row{
		{0, 0, nil, []int{0}, "SSS"},
		{0, 0, []int{4}, []int{4}, "SSS"},
		{0, 1, []int{2}, []int{2}, "SD-"},
		{0, 2, []int{1}, []int{1}, "D--"},
		{0, 2, []int{1}, []int{3}, "D--"},
	}
	l3t1 = []row{
		{0, 0, nil, []int{0, 0, 0}, "SSS"},
		{0, 0, []int{3}, []int{3, 2, 1}, "RRS"},
		{1, 0, []int{1}, []int{1, 1, 1}, "SS-"},
		{1, 0, []int{3, 1}, []int{1, 1, 1}, "RS-"},
		{2, 0, []int{1}, []int{2, 1, 1}, "S--"},
		{2, 0, []int{3, 1}, []int{2, 1, 1}, "S--"},
	}
	l2t1key = []row{
		{0, 0, nil, []int{0, 0}, "SS"},
		{0, 0, []int{2}, []int{2, 1}, "-S"},
		{1, 0, []int{1}, []int{1, 1}, "S-"},
		{1, 0, []int{2}, []int{1, 2}, "S-"},
	}
)

// nonSymmetric writes ns(n) of the AV1 specification §4.10.7.
func (w *bitWriter) nonSymmetric(v, n int) {
	bits := 0
	for x := n; x != 0; x >>= 1 {
		bits++
	}
	if m := 1<<bits - n; v < m {
		w.write(uint32(v), bits-1)
	} else {
		w.write(uint32(v+m)>>1, bits-1)
		w.write(uint32(v+m)&1, 1)
	}
}

// structure writes template_dependency_structure() with sizes of 320×180, twice
// that, and so on.
func (w *bitWriter) structure(offset int, rows []row) {
	w.write(uint32(offset), 6)
	targets := len(rows[0].dtis)
	w.write(uint32(targets-1), 5)
	for i, r := range rows {
		next := 3
		if i+1 < len(rows) {
			switch n := rows[i+1]; {
			case n.spatial > r.spatial:
				next = 2
			case n.temporal > r.temporal:
				next = 1
			default:
				next = 0
			}
		}
		w.write(uint32(next), 2)
	}
	for _, r := range rows {
		for _, c := range r.dtis {
			w.write(uint32(bytes.IndexByte([]byte("-DSR"), byte(c))), 2)
		}
	}
	for _, r := range rows {
		for _, d := range r.diffs {
			w.write(1, 1)
			w.write(uint32(d-1), 4)
		}
		w.write(0, 1)
	}
	chains := len(rows[0].chains)
	w.nonSymmetric(chains, targets+1)
	for i := range targets {
		w.nonSymmetric(min(i, chains-1), chains)
	}
	for _, r := range rows {
		for _, c := range r.chains {
			w.write(uint32(c), 4)
		}
	}
	w.write(1, 1)
	for i := range rows[len(rows)-1].spatial + 1 {
		w.write(uint32(320<<i-1), 16)
		w.write(uint32(180<<i-1), 16)
	}
}

// descriptor writes the mandatory fields for a whole frame in one packet, and a
// structure when there is one.
func descriptor(template, number int, structure []row) []byte {
	var w bitWriter
	w.write(3, 2)
	w.write(uint32(template), 6)
	w.write(uint32(number), 16)
	if structure != nil {
		w.write(0b10000, 5)
		w.structure(template, structure)
	}
	return w.b
}

func read(t testing.TB, d *Dependencies, raw []byte, ts uint32) packet.Packet {
	t.Helper()
	p := packet.Packet{Header: rtp.Header{Timestamp: ts}, Dependency: packet.Dependency{Raw: raw}}
	if err := d.Read(&p); err != nil {
		t.Fatalf("%x: %v", raw, err)
	}
	return p
}

func TestDependenciesOfSpatialLayers(t *testing.T) {
	var d Dependencies
	const offset = 60 // the template ids wrap
	for i, c := range []struct {
		template int
		ts       uint32
		spatial  uint8
		needed   uint8
		begin    bool
	}{
		{0, 0, 0, 0b111, true},
		{2, 0, 1, 0b110, true},
		{4, 0, 2, 0b100, true},
		{1, 3000, 0, 0b111, false},
		{3, 3000, 1, 0b110, false},
		{4, 3000, 2, 0b100, true}, // refers to its own picture only
		{1, 6000, 0, 0b111, false},
		{3, 6000, 1, 0b110, false},
		{5, 6000, 2, 0b100, false},
	} {
		var s []row
		if i == 0 {
			s = l3t1
		}
		raw := descriptor((offset+c.template)&63, 65530+i&0xffff, s)
		p := read(t, &d, raw, c.ts)
		if p.Spatial != c.spatial || p.Needed != c.needed || p.Switch != c.begin || !p.Layered || p.Top != 2 || !p.FrameStart || !p.FrameEnd {
			t.Errorf("frame %d: layer %d needed %b switch %v top %d", i, p.Spatial, p.Needed, p.Switch, p.Top)
		}
		if i == 0 && (len(p.Sizes) != 3 || p.Sizes[2] != packet.Size{Width: 1280, Height: 720} || !p.Dependency.Structure) {
			t.Errorf("%+v", p)
		}
	}
}

func TestDependenciesOfKeyModes(t *testing.T) {
	var d Dependencies
	for i, want := range []uint8{0b11, 0b10, 0b01, 0b10} {
		var s []row
		if i == 0 {
			s = l2t1key
		}
		if p := read(t, &d, descriptor([]int{0, 2, 1, 3}[i], i, s), uint32(i/2*3000)); p.Needed != want {
			t.Errorf("frame %d is needed by %b, want %b", i, p.Needed, want)
		}
	}
}

func TestDependenciesOfTemporalLayers(t *testing.T) {
	var d Dependencies
	for i, c := range []struct {
		template       int
		temporal, upTo uint8
	}{{0, 0, 2}, {3, 2, 2}, {2, 1, 2}, {4, 2, 2}, {1, 0, 2}} {
		var s []row
		if i == 0 {
			s = l1t3
		}
		p := read(t, &d, descriptor(c.template, i, s), uint32(i*3000))
		if p.Temporal != c.temporal || (c.temporal < 2 && p.UpTo != c.upTo) || p.Needed != 1 {
			t.Errorf("frame %d: temporal %d up to %d", i, p.Temporal, p.UpTo)
		}
	}
	targets := d.Structure().Targets
	if targets.Count != 3 || targets.UpTo[0][0] != 0b100 || targets.UpTo[0][1] != 0b110 || targets.UpTo[7][7] != 0b111 {
		t.Errorf("%+v", targets)
	}
}

// What is written again says the same, but for the frame number and the targets.
func TestAppendDependency(t *testing.T) {
	for _, extended := range []bool{true, false} {
		var d, back Dependencies
		first := read(t, &d, descriptor(0, 7, l3t1), 0)
		p := first
		if !extended {
			p = read(t, &d, descriptor(2, 8, nil), 0)
			read(t, &back, descriptor(0, 7, l3t1), 0)
		}
		plain := AppendDependency(nil, &p.Dependency, p.Dependency.FrameNumber, false, 0)
		if !bytes.Equal(plain, p.Dependency.Raw) {
			t.Fatalf("%x became %x", p.Dependency.Raw, plain)
		}
		once := AppendDependency(nil, &p.Dependency, 500, true, 0b110)
		q := read(t, &back, once, 0)
		if q.Dependency.FrameNumber != 500 || q.Dependency.Active != 0b110 || q.Top != 1 || q.Needed != p.Needed || len(q.Sizes) != len(p.Sizes) {
			t.Fatalf("extended=%v: %+v", extended, q)
		}
		// And again, over a set that is there.
		q = read(t, &back, AppendDependency(nil, &q.Dependency, 501, true, 0b100), 0)
		if q.Dependency.FrameNumber != 501 || q.Dependency.Active != 0b100 || q.Top != 0 {
			t.Fatalf("extended=%v: %+v", extended, q)
		}
	}
}

func TestDependenciesThatAreNotUnderstood(t *testing.T) {
	var d Dependencies
	refuse := func(name string, raw []byte) {
		t.Helper()
		p := packet.Packet{Dependency: packet.Dependency{Raw: raw}}
		if d.Read(&p) == nil {
			t.Errorf("%s was read", name)
		}
	}
	refuse("a frame before the structure", descriptor(0, 1, nil))
	good := descriptor(0, 100, l3t1)
	for n := range len(good) - 1 {
		refuse("a cut structure", good[:n])
	}
	read(t, &d, good, 0)
	refuse("an unknown template", descriptor(30, 101, nil))
	refuse("a frame from before the structure", descriptor(2, 99, nil))
	// A structure that comes late does not replace the newer one.
	read(t, &d, descriptor(0, 90, l1t3), 0)
	if p := read(t, &d, descriptor(4, 102, nil), 0); p.Spatial != 2 {
		t.Errorf("an old structure is in force: %+v", p)
	}
}

func FuzzDependencies(f *testing.F) {
	for _, rows := range [][]row{l1t3, l3t1, l2t1key} {
		f.Add(descriptor(0, 1, rows), descriptor(1, 2, nil), uint32(1))
	}
	custom := descriptor(0, 1, nil)
	var w bitWriter
	w.b = append(w.b, custom...)
	w.write(0b01110, 5)
	w.write(0b101, 3)
	w.write(0b101010, 6)
	w.write(1, 2)
	w.write(3, 4)
	w.write(0, 2)
	f.Add(descriptor(0, 1, l3t1), w.b, uint32(3))
	f.Add([]byte{0xc0, 0, 1, 0x80, 0, 0xff, 0xff, 0xff}, []byte{0, 0, 2}, uint32(0))
	f.Fuzz(func(t *testing.T, a, b []byte, active uint32) {
		var d, back Dependencies
		for _, raw := range [][]byte{a, b} {
			if len(raw) > 255 {
				raw = raw[:255]
			}
			p := packet.Packet{Dependency: packet.Dependency{Raw: raw}}
			if d.Read(&p) != nil {
				continue
			}
			if p.Spatial >= packet.MaxSpatial || p.Temporal >= packet.MaxTemporal || p.UpTo >= packet.MaxTemporal {
				t.Fatalf("%+v", p)
			}
			again := AppendDependency(nil, &p.Dependency, p.Dependency.FrameNumber, true, active)
			q := packet.Packet{Dependency: packet.Dependency{Raw: again}}
			if err := back.Read(&q); err != nil || q.Spatial != p.Spatial || q.Temporal != p.Temporal || q.Needed != p.Needed || q.UpTo != p.UpTo {
				t.Fatalf("%x became %x: %v", raw, again, err)
			}
		}
	})
}

func TestReadingDependenciesDoesNotAllocate(t *testing.T) {
	var d Dependencies
	read(t, &d, descriptor(0, 1, l3t1), 0)
	p := packet.Packet{Dependency: packet.Dependency{Raw: descriptor(3, 2, nil)}}
	buf := make([]byte, 0, 64)
	if n := testing.AllocsPerRun(100, func() {
		_ = d.Read(&p)
		buf = AppendDependency(buf[:0], &p.Dependency, 9, true, 1)
	}); n != 0 {
		t.Fatalf("%v allocations", n)
	}
}
