package mp4

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"time"

	"github.com/Eyevinn/mp4ff/bits"
	"github.com/Eyevinn/mp4ff/mp4"
)

// ErrEmpty is returned for a file in which nothing was recorded.
var ErrEmpty = errors.New("no complete fragment")

// Limits of what Scan reads into memory at once, bytes.
const (
	maxMoov = 1 << 20
	maxMoof = 16 << 20
)

// Index is what a fragmented file holds, as far as it is whole.
type Index struct {
	// End is the byte behind the last whole fragment: what follows is cut off.
	End  int64
	init *mp4.MoovBox
	// tracks in the order of the init segment.
	tracks []*trackIndex
	// spans are the byte ranges of sample data, in file order.
	spans []span
	bytes int64 // sum of spans
}

type span struct{ offset, size int64 }

// trackIndex lists the samples of one track, compactly: a recording of ten
// hours has millions.
type trackIndex struct {
	trak   *mp4.TrakBox
	scale  int64
	first  int64 // decode time of the first sample
	last   int64 // … of the last
	sizes  []uint32
	durs   []uint32
	ctos   []int32
	sync   []uint32 // numbers of sync samples, from 1
	chunks []chunk
}

// chunk is one run of samples.
type chunk struct {
	offset  int64 // in the sample data, all spans joined
	samples uint32
}

// Scan reads a fragmented file that this package wrote. It stops without an
// error at the first fragment that is not whole or does not make sense: that is
// where the power went. Only a file without any whole fragment is an error.
func Scan(r io.ReaderAt, size int64) (x *Index, err error) {
	defer func() {
		if p := recover(); p != nil { // the box decoders were not made for noise
			x, err = nil, fmt.Errorf("scan mp4: %v", p)
		}
	}()
	x = &Index{}
	for pos := int64(0); ; {
		h, ok := readBoxHeader(r, pos, size)
		if !ok {
			break
		}
		next, ok := x.box(r, pos, size, h)
		if !ok {
			break
		}
		pos = next
	}
	if x.init == nil || len(x.spans) == 0 {
		return nil, ErrEmpty
	}
	return x, nil
}

// boxHeader is the start of a top-level box.
type boxHeader struct {
	name         string
	header, size int64 // size includes the header
}

func readBoxHeader(r io.ReaderAt, pos, size int64) (boxHeader, bool) {
	var b [16]byte
	if size-pos < 8 {
		return boxHeader{}, false
	}
	if _, err := r.ReadAt(b[:8], pos); err != nil {
		return boxHeader{}, false
	}
	h := boxHeader{name: string(b[4:8]), header: 8, size: int64(binary.BigEndian.Uint32(b[:]))}
	if h.size == 1 {
		if _, err := r.ReadAt(b[8:], pos+8); err != nil {
			return boxHeader{}, false
		}
		h.header, h.size = 16, int64(binary.BigEndian.Uint64(b[8:]))
	}
	return h, h.size >= h.header && h.size <= size-pos
}

// box takes one top-level box in, a moof together with its mdat, and returns
// where the next begins.
func (x *Index) box(r io.ReaderAt, pos, size int64, h boxHeader) (next int64, ok bool) {
	switch h.name {
	case "moov":
		// A second moov comes from a recording that was resumed; the tracks are
		// the same.
		if x.init != nil {
			return pos + h.size, true
		}
		return pos + h.size, x.readMoov(r, pos, h)
	case "moof":
		md, ok := readBoxHeader(r, pos+h.size, size)
		if !ok || md.name != "mdat" || x.init == nil || h.size > maxMoof {
			return 0, false
		}
		if !x.readMoof(r, pos, h, md) {
			return 0, false
		}
		x.End = pos + h.size + md.size
		return x.End, true
	case "ftyp", "styp", "free", "sidx", "prft", "emsg":
		return pos + h.size, true
	}
	return 0, false
}

func readBox(r io.ReaderAt, pos, size int64) (mp4.Box, error) {
	buf := make([]byte, size)
	if _, err := r.ReadAt(buf, pos); err != nil {
		return nil, err
	}
	return mp4.DecodeBoxSR(uint64(pos), bits.NewFixedSliceReader(buf))
}

func (x *Index) readMoov(r io.ReaderAt, pos int64, h boxHeader) bool {
	if h.size > maxMoov {
		return false
	}
	b, err := readBox(r, pos, h.size)
	if err != nil {
		return false
	}
	moov, ok := b.(*mp4.MoovBox)
	if !ok || moov.Mvhd == nil {
		return false
	}
	for _, t := range moov.Traks {
		if t.Tkhd == nil || t.Mdia == nil || t.Mdia.Mdhd == nil || t.Mdia.Mdhd.Timescale == 0 ||
			t.Mdia.Minf == nil || t.Mdia.Minf.Stbl == nil || t.Mdia.Minf.Stbl.Stsd == nil {
			return false
		}
		x.tracks = append(x.tracks, &trackIndex{trak: t, scale: int64(t.Mdia.Mdhd.Timescale)})
	}
	x.init = moov
	return len(x.tracks) > 0
}

func (x *Index) track(id uint32) *trackIndex {
	for _, t := range x.tracks {
		if t.trak.Tkhd.TrackID == id {
			return t
		}
	}
	return nil
}

// readMoof checks a whole fragment before it takes any of it in.
func (x *Index) readMoof(r io.ReaderAt, pos int64, h, md boxHeader) bool {
	b, err := readBox(r, pos, h.size)
	if err != nil {
		return false
	}
	moof, ok := b.(*mp4.MoofBox)
	if !ok || len(moof.Trafs) == 0 {
		return false
	}
	data := span{offset: pos + h.size + md.header, size: md.size - md.header}
	for _, f := range moof.Trafs {
		if !x.fits(f, pos, data) {
			return false
		}
	}
	for _, f := range moof.Trafs {
		t := x.track(f.Tfhd.TrackID)
		t.add(f, x.bytes+pos+int64(f.Trun.DataOffset)-data.offset)
	}
	x.spans = append(x.spans, data)
	x.bytes += data.size
	return true
}

// fits reports whether the run of a track fragment lies inside its mdat and
// does not go back in time.
func (x *Index) fits(f *mp4.TrafBox, moof int64, data span) bool {
	if f.Tfhd == nil || f.Tfdt == nil || f.Trun == nil || len(f.Truns) != 1 || len(f.Trun.Samples) == 0 {
		return false
	}
	run := f.Trun
	if !run.HasDataOffset() || !run.HasSampleDuration() || !run.HasSampleSize() {
		return false
	}
	t := x.track(f.Tfhd.TrackID)
	start := moof + int64(run.DataOffset)
	if t == nil || start < data.offset || start+int64(run.SizeOfData()) > data.offset+data.size {
		return false
	}
	base := f.Tfdt.BaseMediaDecodeTime()
	if base > math.MaxInt64/4 {
		return false
	}
	return len(t.sizes) == 0 || (int64(base) > t.last && int64(base)-t.last <= math.MaxUint32)
}

// add appends a run. The duration of the sample before it becomes what it was
// in truth: up to the beginning of this run.
func (t *trackIndex) add(f *mp4.TrafBox, offset int64) {
	base := int64(f.Tfdt.BaseMediaDecodeTime())
	if n := len(t.durs); n > 0 {
		t.durs[n-1] = uint32(base - t.last)
	} else {
		t.first = base
	}
	dts := base
	for _, s := range f.Trun.Samples {
		t.last = dts
		t.sizes = append(t.sizes, s.Size)
		t.durs = append(t.durs, s.Dur)
		t.ctos = append(t.ctos, s.CompositionTimeOffset)
		if s.Flags&mp4.NonSyncSampleFlags == 0 {
			t.sync = append(t.sync, uint32(len(t.sizes)))
		}
		dts += int64(s.Dur)
	}
	t.chunks = append(t.chunks, chunk{offset: offset, samples: uint32(len(f.Trun.Samples))})
}

// media returns the duration of a track on its own timescale.
func (t *trackIndex) media() int64 {
	if n := len(t.durs); n > 0 {
		return t.last - t.first + int64(t.durs[n-1])
	}
	return 0
}

// Duration returns the time from the first thing shown or heard to the last.
func (x *Index) Duration() time.Duration {
	start, end := time.Duration(math.MaxInt64), time.Duration(0)
	for _, t := range x.tracks {
		if len(t.sizes) > 0 {
			first := t.first + int64(t.ctos[0])
			start = min(start, duration(first, t.scale))
			end = max(end, duration(first+t.media(), t.scale))
		}
	}
	return max(end-start, 0)
}
