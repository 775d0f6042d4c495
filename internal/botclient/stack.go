package botclient

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"fmt"
	"net"

	"github.com/pion/dtls/v3"
	"github.com/pion/ice/v4"
	"github.com/pion/interceptor"
	"github.com/pion/interceptor/pkg/nack"
	"github.com/pion/interceptor/pkg/report"
	"github.com/pion/interceptor/pkg/twcc"
	"github.com/pion/logging"
	"github.com/pion/transport/v4/stdnet"
	"github.com/pion/webrtc/v4"
)

// RTP header extensions a bot speaks.
const (
	uriMid        = "urn:ietf:params:rtp-hdrext:sdes:mid"
	uriRID        = "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id"
	uriRepairRID  = "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id"
	uriAudioLevel = "urn:ietf:params:rtp-hdrext:ssrc-audio-level"
	uriTWCC       = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"
)

// Stack is what bots of one process share: network view, certificate, log
// level. Each bot still has a UDP socket of its own, because all of them talk
// to one server address and only the local port tells their packets apart.
type Stack struct {
	net   *stdnet.Net
	certs []webrtc.Certificate
	local net.IP // the only address candidates are gathered on; nil = all
}

// NewStack prepares a stack for talking to a server; host picks the local
// address that leads to it ("" gathers on all interfaces).
func NewStack(host string) (*Stack, error) {
	n, err := stdnet.NewNet()
	if err != nil {
		return nil, fmt.Errorf("list network interfaces: %w", err)
	}
	// One certificate for all bots: making one costs more than the rest of a join.
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make key: %w", err)
	}
	cert, err := webrtc.GenerateCertificate(key)
	if err != nil {
		return nil, fmt.Errorf("make certificate: %w", err)
	}
	return &Stack{net: n, certs: []webrtc.Certificate{*cert}, local: localAddress(host)}, nil
}

// localAddress asks the routing table; nothing is sent.
func localAddress(host string) net.IP {
	if host == "" {
		return nil
	}
	conn, err := net.Dial("udp", net.JoinHostPort(host, "9"))
	if err != nil {
		return nil
	}
	defer conn.Close()
	if a, ok := conn.LocalAddr().(*net.UDPAddr); ok {
		return a.IP
	}
	return nil
}

// newPeer makes a PeerConnection. feedback sees every received packet; the
// interceptors of senders are left out for bots that only receive.
func (s *Stack) newPeer(servers []webrtc.ICEServer, feedback *feedback, sends bool) (*webrtc.PeerConnection, error) {
	media := &webrtc.MediaEngine{}
	if err := registerCodecs(media); err != nil {
		return nil, fmt.Errorf("register codecs: %w", err)
	}
	registry := &interceptor.Registry{}
	registry.Add(feedbackFactory{feedback})
	if sends {
		if err := addSenderInterceptors(registry); err != nil {
			return nil, err
		}
	}
	api := webrtc.NewAPI(webrtc.WithMediaEngine(media), webrtc.WithInterceptorRegistry(registry),
		webrtc.WithSettingEngine(s.settings()))
	pc, err := api.NewPeerConnection(webrtc.Configuration{
		ICEServers:   servers,
		Certificates: s.certs,
		BundlePolicy: webrtc.BundlePolicyMaxBundle,
	})
	if err != nil {
		return nil, fmt.Errorf("make peer connection: %w", err)
	}
	return pc, nil
}

func (s *Stack) settings() webrtc.SettingEngine {
	var e webrtc.SettingEngine
	quiet := logging.NewDefaultLoggerFactory()
	quiet.DefaultLogLevel = logging.LogLevelDisabled
	e.LoggerFactory = quiet
	e.SetNet(s.net)
	e.SetICEMulticastDNSMode(ice.MulticastDNSModeDisabled)
	e.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeUDP4, webrtc.NetworkTypeUDP6})
	e.SetIncludeLoopbackCandidate(true)
	e.DisableActiveTCP(true)
	// As Chromium: GCM first. It costs both sides half of the CM/HMAC profile.
	e.SetSRTPProtectionProfiles(dtls.SRTP_AEAD_AES_128_GCM, dtls.SRTP_AES128_CM_HMAC_SHA1_80)
	// A slot is read from the start, not from its first packet on: a server that
	// probes for bandwidth sends padding on the slot's RTX stream before that.
	e.SetFireOnTrackBeforeFirstRTP(true)
	if s.local != nil {
		e.SetIPFilter(func(ip net.IP) bool { return ip.Equal(s.local) })
	}
	return e
}

func registerCodecs(m *webrtc.MediaEngine) error {
	videoFeedback := []webrtc.RTCPFeedback{
		{Type: "nack"}, {Type: "nack", Parameter: "pli"}, {Type: "ccm", Parameter: "fir"}, {Type: "transport-cc"},
	}
	video := func(mime, fmtp string, pt webrtc.PayloadType) error {
		err := m.RegisterCodec(webrtc.RTPCodecParameters{
			RTPCodecCapability: webrtc.RTPCodecCapability{
				MimeType: mime, ClockRate: 90000, SDPFmtpLine: fmtp, RTCPFeedback: videoFeedback,
			}, PayloadType: pt}, webrtc.RTPCodecTypeVideo)
		if err != nil {
			return err
		}
		return m.RegisterCodec(webrtc.RTPCodecParameters{
			RTPCodecCapability: webrtc.RTPCodecCapability{
				MimeType: webrtc.MimeTypeRTX, ClockRate: 90000, SDPFmtpLine: fmt.Sprintf("apt=%d", pt),
			}, PayloadType: pt + 1}, webrtc.RTPCodecTypeVideo)
	}
	if err := video(webrtc.MimeTypeVP8, "", 96); err != nil {
		return err
	}
	if err := video(webrtc.MimeTypeH264, "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f", 102); err != nil {
		return err
	}
	if err := m.RegisterCodec(webrtc.RTPCodecParameters{
		RTPCodecCapability: webrtc.RTPCodecCapability{
			MimeType: webrtc.MimeTypeOpus, ClockRate: 48000, Channels: 2, SDPFmtpLine: "minptime=10;useinbandfec=1",
			RTCPFeedback: []webrtc.RTCPFeedback{{Type: "transport-cc"}},
		}, PayloadType: 111}, webrtc.RTPCodecTypeAudio); err != nil {
		return err
	}
	return registerExtensions(m)
}

func registerExtensions(m *webrtc.MediaEngine) error {
	for _, kind := range []webrtc.RTPCodecType{webrtc.RTPCodecTypeAudio, webrtc.RTPCodecTypeVideo} {
		uris := []string{uriMid, uriTWCC}
		if kind == webrtc.RTPCodecTypeVideo {
			uris = append(uris, uriRID, uriRepairRID)
		} else {
			uris = append(uris, uriAudioLevel)
		}
		for _, uri := range uris {
			if err := m.RegisterHeaderExtension(webrtc.RTPHeaderExtensionCapability{URI: uri}, kind); err != nil {
				return err
			}
		}
	}
	return nil
}

// addSenderInterceptors answers NACKs, numbers packets for congestion control
// and sends sender reports.
func addSenderInterceptors(r *interceptor.Registry) error {
	responder, err := nack.NewResponderInterceptor()
	if err != nil {
		return fmt.Errorf("make retransmitter: %w", err)
	}
	numbering, err := twcc.NewHeaderExtensionInterceptor()
	if err != nil {
		return fmt.Errorf("make transport numbering: %w", err)
	}
	reports, err := report.NewSenderInterceptor()
	if err != nil {
		return fmt.Errorf("make sender reports: %w", err)
	}
	r.Add(repairIDs{}) // between the responder and the wire
	r.Add(responder)
	r.Add(reports)
	r.Add(numbering)
	return nil
}
