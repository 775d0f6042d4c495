package sfu

import (
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/sdp/v3"
	"github.com/pion/webrtc/v4"

	"github.com/meetcast/meetcast/sfu/forward"
	"github.com/meetcast/meetcast/sfu/track"
)

// slot is one recvonly m-line of the client. To pion it is a TrackLocal; what it
// carries is the business of its forward.Down.
type slot struct {
	// Static after construction.
	peer        *Peer
	kind        track.Kind
	id          string
	down        *forward.Down
	transceiver *webrtc.RTPTransceiver

	mid string // fixed once the m-line was answered
}

var _ webrtc.TrackLocal = (*slot)(nil)

func newSlot(p *Peer, mid string, kind track.Kind, serial int) *slot {
	return &slot{peer: p, mid: mid, kind: kind, id: kind.String() + "-" + strconv.Itoa(serial),
		down: forward.NewDown(forward.DownConfig{Kind: kind, Stamper: p.bwe, RTT: p.bwe.RTT})}
}

// errNoCodec is returned to pion when nothing was negotiated for a slot.
var errNoCodec = errors.New("no codec for slot")

// Bind implements webrtc.TrackLocal: the m-line was negotiated.
func (s *slot) Bind(c webrtc.TrackLocalContext) (webrtc.RTPCodecParameters, error) {
	out := forward.Outlet{Writer: c.WriteStream(), SSRC: uint32(c.SSRC())}
	var first *webrtc.RTPCodecParameters
	params := c.CodecParameters()
	for i := range params {
		codec, ok := codecOf(params[i])
		if !ok || int(codec) >= len(out.Types) || out.Types[codec] != 0 {
			continue
		}
		if first == nil {
			first = &params[i]
		}
		out.Types[codec] = uint8(params[i].PayloadType)
		out.RTXTypes[codec] = rtxType(params, params[i].PayloadType)
		if out.RTXTypes[codec] != 0 {
			out.RTX = uint32(c.SSRCRetransmission())
		}
	}
	if first == nil {
		return webrtc.RTPCodecParameters{}, errNoCodec
	}
	for _, e := range c.HeaderExtensions() {
		if e.URI == sdp.TransportCCURI {
			out.TransportCC = uint8(e.ID)
		}
	}
	s.down.Open(out)
	return *first, nil
}

// rtxType finds the retransmission payload type of a payload type, 0 for none.
func rtxType(params []webrtc.RTPCodecParameters, of webrtc.PayloadType) uint8 {
	for _, c := range params {
		if strings.EqualFold(c.MimeType, webrtc.MimeTypeRTX) && c.SDPFmtpLine == "apt="+strconv.Itoa(int(of)) {
			return uint8(c.PayloadType)
		}
	}
	return 0
}

// Unbind implements webrtc.TrackLocal.
func (s *slot) Unbind(webrtc.TrackLocalContext) error {
	s.down.Shut()
	return nil
}

// ID implements webrtc.TrackLocal.
func (s *slot) ID() string { return s.id }

// RID implements webrtc.TrackLocal: slots are not simulcast.
func (s *slot) RID() string { return "" }

// StreamID implements webrtc.TrackLocal. Each slot is a stream of its own:
// whose sound belongs to whose picture changes all the time.
func (s *slot) StreamID() string { return s.id }

// Kind implements webrtc.TrackLocal.
func (s *slot) Kind() webrtc.RTPCodecType {
	if s.kind == track.Audio {
		return webrtc.RTPCodecTypeAudio
	}
	return webrtc.RTPCodecTypeVideo
}

// readRTCP takes the subscriber's feedback on the slot until its sender stops.
func (s *slot) readRTCP() {
	s.peer.readRTCP(s.transceiver.Sender().Read, s.feedback)
}

// feedback takes one RTCP packet of the subscriber.
func (s *slot) feedback(pkt rtcp.Packet, now time.Time) {
	switch pkt := pkt.(type) {
	case *rtcp.TransportLayerCC:
		if s.peer.bwe.Feedback(now, pkt) {
			s.peer.poke()
		}
	case *rtcp.TransportLayerNack:
		for i := range pkt.Nacks {
			pkt.Nacks[i].Range(func(seq uint16) bool {
				s.down.Nack(seq)
				return true
			})
		}
	case *rtcp.PictureLossIndication, *rtcp.FullIntraRequest:
		s.down.PictureLoss()
	}
}
