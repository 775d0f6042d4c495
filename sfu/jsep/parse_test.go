package jsep

import (
	"fmt"
	"strings"
	"testing"

	"github.com/meetcast/meetcast/sfu/packet"
	"github.com/meetcast/meetcast/sfu/track"
)

const (
	bare   = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n"
	iceSDP = "a=ice-ufrag:abcd\r\na=ice-pwd:abcdefghijklmnopqrstuvwx\r\n"
	head   = bare + iceSDP + "a=fingerprint:sha-256 00:11:22:33\r\n"
)

// line is an m-line with payload type 96 and, for those that need one, 97.
func line(kind, mid, direction, codec string, more ...string) string {
	s := "m=" + kind + " 9 UDP/TLS/RTP/SAVPF 96 97\r\nc=IN IP4 0.0.0.0\r\na=mid:" + mid + "\r\na=" + direction +
		"\r\na=rtcp-mux\r\na=rtpmap:96 " + codec + "\r\n"
	for _, a := range more {
		s += "a=" + a + "\r\n"
	}
	return s
}

func group(mids ...string) string { return "a=group:BUNDLE " + strings.Join(mids, " ") + "\r\n" }

const h264 = "fmtp:96 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f"

func TestParse(t *testing.T) {
	tracks := map[string]track.Source{"0": track.Camera, "1": track.Microphone, "2": track.Camera}
	cam := line("video", "0", "sendonly", "VP8/90000", "rid:q send", "rid:h send", "rid:f send", "simulcast:send q;h;f")
	o, err := Parse(head+group("0", "1", "5", "6")+cam+line("audio", "1", "sendonly", "opus/48000/2")+
		line("video", "5", "recvonly", "H264/90000", h264)+line("video", "6", "inactive", "VP8/90000"), tracks, Limits{AudioSlots: 1, VideoSlots: 1})
	if err != nil {
		t.Fatal(err)
	}
	l := o.Lines
	if o.Ufrag != "abcd" || len(l) != 4 || l[0].Source != track.Camera || len(l[0].RIDs) != 3 || l[2].Use != Receive || l[3].Use != Off || l[3].Rejected {
		t.Fatalf("%+v", l)
	}
	var slots, lots, slotMids string
	for i := range 3 {
		slots += line("video", fmt.Sprint("v", i), "recvonly", "VP8/90000")
		slotMids += fmt.Sprint(" v", i)
	}
	for i := range MaxLines + 1 {
		lots += line("video", fmt.Sprint("v", i), "inactive", "VP8/90000")
	}
	for name, c := range map[string]struct{ sdp, says string }{
		"empty":            {"", "0 m-lines"},
		"nonsense":         {"hello", "read SDP"},
		"no ICE":           {bare + cam, "no ice-ufrag"},
		"short ufrag":      {strings.Replace(head, "abcd\r", "abc\r", 1) + cam, "no ice-ufrag"},
		"short pwd":        {strings.Replace(head, "abcdefghijklmnopqrstuvwx", "abc", 1) + cam, "no ice-pwd"},
		"no fingerprint":   {bare + iceSDP + cam, "no fingerprint"},
		"half fingerprint": {bare + iceSDP + "a=fingerprint:sha-256\r\n" + cam, "not an algorithm and a value"},
		"bad fingerprint":  {bare + iceSDP + "a=fingerprint:sha-256 zz\r\n" + cam, "no digest"},
		"hold":             {head + "a=setup:holdconn\r\n" + cam, "holdconn"},
		"no m-line":        {head, "0 m-lines"},
		"too many m-lines": {head + lots, "161 m-lines"},
		"too long":         {strings.Repeat("a", MaxSDP+1), "bytes of SDP"},
		"too many slots":   {head + "a=group:BUNDLE" + slotMids + "\r\n" + slots, "3 recvonly video m-lines, at most 2"},
		"sendrecv":         {head + line("video", "9", "sendrecv", "VP8/90000"), "sendrecv"},
		"unnamed source":   {head + line("video", "9", "sendonly", "VP8/90000"), "names no source"},
		"wrong kind":       {head + line("audio", "0", "sendonly", "opus/48000/2"), "cannot be a camera"},
		"two cameras":      {head + group("0", "2") + cam + line("video", "2", "sendonly", "VP8/90000"), "two m-lines are the camera"},
		"same mid":         {head + cam + cam, "is taken"},
		"unknown codec":    {head + line("video", "9", "recvonly", "theora/90000"), "no codec in common"},
		"H.264 mode 0":     {head + line("video", "9", "recvonly", "H264/90000", "fmtp:96 profile-level-id=42e01f"), "no codec in common"},
		"data channel":     {head + "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\na=mid:9\r\n", "only audio and video"},
		"plain RTP":        {head + strings.Replace(cam, "UDP/TLS/RTP/SAVPF", "RTP/AVP", 1), "not RTP over DTLS"},
		"no rtcp-mux":      {head + strings.Replace(cam, "a=rtcp-mux\r\n", "", 1), "no rtcp-mux"},
		"no mid":           {head + strings.Replace(cam, "a=mid:0\r\n", "", 1), "mid"},
		"mid of two words": {head + strings.Replace(cam, "a=mid:0\r\n", "a=mid:0 1\r\n", 1), "mid"},
		"rid twice":        {head + line("video", "0", "sendonly", "VP8/90000", "rid:q send", "rid:q send"), "bad rid"},
		"too many layers":  {head + line("video", "0", "sendonly", "VP8/90000", "rid:a send", "rid:b send", "rid:c send", "rid:d send", "rid:e send"), "5 simulcast layers"},
		"not bundled":      {head + cam + line("audio", "1", "sendonly", "opus/48000/2"), "BUNDLE"},
		"bad candidate":    {head + cam + "a=candidate:nonsense\r\n", "incomplete"},
		"many candidates":  {head + cam + strings.Repeat("a=candidate:1 1 udp 1 192.0.2.1 1 typ host\r\n", MaxCandidates+1), "more than 100"},
		"id twice": {head + line("video", "0", "sendonly", "VP8/90000", "extmap:1 urn:ietf:params:rtp-hdrext:sdes:mid",
			"extmap:1 urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id"), "header extension 1"},
		"own RTX": {head + line("video", "0", "sendonly", "VP8/90000", "ssrc-group:FID 1 1"), "its own retransmission"},
	} {
		if _, err := Parse(c.sdp, tracks, Limits{AudioSlots: 1, VideoSlots: 2}); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Clients that cannot name what they send are told by the order of their lines.
func TestUnnamedTracks(t *testing.T) {
	offer := head + group("0", "1", "2") + line("video", "0", "sendrecv", "VP8/90000") + line("audio", "1", "sendonly", "opus/48000/2") +
		line("video", "2", "sendonly", "VP8/90000")
	o, err := Parse(offer, nil, Limits{})
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []track.Source{track.Camera, track.Microphone, track.Screen} {
		if l := o.Lines[i]; l.Use != Publish || l.Source != want {
			t.Errorf("line %d: %+v", i, l)
		}
	}
	if _, err := Parse(head+line("video", "0", "sendrecv", "VP8/90000"), map[string]track.Source{"0": track.Screen}, Limits{}); err != nil {
		t.Errorf("sendrecv with a name: %v", err)
	}
}

func TestFormats(t *testing.T) {
	video := func(use, types string, attributes ...string) string {
		s := strings.Replace(line("video", "0", use, "VP8/90000", attributes...), "96 97\r", types+"\r", 1)
		return strings.Replace(s, "a=rtpmap:96 VP8/90000\r\n", "", 1)
	}
	for name, c := range map[string]struct {
		sdp  string
		want []Format
	}{
		"as Chromium": {video("recvonly", "96 97 45 46 98 99 100 103 104 107 108 109 114", "rtpmap:96 VP8/90000", "rtcp-fb:96 nack", "rtcp-fb:96 nack pli",
			"rtcp-fb:96 ccm fir", "rtcp-fb:96 transport-cc", "rtcp-fb:96 goog-remb", "rtpmap:97 rtx/90000", "fmtp:97 apt=96",
			"rtpmap:45 AV1/90000", "fmtp:45 level-idx=5;profile=0;tier=0", "rtpmap:46 rtx/90000", "fmtp:46 apt=45",
			"rtpmap:98 VP9/90000", "fmtp:98 profile-id=0", "rtpmap:99 rtx/90000", "fmtp:99 apt=98", "rtpmap:100 VP9/90000", "fmtp:100 profile-id=2",
			"rtpmap:103 H264/90000", "fmtp:103 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42001f", "rtpmap:104 rtx/90000", "fmtp:104 apt=103",
			"rtpmap:107 H264/90000", "fmtp:107 level-asymmetry-allowed=1;packetization-mode=0;profile-level-id=42e01f",
			"rtpmap:108 H264/90000", "fmtp:108 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f", "rtpmap:109 rtx/90000", "fmtp:109 apt=108",
			"rtpmap:114 red/90000"),
			[]Format{{Codec: packet.VP8, Type: 96, RTX: 97, Feedback: NACK | PLI | FIR | TransportCC}, {Codec: packet.AV1, Type: 45, RTX: 46},
				{Codec: packet.VP9, Type: 98, RTX: 99}, {Codec: packet.H264, Type: 108, RTX: 109}}},
		"feedback for all": {video("recvonly", "96", "rtpmap:96 VP8/90000", "rtcp-fb:* nack pli"), []Format{{Codec: packet.VP8, Type: 96, Feedback: PLI}}},
		"only baseline":    {video("recvonly", "96", "rtpmap:96 H264/90000", "fmtp:96 packetization-mode=1;profile-level-id=42001f"), []Format{{Codec: packet.H264, Type: 96}}},
		"no word of how":   {video("recvonly", "96 97", "rtpmap:96 H264/90000", "rtpmap:97 rtx/90000", "fmtp:97 apt=96"), []Format{{Codec: packet.H264, Type: 96, RTX: 97}}},
		"a word is better": {video("recvonly", "96 97", "rtpmap:96 H264/90000", "rtpmap:97 H264/90000", "fmtp:97 packetization-mode=1;profile-level-id=42e01f"),
			[]Format{{Codec: packet.H264, Type: 97}}},
		"no fragments": {video("recvonly", "96 97", "rtpmap:96 H264/90000", "fmtp:96 profile-level-id=42e01f", "rtpmap:97 VP8/90000"), []Format{{Codec: packet.VP8, Type: 97}}},
		"high, sent":   {video("sendonly", "96", "rtpmap:96 H264/90000", "fmtp:96 packetization-mode=1;profile-level-id=640028"), []Format{{Codec: packet.H264, Type: 96}}},
		"RED, sent": {strings.Replace(line("audio", "0", "sendonly", "opus/48000/2", "rtpmap:97 red/48000/2", "fmtp:97 96/96"), "97", "63", -1),
			[]Format{{Codec: packet.RED, Type: 63}, {Codec: packet.Opus, Type: 96}}},
		"RED, received":  {line("audio", "0", "recvonly", "opus/48000/2", "rtpmap:97 red/48000/2", "fmtp:97 96/96"), []Format{{Codec: packet.Opus, Type: 96}, {Codec: packet.RED, Type: 97}}},
		"RED of another": {line("audio", "0", "recvonly", "opus/48000/2", "rtpmap:97 red/48000/2", "fmtp:97 0/0"), []Format{{Codec: packet.Opus, Type: 96}}},
	} {
		o, err := Parse(head+c.sdp, nil, Limits{AudioSlots: 1, VideoSlots: 1})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		got := o.Lines[0].Formats
		same := len(got) == len(c.want)
		for i := range min(len(got), len(c.want)) {
			g, w := got[i], c.want[i]
			same = same && g.Codec == w.Codec && g.Type == w.Type && g.RTX == w.RTX && (w.Feedback == 0 || g.Feedback == w.Feedback)
		}
		if !same {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

func TestCheckCandidate(t *testing.T) {
	for _, ok := range []string{"", "candidate:1 1 udp 2130706431 192.0.2.1 50000 typ host",
		"a=candidate:842163049 1 UDP 1677729535 2001:db8::1 46154 typ srflx raddr 10.0.0.1 rport 9 generation 0 ufrag ab network-cost 999",
		"candidate:0 1 tcp 2105524479 127.0.0.1 9 typ host tcptype active",
		"candidate:1 1 udp 2113937151 5a2bdc2c-5d2e-4c3b-8e0a-3f2f8a3b2c1d.local 51234 typ host",
		"1 1 udp 1 192.0.2.1 1 typ relay"} {
		if err := CheckCandidate(ok); err != nil {
			t.Error(err)
		}
	}
	for _, bad := range []string{"candidate:nonsense", "candidate:1 1 udp 1 192.0.2.1 1 typ", "candidate:1 0 udp 1 192.0.2.1 1 typ host",
		"candidate:1 1 sctp 1 192.0.2.1 1 typ host", "candidate:1 1 udp 99999999999 192.0.2.1 1 typ host", "candidate:1 1 udp 1 nowhere 1 typ host",
		"candidate:1 1 udp 1 192.0.2.1 65536 typ host", "candidate:1 1 udp 1 192.0.2.1 1 typ ghost", "candidate:? 1 udp 1 192.0.2.1 1 typ host",
		"candidate:1 1 udp 1 192.0.2.1 1 typ host raddr", "candidate:" + strings.Repeat("1", 2000)} {
		if CheckCandidate(bad) == nil {
			t.Errorf("%q was taken", bad)
		}
	}
}
