package transport

import (
	"encoding/binary"
	"encoding/hex"
	"net"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/pion/transport/v4/deadline"
)

// handshakeQueue is how many datagrams may wait for the handshake. Those that come
// before there is a nominated path wait there too.
const handshakeQueue = 16

// handshakeConn is the net.PacketConn under a DTLS handshake. It notes on the way
// what is needed when dtls is gone: the last flight, which the peer may ask for
// again, and what the record keys are made from.
type handshakeConn struct {
	conn    *Conn
	in      chan []byte
	closing sync.Once
	closed  chan struct{}
	late    *deadline.Deadline
	log     keyLog
	started bool // under Conn.mu

	mu           sync.Mutex
	muted        bool
	answered     bool     // something was written since the last datagram came
	sent         [][]byte // since the last datagram came
	serverRandom []byte
}

func newHandshakeConn(c *Conn) *handshakeConn {
	return &handshakeConn{conn: c, in: make(chan []byte, handshakeQueue), closed: make(chan struct{}), late: deadline.New()}
}

// put copies a datagram in; false when there are too many.
func (h *handshakeConn) put(b []byte) bool {
	select {
	case h.in <- slices.Clone(b):
		return true
	default:
		return false
	}
}

// mute stops writing.
func (h *handshakeConn) mute() {
	h.mu.Lock()
	h.muted = true
	h.mu.Unlock()
}

// ReadFrom implements net.PacketConn.
func (h *handshakeConn) ReadFrom(p []byte) (int, net.Addr, error) {
	select {
	case <-h.closed:
		return 0, nil, net.ErrClosed
	case <-h.late.Done():
		return 0, nil, os.ErrDeadlineExceeded
	case b := <-h.in:
		h.mu.Lock()
		h.noteRandom(b)
		h.answered = true
		h.mu.Unlock()
		return copy(p, b), h.LocalAddr(), nil
	}
}

// WriteTo implements net.PacketConn: it writes to the nominated path.
func (h *handshakeConn) WriteTo(p []byte, _ net.Addr) (int, error) {
	h.mu.Lock()
	if h.muted {
		h.mu.Unlock()
		return 0, net.ErrClosed
	}
	h.noteRandom(p)
	if h.answered {
		h.answered, h.sent = false, nil
	}
	if len(h.sent) < handshakeQueue {
		h.sent = append(h.sent, slices.Clone(p))
	}
	h.mu.Unlock()
	h.conn.mu.Lock()
	pa := h.conn.nominated
	h.conn.mu.Unlock()
	if pa != nil {
		pa.send(p)
	}
	return len(p), nil
}

// noteRandom finds the random of a ServerHello, which is in the clear.
//
//	record     type 22, version, epoch 0, number, length      13 bytes
//	handshake  type 2, length, number, fragment               12 bytes
//	hello      version, random of 32 bytes, …
func (h *handshakeConn) noteRandom(b []byte) {
	for _, r := range records(b) {
		if r.kind == recordHandshake && r.epoch == 0 && len(r.body) >= 12+2+32 && r.body[0] == 2 &&
			r.body[6] == 0 && r.body[7] == 0 && r.body[8] == 0 { // the first fragment
			h.serverRandom = slices.Clone(r.body[14 : 14+32])
		}
	}
}

// Close implements net.PacketConn.
func (h *handshakeConn) Close() error {
	h.closing.Do(func() { close(h.closed) })
	return nil
}

// LocalAddr implements net.PacketConn. The peer's addresses are none of its business.
func (*handshakeConn) LocalAddr() net.Addr { return &net.UDPAddr{} }

// SetDeadline implements net.PacketConn.
func (h *handshakeConn) SetDeadline(t time.Time) error { return h.SetReadDeadline(t) }

// SetReadDeadline implements net.PacketConn.
func (h *handshakeConn) SetReadDeadline(t time.Time) error {
	h.late.Set(t)
	return nil
}

// SetWriteDeadline implements net.PacketConn: writes do not wait.
func (*handshakeConn) SetWriteDeadline(time.Time) error { return nil }

// keyLog takes the line in which dtls tells the master secret, as NSS has it:
//
//	CLIENT_RANDOM <client random> <master secret>
type keyLog struct {
	mu     sync.Mutex
	random []byte
	master []byte
}

// Write implements io.Writer.
func (l *keyLog) Write(p []byte) (int, error) {
	fields := strings.Fields(string(p))
	if len(fields) == 3 && fields[0] == "CLIENT_RANDOM" {
		random, err := hex.DecodeString(fields[1])
		master, err2 := hex.DecodeString(fields[2])
		if err == nil && err2 == nil {
			l.mu.Lock()
			l.random, l.master = random, master
			l.mu.Unlock()
		}
	}
	return len(p), nil
}

// The types of records.
const (
	recordChange    = 20
	recordAlert     = 21
	recordHandshake = 22
	recordLength    = 13 // of the header, bytes
)

// record is a DTLS 1.2 record (RFC 6347 §4.1).
type record struct {
	kind   byte
	epoch  uint16
	header []byte
	body   []byte
}

// records takes a datagram apart, as far as it is well-formed.
func records(b []byte) []record {
	var list []record
	for len(b) >= recordLength && len(list) < handshakeQueue {
		end := recordLength + int(binary.BigEndian.Uint16(b[11:]))
		if end > len(b) {
			break
		}
		list = append(list, record{kind: b[0], epoch: binary.BigEndian.Uint16(b[3:]), header: b[:recordLength], body: b[recordLength:end]})
		b = b[end:]
	}
	return list
}
