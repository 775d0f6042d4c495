package transport

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"net"
	"strconv"
	"testing"
	"time"

	"github.com/pion/rtp"

	"github.com/meetcast/meetcast/internal/unittest"
)

func FuzzFrame(f *testing.F) {
	f.Add([]byte{0, 3, 1, 2, 3, 0, 0, 0, 1, 9})
	f.Add([]byte{0xFF, 0xFF, 1})
	f.Add([]byte{0})
	f.Fuzz(func(t *testing.T, b []byte) {
		r, buf := bufio.NewReaderSize(bytes.NewReader(b), 16), make([]byte, 64)
		var back []byte
		for {
			p, err := readFrame(r, buf)
			if err != nil {
				return
			}
			if len(p) == 0 || len(p) > len(buf) {
				t.Fatalf("frame of %d bytes", len(p))
			}
			back = binary.BigEndian.AppendUint16(back, uint16(len(p)))
			if back = append(back, p...); len(back) > len(b) {
				t.Fatal("more than there was")
			}
		}
	})
}

func dialTCP(t testing.TB, p *Port) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", "127.0.0.1:"+strconv.Itoa(p.number()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func TestUnprovenTCPIsBounded(t *testing.T) {
	p := openPort(t, nil)
	for range maxUnprovenEach + 5 {
		dialTCP(t, p)
	}
	unittest.Until(t, "refusals", func() bool { return p.Stats().Drops[DropConnections] == 5 })
	if s := p.Stats(); s.TCP != maxUnprovenEach {
		t.Fatalf("%+v", s)
	}
}

// Media and nonsense on a connection that has proved nothing go nowhere, and a frame
// that is too long ends it.
func TestHostileTCP(t *testing.T) {
	p := openPort(t, nil)
	c := dialTCP(t, p)
	packet := rtpPacket(1, 2, 3)
	frame := append([]byte{0, byte(len(packet))}, packet...)
	frame = append(frame, 0, 0, 0, 1, 200)
	if _, err := c.Write(append(frame, 0xFF, 0xFF)); err != nil {
		t.Fatal(err)
	}
	if err := c.SetReadDeadline(time.Now().Add(5 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Read(make([]byte, 1)); err == nil {
		t.Fatal("an answer")
	}
	s := p.Stats()
	if s.Drops[DropStranger] != 1 || s.Drops[DropMalformed] != 1 || s.Drops[DropConnections] != 1 {
		t.Fatalf("%+v", s)
	}
	unittest.Until(t, "end of the connection", func() bool { return p.Stats().TCP == 0 })
}

// A client that reads nothing loses packets and delays nobody.
func TestSlowTCPDrops(t *testing.T) {
	p := openPort(t, nil)
	c, _ := newTestConn(t, p)
	far := newBare(t, p, c)
	far.tcp = dialTCP(t, p)
	far.check(t, true)
	c.mu.Lock()
	pa := c.nominated
	c.mu.Unlock()
	if pa == nil || pa.tcp == nil {
		t.Fatal("not nominated")
	}
	installTest(t, c)
	h := rtp.Header{Version: 2, SSRC: 1}
	payload := make([]byte, 1000)
	for range 64 * tcpQueue / 1000 {
		h.SequenceNumber++
		if _, err := c.WriteRTP(&h, payload); err != nil {
			t.Fatal(err)
		}
		if c.Stats().Drops[DropQueue] > 0 {
			break
		}
	}
	if c.Stats().Drops[DropQueue] == 0 {
		t.Fatal("nothing was dropped")
	}
	pa.tcp.mu.Lock()
	defer pa.tcp.mu.Unlock()
	if n := len(pa.tcp.queue); n > tcpQueue {
		t.Fatalf("%d bytes wait", n)
	}
}
