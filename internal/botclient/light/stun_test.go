package light

import (
	"errors"
	"net/netip"
	"testing"
)

func TestSTUN(t *testing.T) {
	id := transaction{1, 2, 3}
	request := check{id: id, user: "them:us", password: "theirs", priority: 7, tiebreaker: 9}.appendTo(nil)
	// The server reads it: for it, "ours" is the password it gave out.
	m, err := parseSTUN(request, "theirs", "ours")
	if err != nil || m.kind != bindingRequest || m.id != id || m.user != "them:us" {
		t.Fatalf("request: %+v, %v", m, err)
	}
	for name, addr := range map[string]string{"IPv4": "192.0.2.1:5", "IPv6": "[2001:db8::1]:6"} {
		answer := appendSuccess(nil, id, netip.MustParseAddrPort(addr), "theirs")
		if m, err := parseSTUN(answer, "ours", "theirs"); err != nil || m.kind != bindingSuccess || m.id != id {
			t.Errorf("%s: %+v, %v", name, m, err)
		}
		if _, err := parseSTUN(answer, "ours", "wrong"); !errors.Is(err, errNotSTUN) {
			t.Errorf("%s: taken with the wrong password: %v", name, err)
		}
		answer[len(answer)-40] ^= 1
		if _, err := parseSTUN(answer, "ours", "theirs"); !errors.Is(err, errNotSTUN) {
			t.Errorf("%s: taken after a change: %v", name, err)
		}
	}
}

// The sample request of RFC 5769 §2.1, whose password is known.
func TestSTUNVector(t *testing.T) {
	const password = "VOkJxbRl1RmTxUk/WvJxBt"
	request := []byte{
		0x00, 0x01, 0x00, 0x58, 0x21, 0x12, 0xa4, 0x42, 0xb7, 0xe7, 0xa7, 0x01, 0xbc, 0x34, 0xd6, 0x86, 0xfa, 0x87, 0xdf, 0xae,
		0x80, 0x22, 0x00, 0x10, 0x53, 0x54, 0x55, 0x4e, 0x20, 0x74, 0x65, 0x73, 0x74, 0x20, 0x63, 0x6c, 0x69, 0x65, 0x6e, 0x74,
		0x00, 0x24, 0x00, 0x04, 0x6e, 0x00, 0x01, 0xff, 0x80, 0x29, 0x00, 0x08, 0x93, 0x2f, 0xf9, 0xb1, 0x51, 0x26, 0x3b, 0x36,
		0x00, 0x06, 0x00, 0x09, 0x65, 0x76, 0x74, 0x6a, 0x3a, 0x68, 0x36, 0x76, 0x59, 0x20, 0x20, 0x20,
		0x00, 0x08, 0x00, 0x14, 0x9a, 0xea, 0xa7, 0x0c, 0xbf, 0xd8, 0xcb, 0x56, 0x78, 0x1e, 0xf2, 0xb5, 0xb2, 0xd3, 0xf2, 0x49, 0xc1, 0xb5, 0x71, 0xa2,
		0x80, 0x28, 0x00, 0x04, 0xe5, 0x7a, 0x3b, 0xcf,
	}
	m, err := parseSTUN(request, password, "")
	if err != nil || m.user != "evtj:h6vY" {
		t.Errorf("%+v, %v", m, err)
	}
}

func FuzzSTUN(f *testing.F) {
	f.Add(check{user: "a:b", password: "p"}.appendTo(nil))
	f.Add(appendSuccess(nil, transaction{}, netip.MustParseAddrPort("192.0.2.1:5"), "p"))
	f.Add([]byte{0, 1, 0, 4, 0x21, 0x12, 0xa4, 0x42, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 8, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, b []byte) { _, _ = parseSTUN(b, "p", "p") })
}
