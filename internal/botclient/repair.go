package botclient

import (
	"github.com/pion/interceptor"
	"github.com/pion/rtp"
)

// repairIDs names the layer of a retransmission as RFC 8852 §3.1 wants it: by
// RepairedRtpStreamId. pion's responder repeats the packet with its RtpStreamId,
// which receivers take for a second stream of the layer itself.
type repairIDs struct {
	interceptor.NoOp
}

// NewInterceptor implements interceptor.Factory.
func (repairIDs) NewInterceptor(string) (interceptor.Interceptor, error) { return &repairIDs{}, nil }

// BindLocalStream implements interceptor.Interceptor.
func (*repairIDs) BindLocalStream(info *interceptor.StreamInfo, next interceptor.RTPWriter) interceptor.RTPWriter {
	var rid, rrid uint8
	for _, e := range info.RTPHeaderExtensions {
		switch e.URI {
		case uriRID:
			rid = uint8(e.ID)
		case uriRepairRID:
			rrid = uint8(e.ID)
		}
	}
	if info.SSRCRetransmission == 0 || rid == 0 || rrid == 0 {
		return next
	}
	return interceptor.RTPWriterFunc(func(h *rtp.Header, payload []byte, a interceptor.Attributes) (int, error) {
		if h.SSRC == info.SSRCRetransmission {
			if id := h.GetExtension(rid); id != nil {
				repaired := h.Clone()
				if err := repaired.DelExtension(rid); err != nil {
					return 0, err
				}
				if err := repaired.SetExtension(rrid, id); err != nil {
					return 0, err
				}
				h = &repaired
			}
		}
		return next.Write(h, payload, a)
	})
}
