package botclient

import (
	"sync"
	"time"

	"github.com/pion/interceptor/pkg/twcc"
	"github.com/pion/rtcp"
)

// feedback is a bot's transport-wide congestion control receiver. It records
// arrivals on the goroutine that reads the packet, retransmissions included.
type feedback struct {
	mu       sync.Mutex
	recorder *twcc.Recorder
	started  time.Time
}

func newFeedback(ssrc uint32) *feedback {
	return &feedback{recorder: twcc.NewRecorder(ssrc), started: time.Now()}
}

func (f *feedback) record(ssrc uint32, number uint16, now time.Time) {
	f.mu.Lock()
	f.recorder.Record(ssrc, number, now.Sub(f.started).Microseconds())
	f.mu.Unlock()
}

// take returns the report on what arrived since the last one.
func (f *feedback) take() []rtcp.Packet {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.recorder.BuildFeedbackPacket()
}
