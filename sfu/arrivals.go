package sfu

import (
	"sync"
	"time"

	"github.com/pion/interceptor/pkg/twcc"
	"github.com/pion/rtcp"
)

// arrivals records when packets with a transport-wide number came and tells the
// client, each time that it is visited
// (draft-holmer-rmcat-transport-wide-cc-extensions-01).
type arrivals struct {
	ssrc  uint32 // ours
	epoch time.Time

	mu       sync.Mutex
	recorder *twcc.Recorder // nil until the first packet
	fresh    bool           // something came since the last feedback
}

// arrived notes a packet.
func (a *arrivals) arrived(ssrc uint32, number uint16, now time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.recorder == nil {
		a.recorder = twcc.NewRecorder(a.ssrc)
	}
	a.recorder.Record(ssrc, number, now.Sub(a.epoch).Microseconds())
	a.fresh = true
}

// feedback returns what is to be told, nil when nothing came.
func (a *arrivals) feedback() []rtcp.Packet {
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.fresh {
		return nil
	}
	a.fresh = false
	return a.recorder.BuildFeedbackPacket()
}
