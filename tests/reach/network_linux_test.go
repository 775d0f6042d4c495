package reach

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/meetcast/meetcast/internal/unittest"
	"github.com/meetcast/meetcast/tests/testkit"
)

// The networks of TestNetwork:
//
//	client                      router                         server
//	203.0.113.50, 2001:db8:1::50  203.0.113.1 → 10.88.0.1 ──── 10.88.0.2, 2001:db8:2::2
//
// The router translates two ports of 203.0.113.1 to the server, as a container's
// host does: that of the pages and that of media. IPv6 is routed. The client has
// no way to 10.88.0.2.
const (
	publicIP  = "203.0.113.1"
	publicIP6 = "2001:db8:2::2"
	pagePort  = 8443
	mediaPort = 10000
)

// insideName is the environment variable that tells the test binary that it runs
// in the client's network, and its names.
const insideName = "REACH_NETWORKS"

// networks are the names of the namespaces.
type networks struct{ client, router, server string }

// TestNetwork builds networks in namespaces and runs TestInside in the client's.
func TestNetwork(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("networks need root")
	}
	ip := unittest.Program(t, "ip", "ip")
	unittest.Program(t, "nft", "nft")
	n := networks{fmt.Sprintf("mc-c-%d", os.Getpid()), fmt.Sprintf("mc-r-%d", os.Getpid()), fmt.Sprintf("mc-s-%d", os.Getpid())}
	for _, name := range []string{n.client, n.router, n.server} {
		if out, err := exec.Command(ip, "netns", "add", name).CombinedOutput(); err != nil {
			t.Skipf("this machine allows no network namespaces: %v: %s", err, out)
		}
		t.Cleanup(func() { _ = exec.Command(ip, "netns", "del", name).Run() })
	}
	n.build(t)
	inside := exec.Command(ip, "netns", "exec", n.client, os.Args[0], "-test.run=^TestInside$", "-test.v", "-test.timeout=6m")
	inside.Env = append(os.Environ(), insideName+"="+n.client+" "+n.router+" "+n.server, testkit.BinaryName+"="+testkit.Binary(t))
	out, err := inside.CombinedOutput()
	t.Logf("inside:\n%s", out)
	if err != nil {
		t.Errorf("inside: %v", err)
	}
}

func (n networks) build(t *testing.T) {
	t.Helper()
	for _, line := range []string{
		"link add mcc netns " + n.client + " type veth peer name mcrc netns " + n.router,
		"link add mcs netns " + n.server + " type veth peer name mcrs netns " + n.router,
	} {
		must(t, "ip", strings.Fields(line)...)
	}
	for name, lines := range map[string][]string{
		n.client: {"link set lo up", "addr add 203.0.113.50/24 dev mcc", "-6 addr add 2001:db8:1::50/64 dev mcc nodad", "link set mcc up",
			"route add default via 203.0.113.1", "-6 route add default via 2001:db8:1::1"},
		n.server: {"link set lo up", "addr add 10.88.0.2/24 dev mcs", "-6 addr add 2001:db8:2::2/64 dev mcs nodad", "link set mcs up",
			"route add default via 10.88.0.1", "-6 route add default via 2001:db8:2::1"},
		n.router: {"link set lo up", "addr add 203.0.113.1/24 dev mcrc", "addr add 10.88.0.1/24 dev mcrs",
			"-6 addr add 2001:db8:1::1/64 dev mcrc nodad", "-6 addr add 2001:db8:2::1/64 dev mcrs nodad", "link set mcrc up", "link set mcrs up"},
	} {
		for _, line := range lines {
			must(t, "ip", append([]string{"-n", name}, strings.Fields(line)...)...)
		}
	}
	n.in(t, n.router, "sysctl", "-qw", "net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1")
	n.in(t, n.router, "nft", fmt.Sprintf(`table ip nat { chain pre {
		type nat hook prerouting priority -100;
		iifname "mcrc" ip daddr %[1]s tcp dport { %[2]d, %[3]d } dnat to 10.88.0.2
		iifname "mcrc" ip daddr %[1]s udp dport %[3]d dnat to 10.88.0.2
	}
}`, publicIP, pagePort, mediaPort))
	n.in(t, n.client, "ip", "route", "replace", "unreachable", "10.88.0.0/24")
}

// in runs a command in a network.
func (n networks) in(t *testing.T, network string, args ...string) {
	t.Helper()
	must(t, "ip", append([]string{"netns", "exec", network}, args...)...)
}

func must(t *testing.T, program string, args ...string) {
	t.Helper()
	if out, err := exec.Command(program, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s %s: %v: %s", program, strings.Join(args, " "), err, out)
	}
}

// TestInside runs in the client's network. The firewall lets less and less
// through, and media takes the next way.
func TestInside(t *testing.T) {
	names := strings.Fields(os.Getenv(insideName))
	if len(names) != 3 {
		t.Skip("TestNetwork runs it")
	}
	n := networks{names[0], names[1], names[2]}
	server := testkit.StartServer(t, testkit.ServerOptions{
		Host: publicIP, HTTPPort: pagePort, RTCPort: mediaPort, TLS: testkit.NewCertificate(t, publicIP),
		Command: []string{"ip", "netns", "exec", n.server},
		Env: map[string]string{"MEETCAST_RTC_ADVERTISED_IPS": publicIP + "," + publicIP6, "MEETCAST_RTC_LOOPBACK": "false",
			"MEETCAST_TURN_ADDRESS": ":3478", "MEETCAST_TURN_TLS_ADDRESS": ":5349"},
	})
	room := server.CreateRoom(t, "network")
	const noIPv6 = "meta nfproto ipv6 drop"
	media := fmt.Sprint(mediaPort)
	for _, c := range []struct {
		name  string
		block []string // rules of the router
		path  string
		ill   []string // lines of the doctor
	}{
		{"one mapped port", []string{noIPv6}, "/-/udp/" + publicIP, []string{"ok media UDP", "ok media TCP", "warn relay UDP", "ok relay TLS"}},
		{"no UDP", []string{noIPv6, "meta l4proto udp drop"}, "/-/tcp/" + publicIP, []string{"warn media UDP", "ok media TCP", "ok relay TLS"}},
		{"pages only", []string{noIPv6, "meta l4proto udp drop", "tcp dport " + media + " drop"}, "relay/tls/", []string{"warn media UDP", "warn media TCP", "ok relay TLS"}},
		{"IPv6", []string{"ip daddr " + publicIP + " udp dport " + media + " drop", "ip daddr " + publicIP + " tcp dport " + media + " drop"}, "/-/udp/" + publicIP6,
			[]string{"warn media UDP", "ok media UDP IPv6", "ok media TCP IPv6"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			n.block(t, c.block)
			camera := annCamera
			trusting := map[string]any{"ignore-certificate-errors": true}
			ann := testkit.StartBrowser(t, testkit.BrowserOptions{Camera: &camera, Script: watchPeers, Flags: trusting})
			ann.Open(room.JoinURL(room.Token, "Ann"))
			takes(t, ann, c.path)
			bob := testkit.StartBrowser(t, testkit.BrowserOptions{Script: watchPeers, Flags: trusting})
			bob.Open(room.JoinURL(room.Invite(t, false), "Bob"))
			takes(t, bob, c.path)
			bob.Sees(patience, testkit.TileOf("Ann", "camera"), annCamera)
			out, ok := doctor(t, server.URL, "--insecure", "--token", room.Token)
			if !ok {
				t.Error("the doctor finds it ill")
			}
			mustSay(t, out, c.ill...)
			for _, b := range []*testkit.Browser{ann, bob} {
				b.Click(testkit.Control("leave"))
				b.WaitFor(patience, testkit.Control("ended"))
			}
		})
	}
}

// block lets the router drop what rules say, before it translates.
func (n networks) block(t *testing.T, rules []string) {
	t.Helper()
	n.in(t, n.router, "nft", "add table inet wall; delete table inet wall; table inet wall { chain pre { type filter hook prerouting priority -150\n"+
		strings.Join(rules, "\n")+"\n}\n}")
}
