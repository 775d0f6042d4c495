package whip

import (
	"testing"

	"github.com/pion/sdp/v3"
)

// FuzzFragment: whatever a PATCH says, it is read or refused.
func FuzzFragment(f *testing.F) {
	for _, seed := range []string{
		"a=ice-ufrag:abcd\r\na=ice-pwd:0123456789012345678901\r\nm=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:0\r\na=candidate:1 1 udp 1 192.0.2.1 9 typ host\r\na=end-of-candidates\r\n",
		"a=candidate:\nm=\nm=\na=mid:", "x", "", "a=ice-ufrag:\r\n", "\x00=\r\n",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, err := parseFragment(text)
		if err == nil && len(got.candidates) > maxCandidates {
			t.Errorf("%d candidates", len(got.candidates))
		}
	})
}

// FuzzOffer: whatever an offer says, what comes of it can be read by the peer.
func FuzzOffer(f *testing.F) {
	for _, name := range []string{"obs", "ffmpeg", "ffmpeg-video-high", "gstreamer", "gstreamer-player", "aiortc"} {
		f.Add(golden(f, name))
	}
	f.Add("v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\nm=audio 9 X 0\r\na=mid:0\r\n")
	f.Fuzz(func(t *testing.T, text string) {
		o, err := parseOffer(text)
		if err != nil || o.aim(sdp.AttrKeySendOnly, sources{"microphone", "camera"}) != nil {
			return
		}
		again, err := o.restarted("abcd", "0123456789012345678901").text()
		if err != nil {
			return
		}
		if _, err := parseOffer(again); err != nil {
			t.Errorf("the offer of a restart cannot be read: %v\n%s", err, again)
		}
		polish(again)
	})
}
