package tracktest

import (
	"testing"

	"github.com/pion/rtp"

	"github.com/meetcast/meetcast/sfu/packet"
	"github.com/meetcast/meetcast/sfu/track"
)

func TestFakeUpTrackDelivers(t *testing.T) {
	up := NewUpTrack(track.Info{ID: "t", Source: track.Camera})
	if up.Info().Codec != packet.VP8 || up.Info().ClockRate != 90000 {
		t.Fatalf("defaults not filled in: %+v", up.Info())
	}
	var d FakeDownTrack
	up.Attach(&d)
	up.Attach(&d)
	buf := []byte{1, 2, 3}
	up.Push(&packet.Packet{Header: rtp.Header{SequenceNumber: 7}, Payload: buf})
	buf[0] = 9
	got := d.Packets()
	if len(got) != 1 || got[0].Payload[0] != 1 || got[0].Codec != packet.VP8 {
		t.Fatalf("got %+v, want one copied packet", got)
	}
	up.Detach(&d)
	up.Push(&packet.Packet{})
	if len(d.Packets()) != 1 {
		t.Fatal("a packet came after Detach")
	}
}

func TestFakeUpTrackCloses(t *testing.T) {
	up := NewUpTrack(track.Info{ID: "t", Source: track.Microphone})
	var early, late FakeDownTrack
	up.Attach(&early)
	up.Close()
	up.Attach(&late)
	for name, d := range map[string]*FakeDownTrack{"early": &early, "late": &late} {
		if got := d.Closed(); len(got) != 1 || got[0] != "t" {
			t.Errorf("%s: closed %v, want [t]", name, got)
		}
	}
	if len(up.Downs()) != 0 {
		t.Error("a closed track keeps down tracks")
	}
}
