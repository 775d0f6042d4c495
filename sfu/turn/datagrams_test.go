package turn

import (
	"net"
	"net/netip"
	"runtime"
	"testing"
	"time"
)

// TestAnswersFromTheAddressAsked: a machine has several addresses, here 127.0.0.1
// and 127.0.0.2, and answers from the one that was asked.
func TestAnswersFromTheAddressAsked(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux tells the address")
	}
	for _, listen := range []string{"0.0.0.0:0", "[::]:0"} {
		c, err := net.ListenPacket("udp", listen)
		if err != nil {
			t.Fatal(err)
		}
		d := newDatagrams(c)
		defer d.Close()
		for _, ours := range []string{"127.0.0.1", "127.0.0.2"} {
			asker, err := net.DialUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 3)}, &net.UDPAddr{IP: net.ParseIP(ours), Port: portOf(d.LocalAddr())})
			if err != nil {
				t.Fatal(err)
			}
			defer asker.Close()
			if _, err := asker.Write([]byte("?")); err != nil {
				t.Fatal(err)
			}
			b := make([]byte, 10)
			_, from, err := d.ReadFrom(b)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := d.WriteTo([]byte("!"), from); err != nil {
				t.Fatal(err)
			}
			_ = asker.SetReadDeadline(time.Now().Add(patience))
			if _, err := asker.Read(b); err != nil { // a connected socket takes it from ours only
				t.Errorf("%s, asked at %s: %v", listen, ours, err)
			}
		}
	}
}

func TestForgetsOldClients(t *testing.T) {
	d := &datagrams{asked: make(map[netip.AddrPort]netip.Addr)}
	ours := netip.MustParseAddr("192.0.2.1")
	client := func(i int) netip.AddrPort {
		return netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}), 1)
	}
	for i := range 3 * maxRemembered {
		d.remember(client(i), ours)
	}
	if n := len(d.asked) + len(d.old); n > 2*maxRemembered {
		t.Errorf("%d remembered", n)
	}
	if d.recall(client(3*maxRemembered-1)) != ours || d.recall(client(0)).IsValid() {
		t.Error("the wrong ones are forgotten")
	}
}
