package proto

import (
	"bufio"
	"encoding/binary"
	"io"
)

// Writer splits messages into chunks. It is not safe for concurrent use.
type Writer struct {
	w         *bufio.Writer
	chunkSize int
	streams   map[uint32]*outStream
}

// outStream remembers the last header sent on one chunk stream.
type outStream struct {
	timestamp uint32
	streamID  uint32
}

// NewWriter returns a Writer of chunks after the handshake.
func NewWriter(w io.Writer) *Writer {
	return &Writer{w: bufio.NewWriterSize(w, 64<<10), chunkSize: defaultChunkSize, streams: map[uint32]*outStream{}}
}

// SetChunkSize tells the peer a new chunk size and uses it from then on.
func (w *Writer) SetChunkSize(size int) error {
	size = min(max(size, 1), maxChunkSize)
	body := binary.BigEndian.AppendUint32(nil, uint32(size))
	if err := w.Write(Message{ChunkStream: ChunkStreamControl, Type: TypeSetChunkSize, Body: body}); err != nil {
		return err
	}
	w.chunkSize = size
	return nil
}

// Write sends m whole. The header is complete (format 0) at the start of a
// chunk stream and when time does not go forwards, else a difference (format
// 1); formats 2 and 3 at the start of a message, whose meaning after a format 0
// differs between implementations, are never sent.
func (w *Writer) Write(m Message) error {
	if len(m.Body) > maxChunkSize {
		return protocolErrorf("message of %d bytes", len(m.Body))
	}
	var h [16]byte
	n, ext, extValue := w.header(h[:], m)
	if _, err := w.w.Write(h[:n]); err != nil {
		return err
	}
	body := m.Body
	for {
		part := body[:min(len(body), w.chunkSize)]
		if _, err := w.w.Write(part); err != nil {
			return err
		}
		body = body[len(part):]
		if len(body) == 0 {
			return nil
		}
		h[0] = 3<<6 | byte(m.ChunkStream)
		n := 1
		if ext {
			binary.BigEndian.PutUint32(h[1:], extValue)
			n += 4
		}
		if _, err := w.w.Write(h[:n]); err != nil {
			return err
		}
	}
}

// header encodes basic and message header of the first chunk of m.
func (w *Writer) header(h []byte, m Message) (n int, ext bool, extValue uint32) {
	s := w.streams[m.ChunkStream]
	format := byte(1)
	if s == nil {
		s = &outStream{}
		w.streams[m.ChunkStream] = s
		format = 0
	}
	stamp := m.Timestamp - s.timestamp
	if s.streamID != m.StreamID || m.Timestamp < s.timestamp || stamp >= extended {
		format = 0
	}
	if format == 0 {
		stamp = m.Timestamp
	}
	s.timestamp, s.streamID = m.Timestamp, m.StreamID
	ext = stamp >= extended

	h[0] = format<<6 | byte(m.ChunkStream)
	putUint24(h[1:], min(stamp, extended))
	putUint24(h[4:], uint32(len(m.Body)))
	h[7] = byte(m.Type)
	n = 8
	if format == 0 {
		binary.LittleEndian.PutUint32(h[8:], m.StreamID)
		n = 12
	}
	if ext {
		binary.BigEndian.PutUint32(h[n:], stamp)
		n += 4
	}
	return n, ext, stamp
}

// Flush sends what is buffered.
func (w *Writer) Flush() error { return w.w.Flush() }

func putUint24(b []byte, v uint32) { b[0], b[1], b[2] = byte(v>>16), byte(v>>8), byte(v) }
