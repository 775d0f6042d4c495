package transport

import (
	"bytes"
	"net/netip"
	"testing"

	"github.com/pion/ice/v4"
	"github.com/pion/stun/v4"
)

// stunRequest is what pion would send.
func stunRequest(t testing.TB, user, pwd string, more ...stun.Setter) []byte {
	t.Helper()
	setters := append([]stun.Setter{stun.BindingRequest, stun.TransactionID, stun.NewUsername(user)}, more...)
	m, err := stun.Build(append(setters, ice.PriorityAttr(77), stun.NewShortTermIntegrity(pwd), stun.Fingerprint)...)
	if err != nil {
		t.Fatal(err)
	}
	return m.Raw
}

func TestParseSTUN(t *testing.T) {
	b := stunRequest(t, "ours:theirs", "password", ice.UseCandidate(), ice.AttrControlling(5))
	r, err := parseSTUN(b)
	if err != nil || string(r.username) != "ours:theirs" || !r.useCandidate || r.controlled || r.priority != 77 || r.unknowns != 0 {
		t.Fatalf("%+v: %v", r, err)
	}
	if !r.authentic(b, "password") || r.authentic(b, "passwort") {
		t.Fatal("integrity")
	}
	for n := range b {
		if _, err := parseSTUN(b[:n]); err == nil {
			t.Fatalf("took %d of %d bytes", n, len(b))
		}
	}
	for i := range r.integrity + 4 + integrityLength { // what follows means nothing
		bad := bytes.Clone(b)
		bad[i] ^= 1
		if r, err := parseSTUN(bad); err == nil && r.authentic(bad, "password") {
			t.Fatalf("took a request changed in byte %d", i)
		}
	}
	b = stunRequest(t, "u", "p", stun.RawAttribute{Type: 0x7001, Value: []byte{1}}, stun.RawAttribute{Type: 0xC057, Value: []byte{1, 2, 3, 4}}, ice.AttrControlled(1))
	if r, err = parseSTUN(b); err != nil || r.unknowns != 1 || r.unknown[0] != 0x7001 || !r.controlled || r.useCandidate {
		t.Fatalf("%+v: %v", r, err)
	}
}

// What follows the signature is not signed, and so must not count.
func TestAttributesAfterIntegrity(t *testing.T) {
	m, err := stun.Build(stun.BindingRequest, stun.TransactionID, stun.NewUsername("u"), stun.NewShortTermIntegrity("p"), ice.UseCandidate(), stun.Fingerprint)
	if err != nil {
		t.Fatal(err)
	}
	if r, err := parseSTUN(m.Raw); err != nil || r.useCandidate || !r.authentic(m.Raw, "p") {
		t.Fatalf("%+v: %v", r, err)
	}
}

func TestAnswer(t *testing.T) {
	for _, address := range []string{"192.0.2.1:4000", "[2001:db8::1]:5000", "[::ffff:192.0.2.1]:6000"} {
		from := netip.MustParseAddrPort(address)
		a := newAnswer(typeSuccess, []byte("123456789012"))
		a.mapped(from)
		m := &stun.Message{Raw: a.sign("password")}
		if err := m.Decode(); err != nil {
			t.Fatal(err)
		}
		var mapped stun.XORMappedAddress
		if err := m.Parse(&mapped); err != nil || mapped.Port != int(from.Port()) || mapped.IP.String() != from.Addr().Unmap().String() {
			t.Fatalf("%v: %v", mapped, err)
		}
		if err := m.Check(stun.NewShortTermIntegrity("password"), stun.Fingerprint); err != nil {
			t.Fatal(err)
		}
		if m.Type != stun.BindingSuccess || string(m.TransactionID[:]) != "123456789012" {
			t.Fatal(m)
		}
	}
}

func FuzzSTUN(f *testing.F) {
	f.Add(stunRequest(f, "ours:theirs", "password", ice.UseCandidate(), ice.AttrControlling(5)))
	f.Add(stunRequest(f, "u", "p", stun.RawAttribute{Type: 0x7001, Value: []byte{1}}))
	f.Add(stunRequest(f, "", "p")[:stunHeader])
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := parseSTUN(b)
		if err != nil {
			return
		}
		r.authentic(b, "password")
		// pion reads what we do.
		m := &stun.Message{Raw: bytes.Clone(b)}
		if err := m.Decode(); err != nil {
			t.Fatal(err)
		}
		if r.authentic(b, "p") != (m.Check(stun.NewShortTermIntegrity("p")) == nil) {
			t.Fatal("pion finds otherwise about the signature")
		}
	})
}

func FuzzClassify(f *testing.F) {
	for _, b := range [][]byte{nil, {0}, {22, 254, 253}, rtpPacket(1, 2, 3), rtcpPacket(5), {0x80, 200}, {127}, {192, 1, 2, 3}} {
		f.Add(b)
	}
	aead, err := newAEAD(make([]byte, 16))
	if err != nil {
		f.Fatal(err)
	}
	s := &session{local: aead, remote: aead}
	f.Add(s.goodbye())
	f.Fuzz(func(t *testing.T, b []byte) {
		k := classify(b)
		if k == kindRTP || k == kindRTCP {
			if b[0]>>6 != 2 {
				t.Fatal("media of another version")
			}
			if n, ok := headerRTP(b); ok && n > len(b) {
				t.Fatal("the header is longer than the packet")
			}
		}
		for _, r := range records(b) {
			s.alert(r)
		}
		(&handshakeConn{}).noteRandom(b)
	})
}
