package sfu

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/pion/sdp/v3"

	"github.com/meetcast/meetcast/sfu/track"
)

func parsed(t *testing.T, text string) *sdp.SessionDescription {
	t.Helper()
	var d sdp.SessionDescription
	if err := d.UnmarshalString(text); err != nil {
		t.Fatal(err)
	}
	return &d
}

func contains(s, part string) bool { return strings.Contains(s, part) }

const (
	sdpBare = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n"
	sdpICE  = "a=ice-ufrag:abcd\r\na=ice-pwd:abcdefghijklmnopqrstuvwx\r\n"
	sdpHead = sdpBare + sdpICE + "a=fingerprint:sha-256 00:11\r\n"
)

func mline(kind, mid, direction, codec string, more ...string) string {
	s := "m=" + kind + " 9 UDP/TLS/RTP/SAVPF 96\r\nc=IN IP4 0.0.0.0\r\na=mid:" + mid + "\r\na=" + direction + "\r\na=rtpmap:96 " + codec + "\r\n"
	for _, a := range more {
		s += "a=" + a + "\r\n"
	}
	return s
}

func TestParseOffer(t *testing.T) {
	tracks := map[string]track.Source{"0": track.Camera, "1": track.Microphone, "2": track.Camera}
	cam := mline("video", "0", "sendonly", "VP8/90000", "rid:q send", "rid:h send", "rid:f send", "simulcast:send q;h;f")
	o, err := parseOffer(sdpHead+cam+mline("audio", "1", "sendonly", "opus/48000/2")+mline("video", "5", "recvonly", "H264/90000")+
		mline("video", "6", "inactive", "VP8/90000"), tracks, limits{1, 1})
	if err != nil {
		t.Fatal(err)
	}
	lines := o.lines
	if o.ufrag != "abcd" || len(lines) != 4 || lines[0].source != track.Camera || len(lines[0].rids) != 3 || lines[2].use != receive || lines[3].use != off {
		t.Fatalf("%+v", lines)
	}
	var slots, lots string
	for i := range 3 {
		slots += mline("video", fmt.Sprint("v", i), "recvonly", "VP8/90000")
	}
	for i := range MaxLines + 1 {
		lots += mline("video", fmt.Sprint("v", i), "inactive", "VP8/90000")
	}
	for name, c := range map[string]struct{ sdp, says string }{
		"empty":            {"", "0 m-lines"},
		"nonsense":         {"hello", "read SDP"},
		"no ICE":           {sdpBare + cam, "no ice-ufrag"},
		"no fingerprint":   {sdpBare + sdpICE + cam, "no fingerprint"},
		"no m-line":        {sdpHead, "0 m-lines"},
		"too many m-lines": {sdpHead + lots, "161 m-lines"},
		"too long":         {strings.Repeat("a", MaxSDP+1), "bytes of SDP"},
		"too many slots":   {sdpHead + slots, "3 recvonly video m-lines, at most 2"},
		"sendrecv":         {sdpHead + mline("video", "9", "sendrecv", "VP8/90000"), "sendrecv"},
		"unnamed source":   {sdpHead + mline("video", "9", "sendonly", "VP8/90000"), "names no source"},
		"wrong kind":       {sdpHead + mline("audio", "0", "sendonly", "opus/48000/2"), "cannot be a camera"},
		"two cameras":      {sdpHead + cam + mline("video", "2", "sendonly", "VP8/90000"), "two m-lines are the camera"},
		"same mid":         {sdpHead + cam + cam, "is taken"},
		"unknown codec":    {sdpHead + mline("video", "9", "recvonly", "theora/90000"), "no codec in common"},
		"data channel":     {sdpHead + "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\na=mid:9\r\n", "only audio and video"},
		"no mid":           {sdpHead + strings.Replace(cam, "a=mid:0\r\n", "", 1), "mid"},
		"rid twice":        {sdpHead + mline("video", "0", "sendonly", "VP8/90000", "rid:q send", "rid:q send"), "bad rid"},
		"too many layers":  {sdpHead + mline("video", "0", "sendonly", "VP8/90000", "rid:a send", "rid:b send", "rid:c send", "rid:d send", "rid:e send"), "5 simulcast layers"},
	} {
		_, err := parseOffer(c.sdp, tracks, limits{1, 2})
		if !errors.Is(err, ErrBadOffer) || !contains(fmt.Sprint(err), c.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// An offer that fails halfway ends the connection, and says so.
func TestBrokenOffer(t *testing.T) {
	e := newEngine(t, Config{})
	c := newClient(t, e)
	bad := sdpHead + mline("video", "0", "recvonly", "VP8/90000", "ice-ufrag:other", "candidate:nonsense")
	if _, err := c.peer.Answer(context.Background(), bad, nil); !errors.Is(err, ErrBadOffer) {
		t.Fatalf("bad offer: %v", err)
	}
	c.await(Failed)
	if err := tryReceive(c); !errors.Is(err, ErrBroken) {
		t.Fatalf("offer afterwards: %v", err)
	}
}

// A refused offer leaves the peer as it was: the next one works.
func TestRefusedOfferDoesNoHarm(t *testing.T) {
	e := newEngine(t, Config{})
	c := newClient(t, e)
	for _, bad := range []string{"", sdpBare + mline("video", "0", "recvonly", "VP8/90000"),
		sdpBare + sdpICE + mline("video", "0", "recvonly", "VP8/90000"),
		sdpBare + sdpICE + "a=fingerprint:sha-256\r\n" + mline("video", "0", "recvonly", "VP8/90000")} {
		if _, err := c.peer.Answer(context.Background(), bad, nil); !errors.Is(err, ErrBadOffer) {
			t.Fatalf("bad offer: %v", err)
		}
	}
	c.receive(videoKind, audioKind)
	c.connect()
	if n := len(c.peer.Slots()); n != 2 {
		t.Fatalf("%d slots", n)
	}
	c.receive(videoKind, videoKind, videoKind, videoKind)
	if err := c.tryNegotiate(nil); !errors.Is(err, ErrBadOffer) {
		t.Fatalf("too many slots: %v", err)
	}
	if c.peer.State() != Connected || len(c.peer.Slots()) != 2 {
		t.Fatal("the refused offer changed something")
	}
}

func FuzzParseOffer(f *testing.F) {
	f.Add(sdpHead + mline("video", "0", "sendonly", "VP8/90000", "rid:q send"))
	f.Add(sdpHead + mline("audio", "0", "recvonly", "opus/48000/2") + mline("video", "1", "inactive", "VP8/90000"))
	f.Fuzz(func(t *testing.T, text string) {
		o, err := parseOffer(text, map[string]track.Source{"0": track.Camera}, limits{3, 4})
		if err != nil && !errors.Is(err, ErrBadOffer) {
			t.Fatal(err)
		}
		if len(o.lines) > MaxLines {
			t.Fatal("too many lines")
		}
	})
}

func tryReceive(c *client) error {
	c.t.Helper()
	c.receive(videoKind)
	return c.tryNegotiate(nil)
}
