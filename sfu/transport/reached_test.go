package transport

import (
	"encoding/binary"
	"io"
	"net"
	"strconv"
	"testing"
	"time"

	"github.com/pion/stun/v4"
)

// TestAnswersWhoOnlyAsks: a Binding request of nobody is told where it came from,
// over UDP and over TCP, and nothing else happens.
func TestAnswersWhoOnlyAsks(t *testing.T) {
	p := openPort(t, nil)
	for _, network := range []string{"udp", "tcp"} {
		conn, err := net.Dial(network, net.JoinHostPort("127.0.0.1", strconv.Itoa(p.number())))
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
		ask, err := stun.Build(stun.BindingRequest, stun.TransactionID)
		if err != nil {
			t.Fatal(err)
		}
		reply := make([]byte, 200)
		n := 0
		if network == "udp" {
			_, _ = conn.Write(ask.Raw)
			n, err = conn.Read(reply)
		} else {
			_, _ = conn.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(ask.Raw))), ask.Raw...))
			var head [2]byte
			if _, err = io.ReadFull(conn, head[:]); err == nil {
				n = int(binary.BigEndian.Uint16(head[:]))
				_, err = io.ReadFull(conn, reply[:n])
			}
		}
		if err != nil {
			t.Fatalf("%s: %v", network, err)
		}
		m := &stun.Message{Raw: reply[:n]}
		var mapped stun.XORMappedAddress
		if err := m.Decode(); err != nil {
			t.Fatal(err)
		}
		if err := mapped.GetFrom(m); err != nil || mapped.String() != conn.LocalAddr().String() || m.TransactionID != ask.TransactionID {
			t.Errorf("%s: answered %v (%v), came from %v", network, mapped, err, conn.LocalAddr())
		}
		if err := stun.Fingerprint.Check(m); err != nil {
			t.Errorf("%s: %v", network, err)
		}
		if n > 3*len(ask.Raw) {
			t.Errorf("an answer of %d bytes to %d would amplify", n, len(ask.Raw))
		}
	}
	if s := p.Stats(); s.Drops != [Drops]uint64{} {
		t.Errorf("dropped %v", s.Drops)
	}
}
