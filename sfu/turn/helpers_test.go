package turn

import (
	"crypto/tls"
	"math/big"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/pion/logging"
	"github.com/pion/turn/v5"

	"github.com/meetcast/meetcast/internal/unittest"
)

const patience = 10 * time.Second

// startMedia stands for the media port: it answers every packet with its own bytes.
func startMedia(t *testing.T) netip.AddrPort {
	t.Helper()
	conn, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		b := make([]byte, 2000)
		for {
			n, from, err := conn.ReadFromUDPAddrPort(b)
			if err != nil {
				return
			}
			_, _ = conn.WriteToUDPAddrPort(b[:n], from)
		}
	}()
	t.Cleanup(func() { conn.Close(); <-done })
	a, _ := conn.LocalAddr().(*net.UDPAddr)
	return a.AddrPort()
}

// advertised stands for the address that browsers are told; it is nowhere here.
var advertised = netip.MustParseAddr("192.0.2.7")

// startServer starts one for a media port on free ports.
func startServer(t *testing.T, change func(*Config)) (*Server, netip.AddrPort) {
	t.Helper()
	media := startMedia(t)
	cfg := Config{Address: "127.0.0.1:0", TLSAddress: "127.0.0.1:0", TLS: &tls.Config{Certificates: []tls.Certificate{unittest.Certificate(t)}}, Media: media,
		Peers: func() []netip.Addr { return []netip.Addr{advertised, netip.MustParseAddr("2001:db8::7")} }}
	if change != nil {
		change(&cfg)
	}
	s, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		if st := s.Stats(); st.Allocations != 0 || st.Connections != 0 {
			t.Errorf("left behind: %+v", st)
		}
	})
	return s, media
}

// socket opens the client's side of a way in: "udp", "tcp" or "tls".
func socket(t *testing.T, s *Server, way string) net.PacketConn {
	t.Helper()
	if way == "udp" {
		conn, err := net.ListenPacket("udp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		return conn
	}
	address := netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), uint16(s.Port()))
	if way == "tls" {
		address = netip.AddrPortFrom(address.Addr(), uint16(s.TLSPort()))
	}
	conn, err := net.Dial("tcp", address.String())
	if err != nil {
		t.Fatal(err)
	}
	if way == "tls" {
		conn = tls.Client(conn, &tls.Config{InsecureSkipVerify: true}) //nolint:gosec // the test's own
	}
	t.Cleanup(func() { conn.Close() })
	return turn.NewSTUNConn(conn)
}

// client starts a TURN client for a user.
func client(t *testing.T, s *Server, way, username, password string) *turn.Client {
	t.Helper()
	server := net.JoinHostPort("127.0.0.1", portText(s.Port()))
	c, err := turn.NewClient(&turn.ClientConfig{
		STUNServerAddr: server, TURNServerAddr: server, Conn: socket(t, s, way), Username: username, Password: password,
		Realm: DefaultRealm, LoggerFactory: &logging.DefaultLoggerFactory{DefaultLogLevel: logging.LogLevelDisabled},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	if err := c.Listen(); err != nil {
		t.Fatal(err)
	}
	return c
}

func portText(n int) string { return big.NewInt(int64(n)).String() }

// allocate opens a relay for a user's fresh credentials.
func allocate(t *testing.T, s *Server, way, user string) net.PacketConn {
	t.Helper()
	username, password := s.Credentials(user)
	relay, err := client(t, s, way, username, password).Allocate()
	if err != nil {
		t.Fatalf("allocate over %s: %v", way, err)
	}
	t.Cleanup(func() { relay.Close() })
	return relay
}

// echoes sends a text to a peer until it comes back.
func echoes(t *testing.T, relay net.PacketConn, peer netip.AddrPort, text string) {
	t.Helper()
	b := make([]byte, 2000)
	for end := time.Now().Add(patience); time.Now().Before(end); {
		if _, err := relay.WriteTo([]byte(text), net.UDPAddrFromAddrPort(peer)); err != nil {
			t.Fatal(err)
		}
		_ = relay.SetReadDeadline(time.Now().Add(200 * time.Millisecond))
		n, from, err := relay.ReadFrom(b)
		if err != nil || string(b[:n]) != text {
			continue
		}
		if from.String() != peer.String() {
			t.Errorf("answer of %v, asked %v", from, peer)
		}
		return
	}
	t.Fatalf("nothing came back from %v", peer)
}

func waitFor(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !ok(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal(what)
		}
	}
}
