package transport

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pion/ice/v4"
	"github.com/pion/rtp"
	"github.com/pion/stun/v4"

	"github.com/meetcast/meetcast/internal/unittest"
)

// address is where the connection sends to, as seen from a socket.
func (b *bare) reached(t testing.TB, what string) {
	t.Helper()
	unittest.Until(t, what, func() bool { return b.conn.Stats().Address.String() == b.udp.LocalAddr().String() })
}

func TestChecks(t *testing.T) {
	p := openPort(t, nil)
	c, _ := newTestConn(t, p)
	b := newBare(t, p, c)
	if got := b.check(t, false); got != stun.BindingSuccess {
		t.Fatal(got)
	}
	if s := c.Stats(); s.Network != "" {
		t.Fatalf("nominated without being asked to: %+v", s)
	}
	if got := b.check(t, true, ice.AttrControlled(1)); got != stun.BindingError {
		t.Fatalf("role conflict: %v", got)
	}
	if got := b.check(t, true, stun.RawAttribute{Type: 0x7001}); got != stun.BindingError {
		t.Fatalf("unknown attribute: %v", got)
	}
	if s := c.Stats(); s.Network != "" {
		t.Fatalf("nominated by a refused request: %+v", s)
	}
	b.check(t, true)
	if s := c.Stats(); s.Network != "udp" || s.Address.String() != b.udp.LocalAddr().String() || s.Nominations != 1 {
		t.Fatalf("%+v", s)
	}
}

// Strangers get no answer whatever they send, and are counted.
func TestStrangers(t *testing.T) {
	p := openPort(t, nil)
	c, _ := newTestConn(t, p)
	early := c.Local()
	b := &bare{}
	b.move(t, p)
	request := func(user, pwd string) []byte { return stunRequest(t, user, pwd, ice.UseCandidate()) }
	b.write(t, request(early.Ufrag+":theirs", early.Pwd)) // before SetRemote
	unittest.Until(t, "first drop", func() bool { return p.Stats().Drops[DropUser] == 1 })
	b2 := newBare(t, p, c)
	b.write(t, request("nobody:theirs", early.Pwd))
	b.write(t, request(early.Ufrag+":other", early.Pwd))
	b.write(t, request(early.Ufrag, early.Pwd))
	b.write(t, request(early.Ufrag+":theirs", "wrong"))
	b.write(t, []byte{0, 1, 2, 3})
	b.write(t, []byte{100, 1})
	b.write(t, make([]byte, 1500))
	b.write(t, make([]byte, 9000))
	b.write(t, rtpPacket(1, 2, 3))
	b.write(t, rtcpPacket(1))
	b.write(t, []byte{22, 0xFE, 0xFD})
	b.write(t, newAnswer(typeSuccess, make([]byte, 12)).sign(early.Pwd))
	b2.check(t, false) // the only one that is answered
	unittest.Until(t, "the answer's count", func() bool { return p.Stats().Requests == 1 })
	want := [Drops]uint64{DropUser: 4, DropIntegrity: 1, DropMalformed: 4, DropStranger: 4}
	if s := p.Stats(); s.Drops != want || s.Requests != 1 || s.Addresses != 1 {
		t.Fatalf("%+v", s)
	}
	if err := b.udp.SetReadDeadline(time.Now().Add(20 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	if n, err := b.udp.Read(make([]byte, 100)); err == nil {
		t.Fatalf("%d bytes for a stranger", n)
	}
}

// What a proved address may send before there are keys is counted too.
func TestEarlyMedia(t *testing.T) {
	p := openPort(t, nil)
	c, _ := newTestConn(t, p)
	b := newBare(t, p, c)
	b.check(t, true)
	b.write(t, rtpPacket(1, 2, 3))
	b.write(t, rtcpPacket(1))
	b.write(t, []byte{22, 0xFE, 0xFD})
	unittest.Until(t, "drops", func() bool { return c.Stats().Drops[DropEarly] == 3 })
	if _, err := c.WriteRTP(&rtp.Header{Version: 2}, nil); !errors.Is(err, ErrNotConnected) {
		t.Fatal(err)
	}
	if err := c.WriteRTCP(rtcpPacket(1)); !errors.Is(err, ErrNotConnected) {
		t.Fatal(err)
	}
}

// A peer that moves is followed when its new address proves itself, without a
// restart as well.
func TestMove(t *testing.T) {
	p := openPort(t, nil)
	c, _ := newTestConn(t, p)
	b := newBare(t, p, c)
	b.check(t, true)
	installTest(t, c)
	old := b.move(t, p)
	b.check(t, false)
	if got := c.Stats().Address.String(); got != old.LocalAddr().String() {
		t.Fatalf("sends to %v before it is nominated", got)
	}
	b.check(t, true)
	b.reached(t, "the new address")
	if _, err := c.WriteRTP(&rtp.Header{Version: 2, SSRC: 1}, []byte{1}); err != nil {
		t.Fatal(err)
	}
	if got := b.read(t); classify(got) != kindRTP {
		t.Fatalf("%x", got)
	}
}

// A path of lower priority waits until the better one is not nominated any more:
// agents may nominate all (RFC 5245 §8.1.1.2).
func TestPriority(t *testing.T) {
	p := openPort(t, nil)
	c, _ := newTestConn(t, p)
	b := newBare(t, p, c)
	b.check(t, true)
	old := b.move(t, p)
	b.priority = 50
	b.check(t, true)
	if got := c.Stats().Address.String(); got != old.LocalAddr().String() {
		t.Fatal("took the worse path")
	}
	c.mu.Lock()
	c.nominated.nominated = c.nominated.nominated.Add(-2 * renominate)
	c.mu.Unlock()
	b.check(t, true)
	b.reached(t, "the path that is still nominated")
}

func TestRestart(t *testing.T) {
	p := openPort(t, nil)
	c, r := newTestConn(t, p)
	b := newBare(t, p, c)
	b.check(t, true)
	installTest(t, c)
	r.waitState(t, Connected)
	before := *b
	b.restart(t, "given-up") // one that comes to nothing
	b.restart(t, "theirs-anew")
	if b.local.Ufrag == before.local.Ufrag || b.local.Pwd == before.local.Pwd || b.local.Fingerprint != before.local.Fingerprint {
		t.Fatalf("%+v", b.local)
	}
	before.check(t, true) // the old path is as good as ever
	if _, err := c.WriteRTP(&rtp.Header{Version: 2, SSRC: 1}, []byte{1}); err != nil {
		t.Fatal(err)
	}
	if got := before.read(t); classify(got) != kindRTP {
		t.Fatalf("%x", got)
	}
	b.move(t, p)
	b.priority = 1
	b.check(t, false)
	if got := c.Stats().Address.String(); got != before.udp.LocalAddr().String() {
		t.Fatalf("sends to %v before it is nominated", got)
	}
	b.check(t, true)
	b.reached(t, "the path of the new generation, whatever its priority")
	before.write(t, stunRequest(t, before.local.Ufrag+":theirs", before.local.Pwd))
	unittest.Until(t, "end of the old name", func() bool { return p.Stats().Drops[DropUser] == 1 })
	if got := r.history(); !slices.Equal(got, []State{Connecting, Connected}) {
		t.Fatal(got)
	}
	p.mu.RLock()
	defer p.mu.RUnlock()
	if len(p.users) != 1 {
		t.Fatalf("%d names", len(p.users))
	}
}

// The same against pion's agent, with media.
func TestRestartPion(t *testing.T) {
	p := openPort(t, nil)
	c, r, f := connect(t, p, farConfig{})
	exchange(t, c, r, f)
	local := c.Restart()
	if err := f.agent.Restart("", ""); err != nil {
		t.Fatal(err)
	}
	f.tell(t, c, farConfig{})
	if err := f.agent.SetRemoteCredentials(local.Ufrag, local.Pwd); err != nil {
		t.Fatal(err)
	}
	f.reach(t, p, "udp")
	if err := f.agent.GatherCandidates(); err != nil {
		t.Fatal(err)
	}
	unittest.Until(t, "the new path", func() bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		return len(c.local) == 1 && c.nominated.generation == local.Ufrag
	})
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	for pair, _ := f.agent.GetSelectedCandidatePair(); pair == nil && ctx.Err() == nil; pair, _ = f.agent.GetSelectedCandidatePair() {
		time.Sleep(time.Millisecond)
	}
	exchange(t, c, r, f)
	if got := r.history(); !slices.Equal(got, []State{Connecting, Connected}) {
		t.Fatal(got)
	}
}

// A member cannot take the address of another one that is there.
func TestTakenAddress(t *testing.T) {
	p := openPort(t, nil)
	c1, _ := newTestConn(t, p)
	b1 := newBare(t, p, c1)
	b1.check(t, true)
	c2, _ := newTestConn(t, p)
	b2 := newBare(t, p, c2)
	b2.udp = b1.udp
	b2.write(t, stunRequest(t, b2.local.Ufrag+":theirs", b2.local.Pwd, ice.UseCandidate()))
	unittest.Until(t, "refusal", func() bool { return c2.Stats().Drops[DropTaken] == 1 })
	c1.heard.Store(time.Now().Add(-2 * takeover).UnixNano())
	b2.check(t, true)
	b2.reached(t, "the address of one who is gone")
}

// Addresses of a peer are bounded, and forgotten.
func TestPathsAreBounded(t *testing.T) {
	p := openPort(t, nil)
	c, _ := newTestConn(t, p)
	b := newBare(t, p, c)
	b.check(t, true)
	for range 2 * maxPaths {
		b.move(t, p)
		b.priority = 1
		b.check(t, false)
	}
	c.mu.Lock()
	n, kept := len(c.paths), slices.Contains(c.paths, c.nominated)
	c.mu.Unlock()
	if n != maxPaths || p.Stats().Addresses != maxPaths || !kept {
		t.Fatalf("%d paths, %+v", n, p.Stats())
	}
	c.look(time.Now().Add(time.Hour))
	if s := p.Stats(); s.Addresses != 1 {
		t.Fatalf("%+v", s)
	}
}

// The state follows the time since the peer was heard; without consent nothing is
// sent (RFC 7675 §5.1).
func TestSilence(t *testing.T) {
	p := openPort(t, nil)
	c, r := newTestConn(t, p)
	b := newBare(t, p, c)
	b.check(t, true)
	installTest(t, c)
	ago := func(d time.Duration) {
		c.heard.Store(time.Now().Add(-d).UnixNano())
		c.look(time.Now())
	}
	h := rtp.Header{Version: 2, SSRC: 1}
	r.waitState(t, Connected)
	ago(DefaultDisconnected + time.Second)
	r.waitState(t, Disconnected)
	if _, err := c.WriteRTP(&h, []byte{1}); err != nil {
		t.Fatal(err)
	}
	b.check(t, true)
	r.waitState(t, Connected)
	ago(DefaultFailed + time.Second)
	r.waitState(t, Failed)
	if _, err := c.WriteRTP(&h, []byte{1}); !errors.Is(err, ErrNotConnected) {
		t.Fatal(err)
	}
	b.check(t, true)
	r.waitState(t, Connected)
	if got := r.history(); !slices.Equal(got, []State{Connecting, Connected, Disconnected, Connected, Failed, Connected}) {
		t.Fatal(got)
	}
}

// A peer that never comes fails.
func TestNeverConnects(t *testing.T) {
	p := openPort(t, nil)
	c, r := newTestConn(t, p)
	newBare(t, p, c)
	c.look(time.Now().Add(DefaultFailed + time.Second))
	r.waitState(t, Failed)
}

func TestRemoteCheck(t *testing.T) {
	good := Remote{Ufrag: "abcd", Pwd: strings.Repeat("p", 22), Fingerprints: []Fingerprint{{"sha-256", "00"}}}
	if err := good.check(); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*Remote){
		"short name": func(r *Remote) { r.Ufrag = "abc" }, "long name": func(r *Remote) { r.Ufrag = strings.Repeat("a", 257) },
		"colon": func(r *Remote) { r.Ufrag = "ab:cd" }, "short password": func(r *Remote) { r.Pwd = strings.Repeat("p", 21) },
		"no fingerprint": func(r *Remote) { r.Fingerprints = nil }, "sha-1": func(r *Remote) { r.Fingerprints[0].Algorithm = "sha-1" },
		"role": func(r *Remote) { r.DTLSRole = 5 }, "many": func(r *Remote) { r.Fingerprints = slices.Repeat(r.Fingerprints, 17) },
	} {
		r := good
		r.Fingerprints = slices.Clone(good.Fingerprints)
		change(&r)
		if err := r.check(); !errors.Is(err, ErrParameters) {
			t.Errorf("%s: %v", name, err)
		}
	}
	c, _ := newTestConn(t, openPort(t, nil))
	if err := c.SetRemote(good); err != nil {
		t.Fatal(err)
	}
	good.Fingerprints = []Fingerprint{{"sha-256", "01"}}
	if err := c.SetRemote(good); !errors.Is(err, ErrParameters) {
		t.Fatal(err)
	}
}
