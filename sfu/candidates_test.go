package sfu

import (
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/meetcast/meetcast/sfu/jsep"
)

func TestCandidates(t *testing.T) {
	machine := []netip.Addr{netip.MustParseAddr("127.0.0.1"), netip.MustParseAddr("::1"), netip.MustParseAddr("192.0.2.1"),
		netip.MustParseAddr("fe80::1"), netip.MustParseAddr("2001:db8::1"), netip.MustParseAddr("::ffff:192.0.2.1")}
	for name, c := range map[string]struct {
		cfg  Config
		want []string
	}{
		"all":               {Config{}, []string{"192.0.2.1", "2001:db8::1"}},
		"loopback":          {Config{Loopback: true}, []string{"127.0.0.1", "192.0.2.1", "2001:db8::1"}},
		"advertised":        {Config{AdvertisedIPs: []string{"198.51.100.7", "2001:db8::7"}}, []string{"198.51.100.7", "2001:db8::7"}},
		"advertised, local": {Config{AdvertisedIPs: []string{"198.51.100.7"}, Loopback: true}, []string{"198.51.100.7", "127.0.0.1"}},
		"bound":             {Config{BindIP: "192.0.2.1"}, []string{"192.0.2.1"}},
		"bound to IPv4":     {Config{BindIP: "0.0.0.0"}, []string{"192.0.2.1"}},
		"bound to IPv6":     {Config{BindIP: "::", Loopback: true}, []string{"2001:db8::1"}},
	} {
		cs := candidates{cfg: c.cfg, port: 4000, tcp: true}
		var got []string
		priorities := map[string]bool{}
		lines := cs.build(machine)
		for i, l := range lines {
			if err := jsep.CheckCandidate(l); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			f := strings.Fields(l)
			if tcp := i >= len(lines)/2; tcp != (f[2] == "tcp") || tcp != strings.HasSuffix(l, "tcptype passive") || f[5] != "4000" {
				t.Errorf("%s: %q", name, l)
			}
			if f[2] == "udp" {
				got = append(got, f[4])
			}
			priorities[f[3]] = true
		}
		if !slices.Equal(got, c.want) || len(priorities) != len(lines) {
			t.Errorf("%s: %v", name, lines)
		}
	}
	if udpPriority(100) <= tcpPriority(0) {
		t.Error("TCP comes before UDP")
	}
	if (&candidates{port: 1}).build(machine)[0] != "1 1 udp 2130706431 192.0.2.1 1 typ host" {
		t.Error("first candidate")
	}
}
