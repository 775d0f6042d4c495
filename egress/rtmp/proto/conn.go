package proto

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/yutopp/go-rtmp/handshake"
)

// protocolVersion is C0 and S0, §5.2.2.
const protocolVersion = 3

// minWindow is the smallest acknowledgement window we obey: a peer that asks
// for an answer to every byte does not get it.
const minWindow = 64 << 10

// Conn is an RTMP connection after the handshake. One goroutine calls Next;
// the Write methods are safe for concurrent use.
type Conn struct {
	net.Conn
	in  *Reader
	cnt *counter

	ackedTo atomic.Uint32 // newest sequence number the peer acknowledged
	ackSeen atomic.Bool

	window  uint32 // acknowledge every half of that, 0 = not asked for
	ackSent uint64

	mu           sync.Mutex // guards out and the write deadline
	out          *Writer
	writeTimeout time.Duration
	sent         atomic.Uint64
}

// counter counts what is read before the buffer, so that acknowledgements tell
// what has arrived.
type counter struct {
	net.Conn
	read atomic.Uint64
}

func (c *counter) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.read.Add(uint64(n))
	return n, err
}

// Client shakes hands as the client. The caller sets a deadline on nc before;
// writeTimeout bounds each later write.
func Client(nc net.Conn, l Limits, writeTimeout time.Duration) (*Conn, error) {
	c, r := newConn(nc, l, writeTimeout)
	// Servers that answer with a digest do not echo: nothing to verify.
	cfg := &handshake.Config{SkipHandshakeVerification: true}
	if err := handshake.HandshakeWithServer(r, nc, cfg); err != nil {
		return nil, fmt.Errorf("shake hands: %w", err)
	}
	return c, nil
}

// Server shakes hands as the server, like Client.
func Server(nc net.Conn, l Limits, writeTimeout time.Duration) (*Conn, error) {
	c, r := newConn(nc, l, writeTimeout)
	v, err := r.Peek(1)
	if err != nil {
		return nil, fmt.Errorf("shake hands: %w", err)
	}
	if v[0] != protocolVersion {
		return nil, protocolErrorf("version %d, not %d", v[0], protocolVersion)
	}
	cfg := &handshake.Config{SkipHandshakeVerification: true}
	if err := handshake.HandshakeWithClient(r, nc, cfg); err != nil {
		return nil, fmt.Errorf("shake hands: %w", err)
	}
	return c, nil
}

func newConn(nc net.Conn, l Limits, writeTimeout time.Duration) (*Conn, *bufio.Reader) {
	cnt := &counter{Conn: nc}
	r := bufio.NewReaderSize(cnt, 16<<10)
	return &Conn{Conn: nc, cnt: cnt, in: NewReader(r, l), out: NewWriter(nc), writeTimeout: writeTimeout}, r
}

// Next returns the next message that is not protocol control: window sizes,
// acknowledgements and pings are dealt with here.
func (c *Conn) Next() (Message, error) {
	for {
		m, err := c.in.Next()
		if err != nil {
			return Message{}, err
		}
		if err := c.acknowledge(); err != nil {
			return Message{}, err
		}
		mine, err := c.control(m)
		if err != nil {
			return Message{}, err
		}
		if !mine {
			return m, nil
		}
	}
}

// control handles protocol control messages, §5.4 and §7.1.7.
func (c *Conn) control(m Message) (handled bool, err error) {
	switch m.Type {
	case TypeAck:
		if len(m.Body) >= 4 {
			c.ackedTo.Store(binary.BigEndian.Uint32(m.Body))
			c.ackSeen.Store(true)
		}
	case TypeWindowAckSize:
		if len(m.Body) >= 4 {
			c.window = max(binary.BigEndian.Uint32(m.Body), minWindow)
		}
	case TypeSetPeerBandwidth:
		if len(m.Body) >= 4 {
			return true, c.WriteControl(TypeWindowAckSize, binary.BigEndian.Uint32(m.Body))
		}
	case TypeUserControl:
		return true, c.userControl(m.Body)
	default:
		return false, nil
	}
	return true, nil
}

// User control events, §7.1.7.
const (
	eventStreamBegin  = 0
	eventPingRequest  = 6
	eventPingResponse = 7
)

func (c *Conn) userControl(body []byte) error {
	if len(body) < 6 || binary.BigEndian.Uint16(body) != eventPingRequest {
		return nil
	}
	pong := binary.BigEndian.AppendUint16(nil, eventPingResponse)
	pong = append(pong, body[2:6]...)
	return c.WriteMessage(Message{ChunkStream: ChunkStreamControl, Type: TypeUserControl, Body: pong})
}

// acknowledge tells the peer how much has arrived, §5.4.3.
func (c *Conn) acknowledge() error {
	n := c.cnt.read.Load()
	if c.window == 0 || n-c.ackSent < uint64(c.window/2) {
		return nil
	}
	c.ackSent = n
	return c.WriteControl(TypeAck, uint32(n))
}

// WriteControl sends a control message of one 32-bit number; a Set Peer
// Bandwidth gets the limit type dynamic.
func (c *Conn) WriteControl(t Type, v uint32) error {
	body := binary.BigEndian.AppendUint32(nil, v)
	if t == TypeSetPeerBandwidth {
		body = append(body, 2)
	}
	return c.WriteMessage(Message{ChunkStream: ChunkStreamControl, Type: t, Body: body})
}

// WriteStreamBegin sends the user control event Stream Begin.
func (c *Conn) WriteStreamBegin(streamID uint32) error {
	body := binary.BigEndian.AppendUint16(nil, eventStreamBegin)
	body = binary.BigEndian.AppendUint32(body, streamID)
	return c.WriteMessage(Message{ChunkStream: ChunkStreamControl, Type: TypeUserControl, Body: body})
}

// WriteCommand sends a command on a message stream; 0 is the connection's own.
func (c *Conn) WriteCommand(streamID uint32, cmd Command) error {
	body, err := cmd.Command()
	if err != nil {
		return err
	}
	return c.WriteMessage(Message{ChunkStream: ChunkStreamCommand, Type: TypeCommandAMF0, StreamID: streamID, Body: body})
}

// SetChunkSize tells the peer a new chunk size and uses it.
func (c *Conn) SetChunkSize(size int) error {
	return c.locked(func() error { return c.out.SetChunkSize(size) })
}

// WriteMessage sends m and flushes, within the write timeout.
func (c *Conn) WriteMessage(m Message) error {
	c.sent.Add(uint64(len(m.Body)))
	return c.locked(func() error { return c.out.Write(m) })
}

func (c *Conn) locked(write func() error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.writeTimeout > 0 {
		if err := c.Conn.SetWriteDeadline(time.Now().Add(c.writeTimeout)); err != nil {
			return err
		}
	}
	if err := write(); err != nil {
		return err
	}
	return c.out.Flush()
}

// Acked returns the newest byte count the peer has acknowledged (modulo 2^32),
// and false when it never did.
func (c *Conn) Acked() (uint32, bool) { return c.ackedTo.Load(), c.ackSeen.Load() }

// BytesRead counts what has arrived since the handshake began.
func (c *Conn) BytesRead() uint64 { return c.cnt.read.Load() }

// BytesSent counts the message bodies sent.
func (c *Conn) BytesSent() uint64 { return c.sent.Load() }
