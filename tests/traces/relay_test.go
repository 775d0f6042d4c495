package traces

import (
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/meetcast/meetcast/tests/traces/netsim"
)

// relay stands between one client and the server, on loopback: to the server its
// address is the client's, as that of a NAT is.
type relay struct {
	t        *testing.T
	front    *net.UDPConn // towards the client
	server   netip.AddrPort
	down, up netsim.Path
	dead     atomic.Bool
	wg       sync.WaitGroup

	mu     sync.Mutex
	client netip.AddrPort
	back   *net.UDPConn // towards the server
}

func newRelay(t *testing.T, server netip.AddrPort, delay time.Duration) *relay {
	t.Helper()
	front, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	r := &relay{t: t, front: front, server: server, down: netsim.Path{Delay: delay}, up: netsim.Path{Delay: delay}}
	r.move()
	r.wg.Go(r.forward)
	t.Cleanup(func() {
		_ = front.Close()
		r.mu.Lock()
		_ = r.back.Close()
		r.mu.Unlock()
		r.wg.Wait()
	})
	return r
}

// address is where the client finds the server.
func (r *relay) address() netip.AddrPort { return r.front.LocalAddr().(*net.UDPAddr).AddrPort() }

// move takes another address towards the server; what comes to the old one is lost.
func (r *relay) move() {
	back, err := net.DialUDP("udp4", nil, net.UDPAddrFromAddrPort(r.server))
	if err != nil {
		r.t.Error(err)
		return
	}
	r.mu.Lock()
	old := r.back
	r.back = back
	r.mu.Unlock()
	if old != nil {
		_ = old.Close()
	}
	r.wg.Go(func() { r.backward(back) })
}

// forward carries from the client to the server.
func (r *relay) forward() {
	buf := make([]byte, 2048)
	p := newPipe(r, r.up, func(b []byte) {
		r.mu.Lock()
		defer r.mu.Unlock()
		_, _ = r.back.Write(b)
	})
	defer p.close()
	for {
		n, from, err := r.front.ReadFromUDPAddrPort(buf)
		if err != nil {
			return
		}
		r.mu.Lock()
		r.client = from
		r.mu.Unlock()
		p.put(buf[:n])
	}
}

// backward carries from the server to the client.
func (r *relay) backward(back *net.UDPConn) {
	buf := make([]byte, 2048)
	p := newPipe(r, r.down, func(b []byte) {
		r.mu.Lock()
		to := r.client
		r.mu.Unlock()
		if to.IsValid() {
			_, _ = r.front.WriteToUDPAddrPort(b, to)
		}
	})
	defer p.close()
	for {
		n, err := back.Read(buf)
		if err != nil {
			return
		}
		p.put(buf[:n])
	}
}

// pipe delivers packets after what the path takes.
type pipe struct {
	r     *relay
	link  *netsim.Link
	begun time.Time
	queue chan parcel
	done  chan struct{}
}

type parcel struct {
	at time.Time
	b  []byte
}

func newPipe(r *relay, path netsim.Path, deliver func([]byte)) *pipe {
	p := &pipe{r: r, link: netsim.NewLink(path), begun: time.Now(), queue: make(chan parcel, 4096), done: make(chan struct{})}
	go func() {
		defer close(p.done)
		for x := range p.queue {
			time.Sleep(time.Until(x.at))
			deliver(x.b)
		}
	}()
	return p
}

// put sends a packet, unless the relay is dead.
func (p *pipe) put(b []byte) {
	if p.r.dead.Load() {
		return
	}
	at, ok := p.link.Send(time.Since(p.begun), len(b)+28)
	if !ok {
		return
	}
	select {
	case p.queue <- parcel{p.begun.Add(at), append([]byte(nil), b...)}:
	default:
	}
}

func (p *pipe) close() {
	close(p.queue)
	<-p.done
}
