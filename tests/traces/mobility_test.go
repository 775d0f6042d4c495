package traces

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/meetcast/meetcast/sfu"
	"github.com/meetcast/meetcast/sfu/track"
)

// fingerprint is that of a certificate in SDP (RFC 8122 §5).
func fingerprint(der []byte) string {
	sum := sha256.Sum256(der)
	return strings.ToUpper(strings.ReplaceAll(fmt.Sprintf("% x", sum[:]), " ", ":"))
}

// call is a publisher and a viewer on one engine, and pictures flow.
func call(t *testing.T) (publisher, viewer *client) {
	t.Helper()
	t.Parallel()
	e, err := sfu.New(sfu.Config{BindIP: "127.0.0.1", Loopback: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	publisher, viewer = newClient(t, e, true), newClient(t, e, false)
	select {
	case up := <-publisher.published:
		viewer.peer.Bind("0", up, track.Size{Width: 640, Height: 360})
	case <-time.After(20 * time.Second):
		t.Fatal("nothing was published")
	}
	viewer.back(20 * time.Second)
	time.Sleep(time.Second) // of steady pictures
	return publisher, viewer
}

// check tells what became of a trace.
func (c *client) check(what string, took, budget time.Duration, before []track.Slot, ssrc uint32) {
	c.t.Helper()
	c.t.Logf("%s: pictures after %v", what, took.Round(time.Millisecond))
	if took > budget {
		c.t.Errorf("%s: pictures only after %v", what, took)
	}
	if got := c.peer.Slots(); !slices.Equal(got, before) || c.slot.SSRC != ssrc {
		c.t.Errorf("%s: the slots were %v and are %v", what, before, got)
	}
	if s := c.peer.State(); s != sfu.Connected {
		c.t.Errorf("%s: the connection is %v", what, s)
	}
}

// A NAT gives the client another address. Its keepalive tells the server.
func TestAddressChangesUnnoticed(t *testing.T) {
	_, v := call(t)
	slots, ssrc := v.peer.Slots(), v.slot.SSRC
	v.relay.move()
	// The client asks for consent every 2 s.
	v.check("NAT", v.back(4*time.Second), 4*time.Second, slots, ssrc)
}

// The client leaves Wi-Fi: its address is gone, and it offers anew from another.
func TestNetworkChanges(t *testing.T) {
	_, v := call(t)
	slots, ssrc := v.peer.Slots(), v.slot.SSRC
	mobile := newRelay(t, v.relay.server, 40*time.Millisecond)
	v.relay.dead.Store(true)
	time.Sleep(300 * time.Millisecond) // until it has noticed
	v.conn.Restart()
	begin := time.Now()
	v.negotiate(mobile)
	v.back(2 * time.Second)
	v.check("restart of a viewer", time.Since(begin), 2*time.Second, slots, ssrc)
}

// The same for the one who publishes: who watches sees it go on.
func TestNetworkOfPublisherChanges(t *testing.T) {
	p, v := call(t)
	slots, ssrc := v.peer.Slots(), v.slot.SSRC
	mobile := newRelay(t, p.relay.server, 40*time.Millisecond)
	p.relay.dead.Store(true)
	time.Sleep(300 * time.Millisecond)
	p.conn.Restart()
	begin := time.Now()
	p.negotiate(mobile)
	v.back(2 * time.Second)
	v.check("restart of a publisher", time.Since(begin), 2*time.Second, slots, ssrc)
	if len(p.peer.UpTracks()) != 1 {
		t.Error("the track was lost")
	}
}

// Nothing passes for 2 s.
func TestOutageOfConnection(t *testing.T) {
	_, v := call(t)
	slots, ssrc := v.peer.Slots(), v.slot.SSRC
	v.relay.dead.Store(true)
	time.Sleep(2 * time.Second)
	v.relay.dead.Store(false)
	v.check("outage", v.back(time.Second), time.Second, slots, ssrc)
}
