package netio

import (
	"net"
	"strconv"
	"testing"
)

func TestOpenSharesOneNumber(t *testing.T) {
	s, err := Open(Config{TCP: true})
	if err != nil {
		t.Fatal(err)
	}
	if got := s.TCP.Addr().(*net.TCPAddr).Port; got != s.Port() || got == 0 {
		t.Fatalf("TCP on %d, UDP on %d", got, s.Port())
	}
	if _, err := Open(Config{Port: s.Port()}); err == nil {
		t.Fatal("one port was opened twice")
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatalf("second close: %v", err)
	}
}

func TestOpenFailsWholly(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	port := l.Addr().(*net.TCPAddr).Port
	if _, err := Open(Config{IP: "127.0.0.1", Port: port, TCP: true}); err == nil {
		t.Fatal("opened a port whose TCP side is taken")
	}
	// The UDP side must not stay behind.
	c, err := net.ListenPacket("udp", "127.0.0.1:"+strconv.Itoa(port))
	if err != nil {
		t.Fatal(err)
	}
	_ = c.Close()
}
