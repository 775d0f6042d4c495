package turn

import (
	"net"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

func TestRelaysToTheMediaPort(t *testing.T) {
	for _, way := range []string{"udp", "tcp", "tls"} {
		t.Run(way, func(t *testing.T) {
			s, media := startServer(t, nil)
			relay := allocate(t, s, way, "ann")
			// The client names the advertised address; the packet goes over the loopback.
			peer := netip.AddrPortFrom(advertised, media.Port())
			echoes(t, relay, peer, "hello")
			echoes(t, relay, peer, strings.Repeat("x", 1200))
			st := s.Stats()
			if st.Allocations != 1 || st.Up.Packets < 2 || st.Down.Packets < 2 || st.Down.Bytes < 1205 {
				t.Errorf("stats are %+v", st)
			}
			if (way != "udp") != (st.Connections == 1) {
				t.Errorf("%d connections", st.Connections)
			}
		})
	}
}

// Every candidate of ours leads to the same port; checks are answered from the
// candidate that was checked, media comes from the one that media was sent to.
func TestCandidatesAreToldApart(t *testing.T) {
	other := netip.MustParseAddr("192.0.2.8")
	s, media := startServer(t, func(c *Config) { c.Peers = func() []netip.Addr { return []netip.Addr{advertised, other} } })
	relay := allocate(t, s, "udp", "ann")
	echoes(t, relay, netip.AddrPortFrom(advertised, media.Port()), "first")
	echoes(t, relay, netip.AddrPortFrom(other, media.Port()), "second")
	echoes(t, relay, netip.AddrPortFrom(advertised, media.Port()), "first again")
}

func TestNames(t *testing.T) {
	a, b := &net.UDPAddr{Port: 1}, &net.UDPAddr{Port: 2}
	message := func(kind uint16, id byte) []byte {
		m := stunFrame(0, 0)
		m[0], m[1], m[19] = byte(kind>>8), byte(kind), id
		return m
	}
	var n names
	if n.of([]byte("media")) != nil {
		t.Error("a name before anything was sent")
	}
	n.sent(message(bindingRequest, 1), a)
	n.sent(message(bindingRequest, 2), b)
	if n.of(message(bindingSuccess, 1)) != a || n.of(message(bindingError, 2)) != b {
		t.Error("answers are not told apart")
	}
	if n.of([]byte("media")) != b {
		t.Error("without media of the client, the last checked name is as good as any")
	}
	n.sent([]byte{0x80, 1, 2, 3}, a)
	if n.of([]byte("media")) != a || n.of(message(bindingSuccess, 2)) != b {
		t.Error("media comes from another name than it went to")
	}
	for id := range byte(maxChecks) {
		n.sent(message(bindingRequest, 100+id), b)
	}
	if n.of(message(bindingSuccess, 1)) != a { // as media: the check is forgotten
		t.Error("an old check is not forgotten")
	}
}

func TestNoOpenRelay(t *testing.T) {
	s, media := startServer(t, nil)
	victim, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer victim.Close()
	for name, peer := range map[string]netip.AddrPort{
		"loopback":       victim.LocalAddr().(*net.UDPAddr).AddrPort(),
		"private":        netip.MustParseAddrPort("10.0.0.1:53"),
		"public":         netip.MustParseAddrPort("198.51.100.1:443"),
		"mapped":         netip.MustParseAddrPort("[::ffff:127.0.0.1]:22"),
		"link local":     netip.MustParseAddrPort("169.254.169.254:80"),
		"our other port": netip.AddrPortFrom(advertised, media.Port()^1),
	} {
		t.Run(name, func(t *testing.T) {
			relay := allocate(t, s, "udp", "eve-"+strings.ReplaceAll(name, " ", "-"))
			before := s.Stats()
			// The permission is refused, or the packet for its port.
			_, _ = relay.WriteTo([]byte("attack"), net.UDPAddrFromAddrPort(peer))
			waitFor(t, "nothing was refused", func() bool { return s.Stats().Refused[RefusedPeer] > before.Refused[RefusedPeer] })
			if s.Stats().Up != before.Up {
				t.Error("a packet was relayed")
			}
		})
	}
	_ = victim.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
	if n, _, err := victim.ReadFrom(make([]byte, 100)); err == nil {
		t.Errorf("the victim got %d bytes", n)
	}
}

func TestCredentials(t *testing.T) {
	var passed atomic.Int64 // ns
	s, media := startServer(t, func(c *Config) {
		c.Now = func() time.Time { return time.Now().Add(time.Duration(passed.Load())) }
		c.Lifetime = time.Hour
	})
	username, password := s.Credentials("a:nn")
	if _, user, ok := splitUsername(username); !ok || user != "a_nn" {
		t.Errorf("name %q is of user %q", username, user)
	}
	later := strings.Replace(username, username[:10], "9999999999", 1)
	for name, c := range map[string]struct{ username, password string }{
		"wrong password": {username, password + "x"},
		"made later":     {later, password},
		"no time":        {"ann", password},
		"no user":        {username[:11], password},
		"empty":          {"", ""},
	} {
		if _, err := client(t, s, "udp", c.username, c.password).Allocate(); err == nil {
			t.Errorf("%s: allocated", name)
		}
	}
	if n := s.Stats().Refused[RefusedCredentials]; n == 0 {
		t.Error("nothing counted")
	}

	// What was opened in time lives on.
	relay, err := client(t, s, "udp", username, password).Allocate()
	if err != nil {
		t.Fatal(err)
	}
	defer relay.Close()
	passed.Store(int64(2 * time.Hour))
	echoes(t, relay, netip.AddrPortFrom(advertised, media.Port()), "a long meeting")
	if _, err := client(t, s, "udp", username, password).Allocate(); err == nil {
		t.Error("allocated with expired credentials")
	}
	if s.Stats().Refused[RefusedExpired] == 0 {
		t.Error("expired credentials are not counted")
	}
}

func TestQuotas(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(*Config)
		users  []string
		why    Refusal
	}{
		"user":    {func(c *Config) { c.MaxPerUser = 1 }, []string{"ann", "ann"}, RefusedUser},
		"address": {func(c *Config) { c.MaxPerIP = 1 }, []string{"ann", "bob"}, RefusedIP},
		"server":  {func(c *Config) { c.MaxAllocations = 1 }, []string{"ann", "bob"}, RefusedFull},
	} {
		t.Run(name, func(t *testing.T) {
			s, _ := startServer(t, tc.change)
			first := allocate(t, s, "udp", tc.users[0])
			username, password := s.Credentials(tc.users[1])
			if _, err := client(t, s, "udp", username, password).Allocate(); err == nil {
				t.Error("allocated beyond the quota")
			}
			if s.Stats().Refused[tc.why] == 0 {
				t.Errorf("not counted: %+v", s.Stats())
			}
			// A place that is given back can be taken.
			if err := first.Close(); err != nil {
				t.Fatal(err)
			}
			waitFor(t, "the place is not given back", func() bool { return s.Stats().Allocations == 0 })
			allocate(t, s, "udp", tc.users[1])
		})
	}
}

func TestConnectionsEndWithTheServer(t *testing.T) {
	s, _ := startServer(t, nil)
	allocate(t, s, "tcp", "ann")
	idle, err := net.Dial("tcp", net.JoinHostPort("127.0.0.1", portText(s.TLSPort())))
	if err != nil {
		t.Fatal(err)
	}
	defer idle.Close()
	waitFor(t, "two connections", func() bool { return s.Stats().Connections == 2 })
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	_ = idle.SetReadDeadline(time.Now().Add(patience))
	if _, err := idle.Read(make([]byte, 1)); err == nil || isTimeout(err) {
		t.Errorf("the connection is still open: %v", err)
	}
}

func isTimeout(err error) bool {
	e, ok := err.(net.Error)
	return ok && e.Timeout()
}

func TestConfig(t *testing.T) {
	media := netip.MustParseAddrPort("127.0.0.1:10000")
	for name, c := range map[string]Config{
		"no media port":  {Address: "127.0.0.1:0"},
		"no certificate": {TLSAddress: "127.0.0.1:0", Media: media},
		"no port":        {Address: "127.0.0.1", Media: media},
	} {
		if s, err := New(c); err == nil {
			t.Errorf("%s: started", name)
			s.Close()
		}
	}
}
