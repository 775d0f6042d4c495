package mp4

import (
	"bufio"
	"fmt"
	"io"
	"math"

	"github.com/Eyevinn/mp4ff/mp4"
)

// movieScale is the timescale of edits and of the whole movie: milliseconds.
const movieScale = 1000

// WriteTo writes the samples of the scanned file r as fast-start MP4: ftyp,
// moov, then one mdat. Sample data is streamed.
func (x *Index) WriteTo(w io.Writer, r io.ReaderAt) (n int64, err error) {
	defer func() {
		if p := recover(); p != nil { // the box encoders trust their input
			err = fmt.Errorf("write mp4: %v", p)
		}
	}()
	out := &countingWriter{w: bufio.NewWriterSize(w, 256<<10)}
	ftyp := mp4.NewFtyp("isom", 512, []string{"isom", "iso2", "avc1", "mp41"})
	moov, tables := x.moov()

	// The mdat needs the long form of its size only beyond 4 GiB.
	header, large := uint64(8), false
	if uint64(x.bytes)+header > math.MaxUint32 {
		header, large = 16, true
	}
	start := int64(ftyp.Size() + moov.Size() + header)
	for i, t := range tables {
		for j, c := range x.tracks[i].chunks {
			if t != nil {
				t.ChunkOffset[j] = uint64(start + c.offset)
			}
		}
	}
	for _, b := range []mp4.Box{ftyp, moov} {
		if err := b.Encode(out); err != nil {
			return out.n, fmt.Errorf("write %s: %w", b.Type(), err)
		}
	}
	if err := mp4.EncodeHeaderWithSize("mdat", uint64(x.bytes)+header, large, out); err != nil {
		return out.n, fmt.Errorf("write mdat: %w", err)
	}
	for _, s := range x.spans {
		if _, err := io.Copy(out, io.NewSectionReader(r, s.offset, s.size)); err != nil {
			return out.n, fmt.Errorf("copy samples: %w", err)
		}
	}
	return out.n, out.w.Flush()
}

type countingWriter struct {
	w *bufio.Writer
	n int64
}

func (c *countingWriter) Write(b []byte) (int, error) {
	n, err := c.w.Write(b)
	c.n += int64(n)
	return n, err
}

// moov builds the movie box; the chunk offsets, one table a track and nil for
// an empty one, are filled in when its size is known.
func (x *Index) moov() (*mp4.MoovBox, []*mp4.Co64Box) {
	mvhd := *x.init.Mvhd
	mvhd.Timescale = movieScale
	mvhd.Duration = uint64(x.Duration().Milliseconds())
	mvhd.Version = version(mvhd.Duration)
	moov := mp4.NewMoovBox()
	moov.AddChild(&mvhd)
	var tables []*mp4.Co64Box
	start := x.start()
	for _, t := range x.tracks {
		if len(t.sizes) == 0 {
			tables = append(tables, nil)
			continue
		}
		trak, table := t.box(start)
		moov.AddChild(trak)
		tables = append(tables, table)
	}
	return moov, tables
}

// start returns when the earliest sample is shown, in movie time.
func (x *Index) start() int64 {
	start := int64(math.MaxInt64)
	for _, t := range x.tracks {
		if len(t.sizes) > 0 {
			start = min(start, t.shown())
		}
	}
	return start
}

// shown returns when the first sample of the track is shown, in movie time.
func (t *trackIndex) shown() int64 {
	return ticks(duration(t.first+int64(t.ctos[0]), t.scale), movieScale)
}

func version(d uint64) byte {
	if d > math.MaxUint32 {
		return 1
	}
	return 0
}

// box builds the trak of a track that is first shown at or after start.
func (t *trackIndex) box(start int64) (*mp4.TrakBox, *mp4.Co64Box) {
	trak := mp4.NewTrakBox()
	shown := uint64(ticks(duration(t.media(), t.scale), movieScale))
	delay := uint64(t.shown() - start)

	tkhd := *t.trak.Tkhd
	tkhd.Duration = shown + delay
	tkhd.Version = version(tkhd.Duration)
	trak.AddChild(&tkhd)
	if edits := t.edits(delay, shown); edits != nil {
		trak.AddChild(edits)
	}

	mdhd := *t.trak.Mdia.Mdhd
	mdhd.Duration = uint64(t.media())
	mdhd.Version = version(mdhd.Duration)
	mdia := &mp4.MdiaBox{}
	mdia.AddChild(&mdhd)
	for _, c := range t.trak.Mdia.Children {
		if c.Type() == "hdlr" {
			mdia.AddChild(c)
		}
	}
	minf := mp4.NewMinfBox()
	for _, c := range t.trak.Mdia.Minf.Children {
		if c.Type() != "stbl" {
			minf.AddChild(c)
		}
	}
	stbl, table := t.stbl()
	minf.AddChild(stbl)
	mdia.AddChild(minf)
	trak.AddChild(mdia)
	return trak, table
}

// edits makes the track begin when it did: after the delay by which it was
// later than the other, and without the time by which reordering delays the
// first picture. Nil when there is nothing to say.
func (t *trackIndex) edits(delay, shown uint64) *mp4.EdtsBox {
	if delay == 0 && t.ctos[0] == 0 {
		return nil
	}
	e := &mp4.ElstBox{Version: 1}
	if delay > 0 {
		e.Entries = append(e.Entries, mp4.ElstEntry{SegmentDuration: delay, MediaTime: -1, MediaRateInteger: 1})
	}
	e.Entries = append(e.Entries, mp4.ElstEntry{SegmentDuration: shown, MediaTime: int64(t.ctos[0]), MediaRateInteger: 1})
	edts := &mp4.EdtsBox{}
	edts.AddChild(e)
	return edts
}

// stbl builds the sample tables.
func (t *trackIndex) stbl() (*mp4.StblBox, *mp4.Co64Box) {
	stbl := mp4.NewStblBox()
	stbl.AddChild(t.trak.Mdia.Minf.Stbl.Stsd)
	stts := &mp4.SttsBox{}
	runs(t.durs, func(n, v uint32) {
		stts.SampleCount = append(stts.SampleCount, n)
		stts.SampleTimeDelta = append(stts.SampleTimeDelta, v)
	})
	stbl.AddChild(stts)
	if c := t.ctts(); c != nil {
		stbl.AddChild(c)
	}
	if len(t.sync) < len(t.sizes) {
		stbl.AddChild(&mp4.StssBox{SampleNumber: t.sync})
	}
	stsc := &mp4.StscBox{}
	first, sample := uint32(1), uint32(1)
	runs(chunkSizes(t.chunks), func(n, v uint32) {
		stsc.Entries = append(stsc.Entries, mp4.StscEntry{FirstChunk: first, SamplesPerChunk: v, FirstSampleNr: sample})
		first += n
		sample += n * v
	})
	stsc.SetSingleSampleDescriptionID(1)
	stbl.AddChild(stsc)
	stbl.AddChild(&mp4.StszBox{SampleNumber: uint32(len(t.sizes)), SampleSize: t.sizes})
	table := &mp4.Co64Box{ChunkOffset: make([]uint64, len(t.chunks))}
	stbl.AddChild(table)
	return stbl, table
}

// ctts returns the composition offsets, nil when there are none.
func (t *trackIndex) ctts() *mp4.CttsBox {
	c := &mp4.CttsBox{EndSampleNr: []uint32{0}}
	zero, end := true, uint32(0)
	runs(t.ctos, func(n uint32, v int32) {
		zero = zero && v == 0
		if v < 0 {
			c.Version = 1
		}
		end += n
		c.EndSampleNr = append(c.EndSampleNr, end)
		c.SampleOffset = append(c.SampleOffset, v)
	})
	if zero {
		return nil
	}
	return c
}

func chunkSizes(chunks []chunk) []uint32 {
	sizes := make([]uint32, len(chunks))
	for i, c := range chunks {
		sizes[i] = c.samples
	}
	return sizes
}

// runs calls emit for each run of equal values.
func runs[T comparable](values []T, emit func(n uint32, v T)) {
	for i := 0; i < len(values); {
		j := i + 1
		for j < len(values) && values[j] == values[i] {
			j++
		}
		emit(uint32(j-i), values[i])
		i = j
	}
}
