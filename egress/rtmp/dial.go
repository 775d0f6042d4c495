package rtmp

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/netip"
	"sync/atomic"
	"syscall"
	"time"
)

// wire is the TCP connection under RTMP(S), with what it takes to notice a dead
// peer.
type wire struct {
	net.Conn // TLS or TCP
	tcp      *net.TCPConn
	written  atomic.Int64 // bytes given to the kernel, TLS included
}

// counted counts the bytes written to the TCP connection.
type counted struct {
	*net.TCPConn
	written *atomic.Int64
}

func (c counted) Write(b []byte) (int, error) {
	n, err := c.TCPConn.Write(b)
	c.written.Add(int64(n))
	return n, err
}

// taken returns how many bytes the peer's TCP has acknowledged.
func (w *wire) taken() int64 { return w.written.Load() - int64(unsent(w.tcp)) }

// dial connects, checking each resolved address at the moment of connecting so
// that a name cannot change its address between check and use.
func (p *Push) dial(ctx context.Context) (*wire, *Error) {
	ctx, cancel := context.WithTimeout(ctx, p.cfg.DialTimeout)
	defer cancel()
	d := net.Dialer{
		KeepAlive: 10 * time.Second,
		ControlContext: func(_ context.Context, _, address string, raw syscall.RawConn) error {
			if err := p.target.checkAddress(address); err != nil {
				return err
			}
			return setUserTimeout(raw, p.cfg.StallTimeout)
		},
	}
	nc, err := d.DialContext(ctx, "tcp", p.target.address())
	if err != nil {
		return nil, p.target.errorf(classifyDial(err), err, "")
	}
	tcp, ok := nc.(*net.TCPConn)
	if !ok {
		_ = nc.Close()
		return nil, p.target.errorf(KindInternal, errors.New("not a tcp connection"), "")
	}
	_ = tcp.SetNoDelay(true) // the default of Go, said because latency hangs on it
	w := &wire{tcp: tcp}
	w.Conn = counted{tcp, &w.written}
	if p.target.Scheme == "rtmps" {
		if err := w.secure(ctx, p.cfg.TLS, p.target.host); err != nil {
			_ = tcp.Close()
			return nil, p.target.errorf(classifyTLS(err), err, "")
		}
	}
	return w, nil
}

func (w *wire) secure(ctx context.Context, cfg *tls.Config, host string) error {
	if cfg == nil {
		cfg = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	cfg = cfg.Clone()
	if cfg.ServerName == "" {
		cfg.ServerName = host
	}
	tc := tls.Client(w.Conn, cfg)
	if err := tc.HandshakeContext(ctx); err != nil {
		return err
	}
	w.Conn = tc
	return nil
}

// checkAddress refuses an address inside our own network unless the
// configuration names the host.
func (t Target) checkAddress(address string) error {
	if t.private {
		return nil
	}
	ap, err := netip.ParseAddrPort(address)
	if err != nil || !Public(ap.Addr()) {
		return errPrivate
	}
	return nil
}
