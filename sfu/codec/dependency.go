package codec

import (
	"github.com/meetcast/meetcast/sfu/packet"
)

// The bounds of a template dependency structure (AV1 RTP specification §A.8.2).
const (
	maxTemplates = 64
	maxTargets   = 32
)

// What a frame is to a decode target (table A.1).
const (
	dtiNotPresent = 0
	dtiSwitch     = 2
)

// Structure is a template dependency structure: what the frames of one source
// depend on. It never changes.
type Structure struct {
	Targets packet.DecodeTargets
	// Spatial and Temporal are how many layers there are.
	Spatial, Temporal int
	// Sizes of the spatial layers, none when the structure does not tell.
	Sizes []packet.Size

	offset    uint8 // template id of the first template
	templates []template
	spatial   [maxTargets]uint8 // layers of the decode targets
	temporal  [maxTargets]uint8
}

// template is what is foretold of a kind of frames.
type template struct {
	spatial, temporal uint8
	frame
}

// frame is what is known of one frame.
type frame struct {
	needed uint8  // set of spatial layers
	upTo   uint8  // temporal layer that may be begun
	reach  uint16 // largest difference to the number of a frame referred to
}

// Dependencies reads the dependency descriptors of one source. The zero value is
// ready; it is a plain value.
type Dependencies struct {
	structure *Structure
	since     uint16 // frame number of the structure
	active    uint32
	timestamp uint32 // of the newest picture
	first     uint16 // its first frame
	begun     bool
}

// Structure returns the structure in force, nil before the first.
func (d *Dependencies) Structure() *Structure { return d.structure }

// Read fills in what the descriptor p.Dependency.Raw tells: it knows better than
// the payload. A packet whose structure is not known is an error and left as it is.
func (d *Dependencies) Read(p *packet.Packet) error {
	raw := p.Dependency.Raw
	if len(raw) < 3 {
		return ErrMalformed
	}
	r := bitReader{b: raw}
	start, end := r.flag(), r.flag()
	id := uint8(r.read(6))
	number := uint16(r.read(16))
	dep := packet.Dependency{Raw: raw, FrameNumber: number, StructureEnd: 24}
	structure, active := d.structure, d.active
	var custom struct{ dtis, diffs bool }
	if len(raw) > 3 {
		dep.Extended = true
		dep.Structure, dep.Bitmask = r.flag(), r.flag()
		custom.dtis, custom.diffs = r.flag(), r.flag()
		r.flag() // custom chains: not read
		if dep.Structure {
			if structure = readStructure(&r); structure == nil {
				return ErrMalformed
			}
			active = 1<<structure.Targets.Count - 1
		}
		dep.StructureEnd = uint16(r.pos)
		if dep.Bitmask && structure != nil {
			active = r.read(int(structure.Targets.Count))
		}
	}
	if structure == nil || (!dep.Structure && newerFrame(d.since, number)) {
		return ErrMalformed
	}
	index := int(id-structure.offset) & (maxTemplates - 1)
	if index >= len(structure.templates) {
		return ErrMalformed
	}
	t := &structure.templates[index]
	f := t.frame
	if custom.dtis {
		f.needed, f.upTo = structure.readTargets(&r, t.spatial)
	}
	if custom.diffs {
		f.reach = readDifferences(&r)
	}
	if r.short {
		return ErrMalformed
	}
	d.adopt(&dep, structure, active)
	dep.Active, dep.Targets = active, &structure.Targets
	p.Dependency = dep
	p.FrameStart, p.FrameEnd = start, end
	p.Spatial, p.Temporal = t.spatial, t.temporal
	p.Needed, p.UpTo, p.Sync = f.needed, f.upTo, false
	p.Switch = f.reach <= number-d.firstOf(p.Header.Timestamp, number)
	p.Layered, p.Top = true, structure.top(active)
	if dep.Structure && structure.Sizes != nil {
		p.Sizes = structure.Sizes
	}
	return nil
}

// adopt takes over a structure or a set of targets that is newer than what is
// known. A structure that comes late is not.
func (d *Dependencies) adopt(dep *packet.Dependency, s *Structure, active uint32) {
	if dep.Structure && d.structure != nil && newerFrame(d.since, dep.FrameNumber) {
		return
	}
	if dep.Structure {
		d.structure, d.since = s, dep.FrameNumber
	}
	if dep.Structure || dep.Bitmask {
		d.active = active
	}
}

// firstOf returns the number of the first frame seen of a picture.
func (d *Dependencies) firstOf(timestamp uint32, number uint16) uint16 {
	switch {
	case !d.begun || (timestamp != d.timestamp && timestamp-d.timestamp < 1<<31):
		d.begun, d.timestamp, d.first = true, timestamp, number
	case timestamp != d.timestamp:
		return number // a late packet: of its picture nothing is known any more
	case newerFrame(d.first, number):
		d.first = number
	}
	return d.first
}

func newerFrame(a, b uint16) bool { return a != b && a-b < 1<<15 }

// top returns the highest spatial layer that has an active target.
func (s *Structure) top(active uint32) uint8 {
	var top uint8
	for i := range s.Targets.Count {
		if active>>i&1 != 0 {
			top = max(top, s.spatial[i])
		}
	}
	return top
}

// readTargets reads one indication per decode target and returns which spatial
// layers need the frame, and the highest temporal layer that a receiver of layer
// spatial may begin with it.
func (s *Structure) readTargets(r *bitReader, spatial uint8) (needed, upTo uint8) {
	for i := range s.Targets.Count {
		v := r.read(2)
		if v != dtiNotPresent {
			needed |= 1 << s.spatial[i]
		}
		if v == dtiSwitch && s.spatial[i] == spatial {
			upTo = max(upTo, s.temporal[i])
		}
	}
	return needed, upTo
}

// readDifferences reads the custom frame differences and returns the largest.
func readDifferences(r *bitReader) (reach uint16) {
	for {
		n := r.read(2)
		if n == 0 {
			return reach
		}
		reach = max(reach, uint16(r.read(int(4*n)))+1)
	}
}

// readStructure reads template_dependency_structure(), nil when it is malformed.
func readStructure(r *bitReader) *Structure {
	s := &Structure{offset: uint8(r.read(6))}
	s.Targets.Count = uint8(r.read(5)) + 1
	if !s.readLayers(r) {
		return nil
	}
	var dtis [maxTemplates][maxTargets]uint8
	for i := range s.templates {
		for j := range s.Targets.Count {
			dtis[i][j] = uint8(r.read(2))
		}
	}
	s.placeTargets(&dtis)
	for i := range s.templates {
		for r.flag() {
			s.templates[i].reach = max(s.templates[i].reach, uint16(r.read(4))+1)
		}
	}
	if chains := r.below(int(s.Targets.Count) + 1); chains > 0 {
		for range s.Targets.Count {
			r.below(chains)
		}
		for range len(s.templates) * chains {
			r.read(4)
		}
	}
	if r.flag() {
		s.Sizes = make([]packet.Size, s.Spatial)
		for i := range s.Sizes {
			s.Sizes[i] = packet.Size{Width: int(r.read(16)) + 1, Height: int(r.read(16)) + 1}
		}
	}
	if r.short {
		return nil
	}
	return s
}

// readLayers reads the layers of the templates (table A.2).
func (s *Structure) readLayers(r *bitReader) bool {
	var t template
	for {
		if t.spatial >= packet.MaxSpatial || t.temporal >= packet.MaxTemporal || len(s.templates) == maxTemplates || r.short {
			return false
		}
		s.templates = append(s.templates, t)
		s.Spatial, s.Temporal = int(t.spatial)+1, max(s.Temporal, int(t.temporal)+1)
		switch r.read(2) {
		case 1:
			t.temporal++
		case 2:
			t.temporal, t.spatial = 0, t.spatial+1
		case 3:
			return true
		}
	}
}

// placeTargets finds out of which layers the decode targets are, and what that
// means for the templates.
func (s *Structure) placeTargets(dtis *[maxTemplates][maxTargets]uint8) {
	for j := range s.Targets.Count {
		for i, t := range s.templates {
			if dtis[i][j] != dtiNotPresent {
				s.spatial[j], s.temporal[j] = max(s.spatial[j], t.spatial), max(s.temporal[j], t.temporal)
			}
		}
		for sp := s.spatial[j]; sp < packet.MaxSpatial; sp++ {
			for te := s.temporal[j]; te < packet.MaxTemporal; te++ {
				s.Targets.UpTo[sp][te] |= 1 << j
			}
		}
	}
	for i := range s.templates {
		t := &s.templates[i]
		for j := range s.Targets.Count {
			v := dtis[i][j]
			if v != dtiNotPresent {
				t.needed |= 1 << s.spatial[j]
			}
			if v == dtiSwitch && s.spatial[j] == t.spatial {
				t.upTo = max(t.upTo, s.temporal[j])
			}
		}
	}
}

// AppendDependency appends a descriptor to dst as it came but with another frame
// number. With restrict set it says that of the decode targets only those in
// active are left; a receiver believes that until the next structure.
func AppendDependency(dst []byte, d *packet.Dependency, number uint16, restrict bool, active uint32) []byte {
	dst = append(dst, d.Raw[0], byte(number>>8), byte(number))
	if !restrict || d.Targets == nil {
		return append(dst, d.Raw[3:]...)
	}
	n := int(d.Targets.Count)
	if !d.Extended {
		w := bitWriter{b: dst}
		w.write(0b01000, 5)
		w.write(active, n)
		return w.b
	}
	r := bitReader{b: d.Raw, pos: 24}
	w := bitWriter{b: dst}
	w.write(r.read(5)|0b01000, 5)
	for r.pos < int(d.StructureEnd) {
		w.write(r.read(1), 1)
	}
	w.write(active, n)
	if d.Bitmask {
		r.read(n)
	}
	for r.pos < len(d.Raw)*8 {
		w.write(r.read(1), 1)
	}
	return w.b
}
