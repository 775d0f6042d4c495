package proto

import (
	"bufio"
	"encoding/binary"
	"io"
)

// defaultChunkSize holds in both directions until Set Chunk Size, §5.4.1.
const defaultChunkSize = 128

// maxChunkSize is the largest that makes sense: messages are no longer, §5.4.1.
const maxChunkSize = 0xffffff

// extended marks a 24-bit timestamp field whose value follows in 32 bits.
const extended = 0xffffff

// readStep bounds what is allocated before its bytes have arrived.
const readStep = 64 << 10

// Reader joins chunks to messages. It obeys Set Chunk Size and Abort itself.
type Reader struct {
	r         *bufio.Reader
	limits    Limits
	chunkSize int
	streams   map[uint32]*inStream
	held      int
}

// inStream is the state of one chunk stream of the peer, §5.3.1.2.
type inStream struct {
	timestamp uint32
	delta     uint32
	length    int
	typ       Type
	streamID  uint32
	extended  bool   // the last header had an extended timestamp
	extValue  uint32 // … with this value
	body      []byte // of the message under way; nil between messages
}

// NewReader returns a Reader of chunks after the handshake.
func NewReader(r *bufio.Reader, l Limits) *Reader {
	return &Reader{r: r, limits: l.withDefaults(), chunkSize: defaultChunkSize, streams: map[uint32]*inStream{}}
}

// Next returns the next message. Its body belongs to the caller.
func (r *Reader) Next() (Message, error) {
	for {
		m, done, err := r.readChunk()
		if err != nil {
			return Message{}, err
		}
		if !done {
			continue
		}
		switch m.Type {
		case TypeSetChunkSize:
			if err := r.setChunkSize(m.Body); err != nil {
				return Message{}, err
			}
		case TypeAbort:
			r.abort(m.Body)
		default:
			return m, nil
		}
	}
}

func (r *Reader) setChunkSize(body []byte) error {
	if len(body) < 4 {
		return protocolErrorf("chunk size of %d bytes", len(body))
	}
	size := binary.BigEndian.Uint32(body) & 0x7fffffff
	if size == 0 {
		return protocolErrorf("chunk size 0")
	}
	r.chunkSize = int(min(size, maxChunkSize))
	return nil
}

func (r *Reader) abort(body []byte) {
	if len(body) < 4 {
		return
	}
	if s := r.streams[binary.BigEndian.Uint32(body)]; s != nil {
		r.discard(s)
	}
}

func (r *Reader) discard(s *inStream) {
	r.held -= len(s.body)
	s.body = nil
}

// readChunk reads one chunk and reports whether it completed a message.
func (r *Reader) readChunk() (m Message, done bool, err error) {
	format, id, err := r.readBasicHeader()
	if err != nil {
		return m, false, err
	}
	s := r.streams[id]
	if s == nil {
		if format == 3 {
			return m, false, protocolErrorf("chunk stream %d starts without a header", id)
		}
		if len(r.streams) >= r.limits.ChunkStreams {
			return m, false, protocolErrorf("more than %d chunk streams", r.limits.ChunkStreams)
		}
		s = &inStream{}
		r.streams[id] = s
	}
	if err := r.readHeader(s, format); err != nil {
		return m, false, noEOF(err)
	}
	if err := r.readPayload(s); err != nil {
		return m, false, noEOF(err)
	}
	if len(s.body) < s.length {
		return m, false, nil
	}
	m = Message{ChunkStream: id, Type: s.typ, StreamID: s.streamID, Timestamp: s.timestamp, Body: s.body}
	r.discard(s)
	return m, true, nil
}

// readBasicHeader reads format and chunk stream id, §5.3.1.1.
func (r *Reader) readBasicHeader() (format byte, id uint32, err error) {
	b, err := r.r.ReadByte()
	if err != nil {
		return 0, 0, err
	}
	format, id = b>>6, uint32(b&0x3f)
	switch id {
	case 0:
		b, err := r.r.ReadByte()
		return format, uint32(b) + 64, noEOF(err)
	case 1:
		var v [2]byte
		_, err := io.ReadFull(r.r, v[:])
		return format, uint32(v[0]) + uint32(v[1])*256 + 64, noEOF(err)
	}
	return format, id, nil
}

// headerSizes are the bytes of a message header by format, §5.3.1.2.
var headerSizes = [4]int{11, 7, 3, 0}

// readHeader reads the message header. At the start of a message it moves the
// timestamp on; formats 0 to 2 in the middle of one give the unfinished one up.
func (r *Reader) readHeader(s *inStream, format byte) error {
	fresh := s.body == nil
	if format < 3 {
		r.discard(s)
		fresh = true
		if err := r.readFullHeader(s, format); err != nil {
			return err
		}
	} else if s.extended {
		if err := r.skipRepeatedTimestamp(s); err != nil {
			return err
		}
	}
	if !fresh {
		return nil
	}
	if format > 0 {
		s.timestamp += s.delta
	}
	if limit := r.limit(s.typ); s.length > limit {
		return protocolErrorf("message of type %d with %d bytes is over the limit of %d", s.typ, s.length, limit)
	}
	s.body = []byte{}
	return nil
}

func (r *Reader) readFullHeader(s *inStream, format byte) error {
	var h [11]byte
	if _, err := io.ReadFull(r.r, h[:headerSizes[format]]); err != nil {
		return err
	}
	stamp := uint24(h[0:])
	if format < 2 {
		s.length = int(uint24(h[3:]))
		s.typ = Type(h[6])
	}
	if format == 0 {
		s.streamID = binary.LittleEndian.Uint32(h[7:])
	}
	s.extended = stamp == extended
	if s.extended {
		var v [4]byte
		if _, err := io.ReadFull(r.r, v[:]); err != nil {
			return err
		}
		stamp = binary.BigEndian.Uint32(v[:])
		s.extValue = stamp
	}
	if format == 0 {
		s.timestamp, s.delta = stamp, 0
	} else {
		s.delta = stamp
	}
	return nil
}

// skipRepeatedTimestamp passes over the extended timestamp that a type 3 chunk
// repeats (§5.3.1.3). Some encoders leave it out, so it is taken only when it
// has the value of the header before.
func (r *Reader) skipRepeatedTimestamp(s *inStream) error {
	v, err := r.r.Peek(4)
	if err != nil {
		return err
	}
	if binary.BigEndian.Uint32(v) == s.extValue {
		_, err = r.r.Discard(4)
	}
	return err
}

// readPayload reads this chunk's part of the body.
func (r *Reader) readPayload(s *inStream) error {
	n := min(s.length-len(s.body), r.chunkSize)
	if r.held+n > r.limits.Partial {
		return protocolErrorf("more than %d bytes of unfinished messages", r.limits.Partial)
	}
	for n > 0 {
		step := min(n, readStep)
		at := len(s.body)
		s.body = append(s.body, make([]byte, step)...)
		r.held += step
		if _, err := io.ReadFull(r.r, s.body[at:]); err != nil {
			return err
		}
		n -= step
	}
	return nil
}

func (r *Reader) limit(t Type) int {
	if t == TypeAudio || t == TypeVideo {
		return r.limits.Media
	}
	return r.limits.Command
}

func uint24(b []byte) uint32 { return uint32(b[0])<<16 | uint32(b[1])<<8 | uint32(b[2]) }

// noEOF makes an end inside a chunk an error of its own.
func noEOF(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}
