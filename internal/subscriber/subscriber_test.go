package subscriber

import (
	"net"
	"net/netip"
	"testing"
)

func TestOfRemote(t *testing.T) {
	for remote, want := range map[string]string{
		"192.0.2.1:1":               "192.0.2.1/32",
		"[::ffff:192.0.2.1]:3":      "192.0.2.1/32",
		"[2001:db8::1]:1":           "2001:db8::/64",
		"[2001:db8::ffff:1]:2":      "2001:db8::/64",
		"[2001:db8:0:1::1]:1":       "2001:db8:0:1::/64",
		"[fe80::1%eth0]:1":          "fe80::/64",
		"nowhere":                   "invalid Prefix",
		"":                          "invalid Prefix",
		"198.51.100.7:not-a-number": "invalid Prefix",
	} {
		if got := OfRemote(remote).String(); got != want {
			t.Errorf("%s is of %s, want %s", remote, got, want)
		}
	}
}

func TestOfAddr(t *testing.T) {
	want := netip.MustParsePrefix("2001:db8::/64")
	for _, a := range []net.Addr{&net.UDPAddr{IP: net.ParseIP("2001:db8::1")}, &net.TCPAddr{IP: net.ParseIP("2001:db8::2"), Zone: "eth0"}} {
		if got := OfAddr(a); got != want {
			t.Errorf("%v is of %v, want %v", a, got, want)
		}
	}
	if got := OfAddr(&net.UDPAddr{IP: net.IPv4(192, 0, 2, 1)}); got != netip.MustParsePrefix("192.0.2.1/32") {
		t.Errorf("an IPv4 address is of %v", got)
	}
	for _, a := range []net.Addr{nil, &net.UDPAddr{}, &net.UnixAddr{Name: "x"}} {
		if got := OfAddr(a); got.IsValid() {
			t.Errorf("%v is of %v", a, got)
		}
	}
}
