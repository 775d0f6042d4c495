package testkit

import (
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
)

// Relay is the network between one browser and the server: the pages' TCP port
// and the media port, each behind a port of the relay's own. It can lose
// everything for a while, and it can give the browser another address, as when
// it moves from one network to another.
//
//	page --TCP--> HTTPPort --------> the server's HTTP port
//	page --UDP--> RTCPort  --------> the server's media port
//
// A page finds the media port in the answers of the server: RelayScript makes it
// find the relay's instead.
type Relay struct {
	HTTPPort, RTCPort int

	rtc  net.Addr // of the server
	http string
	tcp  net.Listener
	udp  *net.UDPConn
	wg   sync.WaitGroup

	mu     sync.Mutex
	lost   bool
	closed bool
	conns  []net.Conn              // both ends of the TCP connections
	paths  map[string]*net.UDPConn // to the server, by the page's address
	gone   map[string]bool         // addresses of the page that lead nowhere
}

// StartRelay starts a relay before a server; it ends with the test.
func StartRelay(t testing.TB, s *Server) *Relay {
	t.Helper()
	tcp, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	udp, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	r := &Relay{
		HTTPPort: tcp.Addr().(*net.TCPAddr).Port, RTCPort: udp.LocalAddr().(*net.UDPAddr).Port,
		http: fmt.Sprintf("127.0.0.1:%d", s.HTTPPort), rtc: &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: s.RTCPort},
		tcp: tcp, udp: udp, paths: make(map[string]*net.UDPConn), gone: make(map[string]bool),
	}
	r.wg.Go(r.accept)
	r.wg.Go(r.forward)
	t.Cleanup(r.close)
	return r
}

// URL is an address of the server as it is through the relay.
func (r *Relay) URL(s *Server, url string) string {
	return strings.Replace(url, s.URL, fmt.Sprintf("http://localhost:%d", r.HTTPPort), 1)
}

// RelayScript is what a page has to evaluate before it joins: media goes through
// the relay and nowhere else, and __peers lists the page's connections.
func (r *Relay) RelayScript(s *Server) string {
	return fmt.Sprintf(`(() => {
		const set = RTCPeerConnection.prototype.setRemoteDescription;
		RTCPeerConnection.prototype.setRemoteDescription = function (d) {
			const lines = d.sdp.split("\r\n").filter((l) => !l.startsWith("a=candidate:") || / udp .* 127\.0\.0\.1 %d /i.test(l));
			return set.call(this, { type: d.type, sdp: lines.join("\r\n").replaceAll(" 127.0.0.1 %d ", " 127.0.0.1 %d ") });
		};
		%s
	})()`, s.RTCPort, s.RTCPort, r.RTCPort, PeersScript)
}

// PeersScript makes a page list its RTCPeerConnections as __peers.
const PeersScript = `
	window.__peers = [];
	window.RTCPeerConnection = class extends RTCPeerConnection {
		constructor(...args) { super(...args); window.__peers.push(this); }
	};`

// Lose makes the network lose everything, or nothing any more. TCP connections of
// before are of no use afterwards, as if their packets had been lost too often.
func (r *Relay) Lose(all bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lost = all
}

// Move gives the browser another address: what it sends comes from other ports
// of the relay's, and what is sent to the old ones is lost. Its TCP connections
// hear nothing any more.
func (r *Relay) Move() { r.move(false) }

// MoveAway does it as another interface would: the sockets that the browser had
// lead nowhere any more, only new ones do.
func (r *Relay) MoveAway() { r.move(true) }

func (r *Relay) move(away bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for from, c := range r.paths {
		c.Close()
		delete(r.paths, from)
		r.gone[from] = away
	}
	for _, c := range r.conns {
		c.Close()
	}
	r.conns = nil
}

func (r *Relay) losing() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.lost
}

// forward takes what the page sends to the media port.
func (r *Relay) forward() {
	buf := make([]byte, 1<<16)
	for {
		n, from, err := r.udp.ReadFromUDP(buf)
		if err != nil {
			return
		}
		if c := r.path(from); c != nil {
			_, _ = c.WriteTo(buf[:n], r.rtc)
		}
	}
}

// path returns the way of a page's address to the server, nil while all is lost.
func (r *Relay) path(from *net.UDPAddr) *net.UDPConn {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.lost || r.closed || r.gone[from.String()] {
		return nil
	}
	if c := r.paths[from.String()]; c != nil {
		return c
	}
	c, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		return nil
	}
	r.paths[from.String()] = c
	r.wg.Go(func() {
		buf := make([]byte, 1<<16)
		for {
			n, _, err := c.ReadFromUDP(buf)
			if err != nil {
				return
			}
			if !r.losing() {
				_, _ = r.udp.WriteToUDP(buf[:n], from)
			}
		}
	})
	return c
}

// accept takes the page's TCP connections. While all is lost, they hang.
func (r *Relay) accept() {
	for {
		in, err := r.tcp.Accept()
		if err != nil {
			return
		}
		if !r.keep(in) || r.losing() {
			continue
		}
		out, err := net.Dial("tcp", r.http)
		if err != nil {
			in.Close()
			continue
		}
		if r.keep(out) {
			r.wg.Go(func() { r.pump(out, in) })
			r.wg.Go(func() { r.pump(in, out) })
		}
	}
}

// keep remembers a connection to be closed.
func (r *Relay) keep(c net.Conn) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		c.Close()
		return false
	}
	r.conns = append(r.conns, c)
	return true
}

// pump copies until the connection ends, or for ever loses what came while all
// was lost.
func (r *Relay) pump(to, from net.Conn) {
	buf := make([]byte, 1<<15)
	broken := false
	for {
		n, err := from.Read(buf)
		broken = broken || r.losing()
		if err != nil {
			if !broken {
				to.Close()
			}
			return
		}
		if broken {
			continue
		}
		if _, err := to.Write(buf[:n]); err != nil {
			return
		}
	}
}

func (r *Relay) close() {
	r.mu.Lock()
	r.closed = true
	conns := slices.Clone(r.conns)
	for _, c := range r.paths {
		c.Close()
	}
	r.mu.Unlock()
	for _, c := range conns {
		c.Close()
	}
	r.tcp.Close()
	r.udp.Close()
	r.wg.Wait()
}
