package forward

import (
	"testing"
	"time"

	"github.com/meetcast/meetcast/sfu/track"
)

// The first packet of a key frame is lost and repaired after the others have come:
// they follow it at once, in order, and each packet goes out once.
func TestLateFirstPacketOfKeyFrame(t *testing.T) {
	c := &clock{time.Unix(1000, 0)}
	tr, _ := newTestTrack(c)
	l := tr.Lane("")
	w := &wire{}
	d := NewDown(DownConfig{Kind: track.Video, Now: c.now})
	o := everything
	o.Writer = w
	d.Open(o)
	d.Bind(tr, hd)
	d.SetLayer(0)
	l.Receive(raw(1, 99, 0), c.t)
	for _, seq := range []uint16{101, 103, 104} {
		l.Receive(raw(1, seq, 0), c.t)
	}
	if len(w.headers) != 0 {
		t.Fatalf("%d packets went out before a key frame", len(w.headers))
	}
	l.Receive(raw(1, 100, 320), c.t)
	l.Receive(raw(1, 102, 0), c.t)
	l.Receive(raw(1, 105, 0), c.t)
	want := []uint16{0, 1, 3, 4, 2, 5}
	if len(w.headers) != len(want) {
		t.Fatalf("%d packets went out, want %d", len(w.headers), len(want))
	}
	for i, h := range w.headers {
		if got := h.SequenceNumber - w.headers[0].SequenceNumber; got != want[i] {
			t.Errorf("packet %d has number %d, want %d", i, got, want[i])
		}
		if got := h.Timestamp - w.headers[0].Timestamp; got != uint32(want[i])*3000 {
			t.Errorf("packet %d is %d ticks after the first", i, got)
		}
	}
}
