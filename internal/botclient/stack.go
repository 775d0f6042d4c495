package botclient

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"math/big"
	"net"
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/meetcast/meetcast/internal/botclient/light"
	"github.com/meetcast/meetcast/sfu/packet"
)

// RTP header extensions a bot speaks, and their numbers in its offers.
const (
	uriMid        = "urn:ietf:params:rtp-hdrext:sdes:mid"
	uriRID        = "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id"
	uriRepairRID  = "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id"
	uriAudioLevel = "urn:ietf:params:rtp-hdrext:ssrc-audio-level"
	uriTWCC       = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"

	idMid, idTWCC, idLevel, idRID, idRepairRID = 1, 2, 3, 4, 5
)

// Payload types in a bot's offers. The answer may only choose among them.
const (
	typeVP8, typeVP8RTX   = 96, 97
	typeH264, typeH264RTX = 102, 103
	typeVP9, typeVP9RTX   = 98, 99
	typeAV1, typeAV1RTX   = 45, 46
	typeOpus, typeRED     = 111, 63
)

// Stack is what bots of one process share: the certificate, for making one costs
// more than the rest of a join, and the server's address. Each bot still has a
// UDP socket of its own, because all of them talk to one server address and only
// the local port tells their packets apart.
type Stack struct {
	cert        tls.Certificate
	fingerprint string
	server      netip.Addr // invalid: unknown
	bots        atomic.Uint64
}

// NewStack prepares a stack for talking to a server; of the server's candidates,
// the ones at host's address are tried first.
func NewStack(host string) (*Stack, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make key: %w", err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: "bot"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().AddDate(0, 1, 0),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, fmt.Errorf("make certificate: %w", err)
	}
	s := &Stack{cert: tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}}
	s.fingerprint = light.Fingerprint(s.cert)
	s.server = resolve(host)
	return s, nil
}

// resolve returns the address of a host, IPv4 where there is a choice.
func resolve(host string) netip.Addr {
	ips, err := net.LookupIP(host)
	if err != nil {
		return netip.Addr{}
	}
	var found netip.Addr
	for _, ip := range ips {
		if a, ok := netip.AddrFromSlice(ip); ok && (!found.IsValid() || a.Unmap().Is4()) {
			found = a.Unmap()
		}
	}
	return found
}

// newConn makes a bot's connection. The random losses of bots differ, and are
// the same in the next run.
func (s *Stack) newConn(h light.Handler, loss light.Loss) *light.Conn {
	return light.New(light.Config{Certificate: s.cert, Handler: h, Loss: loss, Stream: s.bots.Add(1)})
}

// videoFeedback is what a bot sends and understands about video.
var videoFeedback = []string{"transport-cc", "ccm fir", "nack", "nack pli"}

const h264Format = "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f"

// codecsFor lists a line's codecs: all of a kind for slots, the own one for a
// published track.
func codecsFor(kind string, only packet.Codec, red bool) []light.Codec {
	video := func(pt uint8, name, format string) []light.Codec {
		return []light.Codec{
			{Type: pt, Name: name, Rate: 90000, Format: format, Feedback: videoFeedback},
			{Type: pt + 1, Name: "rtx", Rate: 90000, Format: fmt.Sprintf("apt=%d", pt)},
		}
	}
	var list []light.Codec
	if kind == "audio" {
		opus := light.Codec{Type: typeOpus, Name: "opus", Rate: 48000, Channels: 2, Format: "minptime=10;useinbandfec=1", Feedback: []string{"transport-cc"}}
		list = append(list, opus)
		if red {
			list = append(list, light.Codec{Type: typeRED, Name: "red", Rate: 48000, Channels: 2, Format: fmt.Sprintf("%d/%d", typeOpus, typeOpus)})
		}
		return list
	}
	if only == 0 || only == packet.VP8 {
		list = append(list, video(typeVP8, "VP8", "")...)
	}
	if only == 0 || only == packet.H264 {
		list = append(list, video(typeH264, "H264", h264Format)...)
	}
	if only == 0 { // of browsers in the room: bots publish neither
		list = append(list, video(typeVP9, "VP9", "profile-id=0")...)
		list = append(list, video(typeAV1, "AV1", "level-idx=5;profile=0;tier=0")...)
	}
	return list
}

// extensionsFor lists a line's header extensions.
func extensionsFor(kind string, simulcast bool) []light.Extension {
	list := []light.Extension{{ID: idMid, URI: uriMid}, {ID: idTWCC, URI: uriTWCC}}
	if kind == "audio" {
		return append(list, light.Extension{ID: idLevel, URI: uriAudioLevel})
	}
	if simulcast {
		list = append(list, light.Extension{ID: idRID, URI: uriRID}, light.Extension{ID: idRepairRID, URI: uriRepairRID})
	}
	return list
}

// codecOf names the codec of a payload type of our offers.
func codecOf(pt uint8) packet.Codec {
	switch pt {
	case typeVP8:
		return packet.VP8
	case typeH264:
		return packet.H264
	case typeVP9:
		return packet.VP9
	case typeAV1:
		return packet.AV1
	case typeOpus, typeRED:
		return packet.Opus
	}
	return 0
}

// isRepair tells retransmissions by their payload type; the type of what they
// repeat is the one below.
func isRepair(pt uint8) bool {
	return pt == typeVP8RTX || pt == typeH264RTX || pt == typeVP9RTX || pt == typeAV1RTX
}
