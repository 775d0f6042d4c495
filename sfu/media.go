package sfu

import (
	"fmt"
	"time"

	"github.com/pion/interceptor"
	"github.com/pion/interceptor/pkg/report"
	"github.com/pion/interceptor/pkg/twcc"
	"github.com/pion/sdp/v3"
	"github.com/pion/webrtc/v4"

	"github.com/meetcast/meetcast/sfu/packet"
)

const (
	h264Format = "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f"
	opusFormat = "minptime=10;useinbandfec=1;usedtx=1"
	// twccInterval is how often publishers are told what arrived.
	twccInterval = 50 * time.Millisecond
)

var videoFeedback = []webrtc.RTCPFeedback{
	{Type: webrtc.TypeRTCPFBCCM, Parameter: "fir"},
	{Type: webrtc.TypeRTCPFBNACK},
	{Type: webrtc.TypeRTCPFBNACK, Parameter: "pli"},
	{Type: webrtc.TypeRTCPFBTransportCC},
}

// newMediaEngine registers the codecs and header extensions of the product. The
// payload types are only names until the client's offer brings its own.
func newMediaEngine() (*webrtc.MediaEngine, error) {
	m := &webrtc.MediaEngine{}
	video := func(mime string, pt webrtc.PayloadType, format string) []webrtc.RTPCodecParameters {
		return []webrtc.RTPCodecParameters{
			{RTPCodecCapability: webrtc.RTPCodecCapability{MimeType: mime, ClockRate: 90000, SDPFmtpLine: format, RTCPFeedback: videoFeedback}, PayloadType: pt},
			{RTPCodecCapability: webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeRTX, ClockRate: 90000, SDPFmtpLine: fmt.Sprintf("apt=%d", pt)}, PayloadType: pt + 1},
		}
	}
	codecs := append(video(webrtc.MimeTypeVP8, 96, ""), video(webrtc.MimeTypeH264, 102, h264Format)...)
	for _, c := range codecs {
		if err := m.RegisterCodec(c, webrtc.RTPCodecTypeVideo); err != nil {
			return nil, err
		}
	}
	opus := webrtc.RTPCodecParameters{RTPCodecCapability: webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeOpus, ClockRate: 48000, Channels: 2,
		SDPFmtpLine: opusFormat, RTCPFeedback: []webrtc.RTCPFeedback{{Type: webrtc.TypeRTCPFBTransportCC}}}, PayloadType: 111}
	if err := m.RegisterCodec(opus, webrtc.RTPCodecTypeAudio); err != nil {
		return nil, err
	}
	return m, registerExtensions(m)
}

// registerExtensions registers header extensions for both directions, although
// slots use only the first: what an answer leaves out of a recvonly m-line,
// Chromium does not offer any more on m-lines that it sends on later.
func registerExtensions(m *webrtc.MediaEngine) error {
	audio, video := webrtc.RTPCodecTypeAudio, webrtc.RTPCodecTypeVideo
	for _, e := range []struct {
		uri   string
		kinds []webrtc.RTPCodecType
	}{
		{sdp.TransportCCURI, []webrtc.RTPCodecType{audio, video}},
		{sdp.SDESMidURI, []webrtc.RTPCodecType{audio, video}},
		{sdp.SDESRTPStreamIDURI, []webrtc.RTPCodecType{video}},
		{sdp.SDESRepairRTPStreamIDURI, []webrtc.RTPCodecType{video}},
		{sdp.AudioLevelURI, []webrtc.RTPCodecType{audio}},
	} {
		for _, k := range e.kinds {
			if err := m.RegisterHeaderExtension(webrtc.RTPHeaderExtensionCapability{URI: e.uri}, k); err != nil {
				return err
			}
		}
	}
	return nil
}

// newInterceptors builds what works on incoming media only: feedback and
// receiver reports to publishers. Outgoing packets pass no interceptor.
func newInterceptors(log logFactory) (*interceptor.Registry, error) {
	r := &interceptor.Registry{}
	feedback, err := twcc.NewSenderInterceptor(twcc.SendInterval(twccInterval), twcc.WithLoggerFactory(log))
	if err != nil {
		return nil, err
	}
	reports, err := report.NewReceiverInterceptor(report.WithReceiverLoggerFactory(log))
	if err != nil {
		return nil, err
	}
	r.Add(feedback)
	r.Add(reports)
	return r, nil
}

// codecOf maps negotiated parameters onto a codec, false for RTX and others.
func codecOf(c webrtc.RTPCodecParameters) (packet.Codec, bool) {
	return packet.CodecFromMIME(c.MimeType)
}
