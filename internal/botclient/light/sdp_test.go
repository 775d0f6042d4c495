package light

import (
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/pion/sdp/v3"
)

func sample() Offer {
	return Offer{Session: 1, Version: 2, Local: Credentials{"frag", "password"}, Fingerprint: "AB:CD", CNAME: "c", Lines: []Line{
		{Mid: "0", Kind: "audio", Codecs: []Codec{{Type: 111, Name: "opus", Rate: 48000, Channels: 2, Format: "minptime=10"}}},
		{Mid: "1", Kind: "video", Send: true, RIDs: []string{"q", "h"}, Extensions: []Extension{{1, "urn:mid"}},
			Codecs: []Codec{{Type: 96, Name: "VP8", Rate: 90000, Feedback: []string{"nack", "nack pli"}}, {Type: 97, Name: "rtx", Rate: 90000, Format: "apt=96"}}},
		{Mid: "2", Kind: "video", Send: true, SSRC: 5, RTX: 6, Codecs: []Codec{{Type: 102, Name: "H264", Rate: 90000}}},
	}}
}

func TestOffer(t *testing.T) {
	text := sample().String()
	var d sdp.SessionDescription
	if err := d.UnmarshalString(text); err != nil {
		t.Fatal(err)
	}
	if len(d.MediaDescriptions) != 3 {
		t.Fatalf("%d m-lines", len(d.MediaDescriptions))
	}
	for _, want := range []string{
		"a=group:BUNDLE 0 1 2", "a=recvonly", "a=sendonly", "a=setup:actpass", "a=ice-ufrag:frag", "a=fingerprint:sha-256 AB:CD",
		"a=rtpmap:111 opus/48000/2", "a=fmtp:97 apt=96", "a=rtcp-fb:96 nack pli", "a=extmap:1 urn:mid",
		"a=rid:h send", "a=simulcast:send q;h", "a=ssrc-group:FID 5 6", "a=ssrc:6 cname:c",
	} {
		if !strings.Contains(text, want+"\r\n") {
			t.Errorf("no line %q in\n%s", want, text)
		}
	}
}

const answer = "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0 1\r\na=fingerprint:sha-256 AB:CD\r\na=ice-lite\r\n" +
	"m=audio 9 UDP/TLS/RTP/SAVPF 63 111\r\na=setup:passive\r\na=mid:0\r\na=ice-ufrag:u\r\na=ice-pwd:p\r\na=sendonly\r\n" +
	"a=rtpmap:111 opus/48000/2\r\na=rtpmap:63 red/48000/2\r\na=fmtp:63 111/111\r\na=extmap:2/sendonly urn:twcc\r\na=ssrc:7 cname:x\r\n" +
	"a=candidate:1 1 udp 1 192.0.2.1 5000 typ host\r\na=candidate:1 2 udp 1 192.0.2.1 5000 typ host\r\n" +
	"a=candidate:2 1 tcp 1 192.0.2.1 5000 typ host tcptype passive\r\na=candidate:3 1 udp 1 2001:db8::1 5000 typ host\r\n" +
	"m=video 0 UDP/TLS/RTP/SAVPF 96\r\na=mid:1\r\na=ssrc-group:FID 8 9\r\na=ssrc:8 cname:x\r\na=inactive\r\n"

func TestParseAnswer(t *testing.T) {
	a, err := ParseAnswer(answer)
	if err != nil {
		t.Fatal(err)
	}
	want := []netip.AddrPort{netip.MustParseAddrPort("192.0.2.1:5000"), netip.MustParseAddrPort("[2001:db8::1]:5000")}
	if a.Remote.Ufrag != "u" || a.Remote.Pwd != "p" || a.Remote.Fingerprint != "AB:CD" || !slices.Equal(a.Remote.Candidates, want) {
		t.Errorf("remote: %+v", a.Remote)
	}
	if len(a.Lines) != 2 || a.Lines[0].Rejected || !a.Lines[1].Rejected {
		t.Fatalf("lines: %+v", a.Lines)
	}
	l := &a.Lines[0]
	if c, ok := l.Codec("RED"); !ok || c.Type != 63 || c.Format != "111/111" || l.Types[0] != 63 {
		t.Errorf("red: %+v, %v", c, ok)
	}
	if l.Extension("urn:twcc") != 2 || l.Extension("urn:other") != 0 || l.SSRC != 7 || l.RTX != 0 {
		t.Errorf("line: %+v", l)
	}
	if v := a.Lines[1]; v.SSRC != 8 || v.RTX != 9 {
		t.Errorf("video: %+v", v)
	}
	Prefer(a.Remote.Candidates, want[1].Addr())
	if a.Remote.Candidates[0] != want[1] {
		t.Errorf("preferred: %v", a.Remote.Candidates)
	}
	for name, bad := range map[string]string{
		"empty": "", "no credentials": "m=audio 9 x 111\r\n", "active": strings.Replace(answer, "passive\r\na=mid", "active\r\na=mid", 1),
		"no fingerprint": strings.Replace(answer, "sha-256", "sha-1", 1), "long": strings.Repeat("a", maxAnswer+1),
	} {
		if _, err := ParseAnswer(bad); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func FuzzParseAnswer(f *testing.F) {
	f.Add(answer)
	f.Add(sample().String())
	f.Add("m=audio\r\na=candidate:1 1 udp 1 host 70000\r\na=rtpmap:200 x\r\na=extmap:999999 u\r\na=ssrc-group:FID 1")
	f.Fuzz(func(t *testing.T, text string) {
		if a, err := ParseAnswer(text); err == nil {
			for i := range a.Lines {
				a.Lines[i].Codec("rtx")
			}
		}
	})
}
