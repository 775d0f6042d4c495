package transport

import (
	"crypto/rand"
	"encoding/binary"
	"net"
	"testing"
	"time"

	"github.com/pion/ice/v4"
	"github.com/pion/stun/v4"
)

// bare is a peer that does what a test says, packet by packet.
type bare struct {
	conn     *Conn
	udp      *net.UDPConn
	tcp      net.Conn // instead, if set
	local    Parameters
	remote   Remote
	priority uint32
}

// newBare tells a connection about a peer on a socket of its own.
func newBare(t testing.TB, p *Port, c *Conn) *bare {
	t.Helper()
	b := &bare{conn: c, local: c.Local(), priority: 100, remote: Remote{Ufrag: "theirs", Pwd: "0123456789012345678901",
		Fingerprints: []Fingerprint{{"sha-256", "00:11"}}}}
	if err := c.SetRemote(b.remote); err != nil {
		t.Fatal(err)
	}
	c.mu.Lock()
	c.handshake = nil // it does no DTLS: see installTest
	c.mu.Unlock()
	b.move(t, p)
	return b
}

// move takes another socket, as a phone does another network.
func (b *bare) move(t testing.TB, p *Port) *net.UDPConn {
	t.Helper()
	old := b.udp
	c, err := net.DialUDP("udp", nil, &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: p.number()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	b.udp = c
	return old
}

// restart takes new credentials on both sides.
func (b *bare) restart(t testing.TB, ufrag string) {
	t.Helper()
	b.local, b.remote.Ufrag = b.conn.Restart(), ufrag
	if err := b.conn.SetRemote(b.remote); err != nil {
		t.Fatal(err)
	}
}

// check sends a request and returns the answer's type; it must come.
func (b *bare) check(t testing.TB, use bool, more ...stun.Setter) stun.MessageType {
	t.Helper()
	if use {
		more = append(more, ice.UseCandidate())
	}
	setters := append([]stun.Setter{stun.BindingRequest, stun.TransactionID, stun.NewUsername(b.local.Ufrag + ":" + b.remote.Ufrag),
		ice.PriorityAttr(b.priority)}, more...)
	m, err := stun.Build(append(setters, stun.NewShortTermIntegrity(b.local.Pwd), stun.Fingerprint)...)
	if err != nil {
		t.Fatal(err)
	}
	b.write(t, m.Raw)
	answer := &stun.Message{Raw: b.read(t)}
	for classify(answer.Raw) != kindSTUN { // media that was on its way
		answer.Raw = b.read(t)
	}
	if err := answer.Decode(); err != nil {
		t.Fatal(err)
	}
	if err := answer.Check(stun.NewShortTermIntegrity(b.local.Pwd)); err != nil || answer.TransactionID != m.TransactionID {
		t.Fatalf("%v: %v", answer, err)
	}
	return answer.Type
}

func (b *bare) write(t testing.TB, p []byte) {
	t.Helper()
	var err error
	if b.tcp != nil {
		_, err = b.tcp.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(p))), p...))
	} else {
		_, err = b.udp.Write(p)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func (b *bare) read(t testing.TB) []byte {
	t.Helper()
	var c net.Conn = b.udp
	if b.tcp != nil {
		c = b.tcp
	}
	return readOne(t, c, b.tcp != nil)
}

func readOne(t testing.TB, c net.Conn, framed bool) []byte {
	t.Helper()
	if err := c.SetReadDeadline(time.Now().Add(5 * time.Second)); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 2048)
	n, err := c.Read(buf)
	if err != nil {
		t.Fatal(err)
	}
	if framed {
		return buf[2:n]
	}
	return buf[:n]
}

// installTest gives a connection keys as if it had shaken hands.
func installTest(t testing.TB, c *Conn) {
	t.Helper()
	material := make([]byte, profileGCM.material())
	_, _ = rand.Read(material)
	aead, err := newAEAD(material[:16])
	if err != nil {
		t.Fatal(err)
	}
	if err := c.install(profileGCM, material, &session{local: aead, remote: aead, began: time.Now()}, Server); err != nil {
		t.Fatal(err)
	}
	c.look(time.Now())
}
