package avproc

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/bits"
)

// Limits on what a child may claim in its NUT stream.
const (
	maxNUTHeader  = 1 << 16  // bytes of a header packet
	maxNUTFrame   = 64 << 20 // bytes of a frame: 8K raw
	maxNUTStreams = 4
)

// ErrBadNUT tells that a child wrote something that is not the NUT it should.
var ErrBadNUT = errors.New("child wrote a bad NUT stream")

// The start codes of NUT packets; anything that begins with 'N' and is none of
// them is skipped by its length.
const (
	nutFileID    = "nut/multimedia container\x00"
	nutMain      = 0x4E4D7A561F5F04AD
	nutStream    = 0x4E5311405BF2F9DB
	nutSyncpoint = 0x4E4BE4ADEECA4569
)

// The frame flags of NUT.
const (
	nutKey       = 1 << 0
	nutCodedPTS  = 1 << 3
	nutStreamID  = 1 << 4
	nutSizeMSB   = 1 << 5
	nutChecksum  = 1 << 6
	nutReserved  = 1 << 7
	nutSideData  = 1 << 8
	nutHeaderIdx = 1 << 10
	nutMatchTime = 1 << 11
	nutCoded     = 1 << 12
	nutInvalid   = 1 << 13
)

// nutCode is the meaning of one frame code.
type nutCode struct {
	flags, stream, mul, lsb, reserved, header uint64
	ptsDelta                                  int64
}

// nutTimeBase is a unit of time in seconds.
type nutTimeBase struct{ num, den uint64 }

// NUTStream describes the stream in a NUT file.
type NUTStream struct {
	Extradata  []byte // codec specific data
	Num, Den   uint64 // time base: a tick lasts Num/Den seconds
	shift      uint64 // coded timestamps below 1<<shift are the low bits only
	lastPTS    int64
	haveHeader bool
}

// NUTFrame is the head of one frame; its bytes follow in the stream.
type NUTFrame struct {
	Stream int
	PTS    int64 // in ticks of the stream's time base
	Key    bool
	Size   int // bytes to read with ReadData
}

// NUTReader takes a NUT stream apart as it arrives (version 3 as written by
// ffmpeg, https://ffmpeg.org/~michael/nut.txt). It reads no byte more than it
// needs before it returns a frame, so it adds no delay.
type NUTReader struct {
	Streams []NUTStream

	r       *bufio.Reader
	codes   [256]nutCode
	bases   []nutTimeBase
	elision [][]byte
	scratch []byte // of header packets: a raw stream has one before each frame
	begun   bool
	prefix  []byte // elided head of the frame under way
	rest    int    // bytes of it still to read
}

// NewNUTReader reads from r, which is not touched before the first Next.
func NewNUTReader(r io.Reader) *NUTReader {
	return &NUTReader{r: bufio.NewReaderSize(r, 64<<10)}
}

// Next returns the head of the next frame. The data of the frame before is
// skipped when it was not read. io.EOF ends the stream cleanly; anything
// malformed is an ErrBadNUT.
func (n *NUTReader) Next() (NUTFrame, error) {
	if err := n.begin(); err != nil {
		return NUTFrame{}, err
	}
	for {
		b, err := n.r.ReadByte()
		if err != nil {
			return NUTFrame{}, err
		}
		if b == 'N' {
			if err := n.readPacket(); err != nil {
				return NUTFrame{}, unexpected(err)
			}
			continue
		}
		f, err := n.readFrameHead(b)
		return f, unexpected(err)
	}
}

// ReadData fills p with the next bytes of the frame that Next announced.
func (n *NUTReader) ReadData(p []byte) error {
	if len(p) > n.rest {
		return fmt.Errorf("%w: read past the frame", ErrBadNUT)
	}
	n.rest -= len(p)
	k := copy(p, n.prefix)
	n.prefix = n.prefix[k:]
	_, err := io.ReadFull(n.r, p[k:])
	return unexpected(err)
}

// begin reads the file's id once and drops what is left of the frame before.
func (n *NUTReader) begin() error {
	if !n.begun {
		var id [len(nutFileID)]byte
		if _, err := io.ReadFull(n.r, id[:]); err != nil {
			return err
		}
		if string(id[:]) != nutFileID {
			return fmt.Errorf("%w: no file id", ErrBadNUT)
		}
		n.begun = true
	}
	if skip := n.rest - len(n.prefix); skip > 0 {
		if _, err := n.r.Discard(skip); err != nil {
			return unexpected(err)
		}
	}
	n.rest, n.prefix = 0, nil
	return nil
}

// readPacket handles one packet whose first byte, 'N', is already read.
func (n *NUTReader) readPacket() error {
	var code [8]byte
	code[0] = 'N'
	if _, err := io.ReadFull(n.r, code[1:]); err != nil {
		return err
	}
	size, err := n.vlc()
	if err != nil {
		return err
	}
	if size > 4096 {
		if _, err := n.r.Discard(4); err != nil { // header checksum
			return err
		}
	}
	switch binary.BigEndian.Uint64(code[:]) {
	case nutMain, nutStream, nutSyncpoint:
	default:
		if size > maxNUTFrame {
			return fmt.Errorf("%w: packet of %d bytes", ErrBadNUT, size)
		}
		_, err := n.r.Discard(int(size))
		return err
	}
	if size > maxNUTHeader || size < 4 {
		return fmt.Errorf("%w: header of %d bytes", ErrBadNUT, size)
	}
	if uint64(cap(n.scratch)) < size {
		n.scratch = make([]byte, size)
	}
	body := n.scratch[:size]
	if _, err := io.ReadFull(n.r, body); err != nil {
		return err
	}
	f := nutFields{b: body[:size-4]} // without the checksum
	switch binary.BigEndian.Uint64(code[:]) {
	case nutMain:
		return n.parseMain(&f)
	case nutStream:
		return n.parseStream(&f)
	}
	return n.parseSyncpoint(&f)
}

// readFrameHead reads a frame's head after its frame code.
func (n *NUTReader) readFrameHead(code byte) (NUTFrame, error) {
	c := n.codes[code]
	flags, stream, msb, reserved, header := c.flags, c.stream, uint64(0), c.reserved, c.header
	var pts uint64
	var err error
	next := func(bit uint64, to *uint64) {
		if err == nil && flags&bit != 0 {
			*to, err = n.vlc()
		}
	}
	if flags&nutCoded != 0 {
		var coded uint64
		next(nutCoded, &coded)
		flags ^= coded
	}
	var match uint64
	next(nutStreamID, &stream)
	next(nutCodedPTS, &pts)
	next(nutSizeMSB, &msb)
	next(nutMatchTime, &match)
	next(nutHeaderIdx, &header)
	next(nutReserved, &reserved)
	if err != nil {
		return NUTFrame{}, err
	}
	if flags&(nutInvalid|nutSideData) != 0 || reserved > 16 || stream >= uint64(len(n.Streams)) ||
		!n.Streams[stream].haveHeader {
		return NUTFrame{}, fmt.Errorf("%w: frame flags %#x stream %d", ErrBadNUT, flags, stream)
	}
	for range reserved {
		if _, err := n.vlc(); err != nil {
			return NUTFrame{}, err
		}
	}
	if flags&nutChecksum != 0 {
		if _, err := n.r.Discard(4); err != nil {
			return NUTFrame{}, err
		}
	}
	return n.frame(c, flags, stream, pts, msb, header)
}

// frame works out size and timestamp of a frame.
func (n *NUTReader) frame(c nutCode, flags, stream, coded, msb, header uint64) (NUTFrame, error) {
	hi, size := bits.Mul64(msb, c.mul)
	size += c.lsb
	if hi != 0 || size < c.lsb || size > maxNUTFrame {
		return NUTFrame{}, fmt.Errorf("%w: frame too large", ErrBadNUT)
	}
	n.prefix = nil
	if size <= 4096 && header < uint64(len(n.elision)) {
		n.prefix = n.elision[header]
		if uint64(len(n.prefix)) > size {
			return NUTFrame{}, fmt.Errorf("%w: frame shorter than its head", ErrBadNUT)
		}
	}
	s := &n.Streams[stream]
	if flags&nutCodedPTS == 0 {
		s.lastPTS += c.ptsDelta
	} else if whole := uint64(1) << s.shift; coded >= whole {
		s.lastPTS = int64(coded - whole)
	} else {
		mask := int64(whole - 1)
		delta := s.lastPTS - mask/2
		s.lastPTS = ((int64(coded) - delta) & mask) + delta
	}
	n.rest = int(size)
	return NUTFrame{Stream: int(stream), PTS: s.lastPTS, Key: flags&nutKey != 0, Size: n.rest}, nil
}

// vlc reads a variable length number: seven bits a byte, highest first.
func (n *NUTReader) vlc() (uint64, error) {
	var v uint64
	for range 10 {
		b, err := n.r.ReadByte()
		if err != nil {
			return 0, err
		}
		v = v<<7 | uint64(b&0x7f)
		if b < 0x80 {
			return v, nil
		}
	}
	return 0, fmt.Errorf("%w: number too long", ErrBadNUT)
}

// unexpected turns the end of the stream inside a unit into an error.
func unexpected(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
