package light

import (
	"errors"
	"net"
	"time"

	"github.com/pion/transport/v4/packetio"
)

// pipeLimit bounds the DTLS datagrams that wait for the handshake; more are
// dropped, for DTLS repeats them.
const pipeLimit = 32

// pipe is the net.PacketConn that pion/dtls works on: it reads what the demux
// sorted out and writes to whichever path is the present one.
type pipe struct {
	conn *Conn
	in   *packetio.Buffer
}

func newPipe(c *Conn) *pipe {
	p := &pipe{conn: c, in: packetio.NewBuffer()}
	p.in.SetLimitCount(pipeLimit)
	return p
}

func (p *pipe) deliver(b []byte) { _, _ = p.in.Write(b) }

// ReadFrom implements net.PacketConn.
func (p *pipe) ReadFrom(b []byte) (int, net.Addr, error) {
	n, err := p.in.Read(b)
	return n, pipeAddr{}, err
}

// WriteTo implements net.PacketConn.
func (p *pipe) WriteTo(b []byte, _ net.Addr) (int, error) {
	active := p.conn.active.Load()
	if active == nil {
		return 0, errors.New("no path yet")
	}
	return active.sock.Write(b)
}

// Close implements net.PacketConn.
func (p *pipe) Close() error { return p.in.Close() }

// LocalAddr implements net.PacketConn.
func (p *pipe) LocalAddr() net.Addr { return pipeAddr{} }

// SetDeadline implements net.PacketConn.
func (p *pipe) SetDeadline(t time.Time) error { return p.in.SetReadDeadline(t) }

// SetReadDeadline implements net.PacketConn.
func (p *pipe) SetReadDeadline(t time.Time) error { return p.in.SetReadDeadline(t) }

// SetWriteDeadline implements net.PacketConn: a UDP write does not wait.
func (p *pipe) SetWriteDeadline(time.Time) error { return nil }

// pipeAddr stands for the server, wherever it is at the moment.
type pipeAddr struct{}

// Network implements net.Addr.
func (pipeAddr) Network() string { return "udp" }

// String implements net.Addr.
func (pipeAddr) String() string { return "server" }
