//go:build !race

package transport

import (
	"testing"
	"time"

	"github.com/pion/rtp"
)

// Pools forget at random under -race, so this is without.
func TestWriteRTPDoesNotAllocate(t *testing.T) {
	p := openPort(t, nil)
	c, _ := connected(t, p, sinks(t, 1)[0])
	payload := make([]byte, 1083)
	h := rtp.Header{Version: 2, PayloadType: 96, SSRC: 5}
	if err := h.SetExtension(3, []byte{1, 2}); err != nil {
		t.Fatal(err)
	}
	written := uint64(0)
	frames := testing.AllocsPerRun(500, func() {
		for k := range 8 {
			h.SequenceNumber++
			h.Marker = k == 7
			if _, err := c.WriteRTP(&h, payload); err != nil {
				t.Fatal(err)
			}
		}
		for written += 8; p.cfg.Sockets.Stats().Sent < written; { // else each frame has a buffer of its own
			time.Sleep(10 * time.Microsecond)
		}
	})
	if frames > 0.5 { // of eight packets; a collection empties the pool
		t.Fatalf("%.1f allocations for a frame", frames)
	}
}

func TestOpenDoesNotAllocate(t *testing.T) {
	out, in, _ := pair(t, profileGCM)
	report, now := rtcpPacket(1), time.Now()
	b := make([]byte, len(report)+out.overheadRTCP())
	if n := testing.AllocsPerRun(500, func() {
		if err := out.sealRTCP(b, report); err != nil {
			t.Fatal(err)
		}
		if _, v := in.openRTCP(b, now); v != accepted {
			t.Fatal(v)
		}
	}); n > 0.1 {
		t.Fatalf("%.1f allocations for a report", n)
	}
}
