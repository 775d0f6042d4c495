package botclient

import (
	"encoding/binary"
	"sync"
	"time"

	"github.com/pion/interceptor"
	"github.com/pion/interceptor/pkg/twcc"
	"github.com/pion/rtcp"
)

// feedback is a bot's transport-wide congestion control receiver. It records
// arrivals on the goroutine that reads the packet, retransmissions included:
// pion's own hands each packet to another goroutine, which costs a load test
// more than everything else it does with a packet.
type feedback struct {
	interceptor.NoOp

	mu       sync.Mutex
	recorder *twcc.Recorder
	started  time.Time
}

func newFeedback(ssrc uint32) *feedback {
	return &feedback{recorder: twcc.NewRecorder(ssrc), started: time.Now()}
}

type feedbackFactory struct{ f *feedback }

// NewInterceptor returns the one feedback of the bot's only PeerConnection.
func (f feedbackFactory) NewInterceptor(string) (interceptor.Interceptor, error) { return f.f, nil }

// BindRemoteStream records the transport number of every packet of a stream.
func (f *feedback) BindRemoteStream(info *interceptor.StreamInfo, next interceptor.RTPReader) interceptor.RTPReader {
	var id uint8
	for _, e := range info.RTPHeaderExtensions {
		if e.URI == uriTWCC {
			id = uint8(e.ID)
		}
	}
	if id == 0 {
		return next
	}
	ssrc := info.SSRC
	return interceptor.RTPReaderFunc(func(b []byte, a interceptor.Attributes) (int, interceptor.Attributes, error) {
		n, a, err := next.Read(b, a)
		if err == nil {
			if number, ok := transportNumber(b[:n], id); ok {
				f.record(ssrc, number)
			}
		}
		return n, a, err
	})
}

func (f *feedback) record(ssrc uint32, number uint16) {
	f.mu.Lock()
	f.recorder.Record(ssrc, number, time.Since(f.started).Microseconds())
	f.mu.Unlock()
}

// take returns the report on what arrived since the last one.
func (f *feedback) take() []rtcp.Packet {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.recorder.BuildFeedbackPacket()
}

// transportNumber finds a one-byte-header extension (RFC 8285 §4.2) without
// parsing the rest of the packet.
func transportNumber(b []byte, id uint8) (uint16, bool) {
	if len(b) < 12 || b[0]&0x10 == 0 {
		return 0, false
	}
	at := 12 + 4*int(b[0]&0x0f)
	if len(b) < at+4 || binary.BigEndian.Uint16(b[at:]) != 0xbede {
		return 0, false
	}
	end := at + 4 + 4*int(binary.BigEndian.Uint16(b[at+2:]))
	if end > len(b) {
		return 0, false
	}
	for at += 4; at < end; {
		if b[at] == 0 { // padding
			at++
			continue
		}
		found, size := b[at]>>4, int(b[at]&0x0f)+1
		at++
		if found == id && size >= 2 && at+2 <= end {
			return binary.BigEndian.Uint16(b[at:]), true
		}
		at += size
	}
	return 0, false
}
