package sfu

import (
	"context"
	"errors"
	"strconv"
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
	sdpHead = sdpBare + sdpICE + "a=fingerprint:sha-256 " + digest + "\r\na=setup:actpass\r\n"
	digest  = "00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF"
)

func mline(kind, mid, direction, codec string, more ...string) string {
	s := "m=" + kind + " 9 UDP/TLS/RTP/SAVPF 96 97\r\nc=IN IP4 0.0.0.0\r\na=mid:" + mid + "\r\na=" + direction +
		"\r\na=rtcp-mux\r\na=rtcp-rsize\r\na=rtpmap:96 " + codec + "\r\n"
	for _, a := range more {
		s += "a=" + a + "\r\n"
	}
	return s
}

func bundle(mids ...string) string { return "a=group:BUNDLE " + strings.Join(mids, " ") + "\r\n" }

func answer(t *testing.T, p *Peer, offer string, tracks map[string]track.Source) string {
	t.Helper()
	a, err := p.Answer(context.Background(), offer, tracks)
	if err != nil {
		t.Fatalf("%v\n%s", err, offer)
	}
	return a
}

// Whoever renames its m-lines again and again makes us remember each of them.
func TestSlotsOfALifeAreBounded(t *testing.T) {
	p, _ := newBarePeer(t, nil)
	var last string
	for i := range maxSlotsMade {
		last = sdpHead + mline("video", strconv.Itoa(i), "recvonly", "VP8/90000")
		answer(t, p, last, nil)
	}
	if _, err := p.Answer(context.Background(), sdpHead+mline("video", "more", "recvonly", "VP8/90000"), nil); !errors.Is(err, ErrBadOffer) {
		t.Fatalf("%v", err)
	}
	answer(t, p, last, nil) // what is there goes on
}

// A refused offer leaves the peer as it was: the next one works.
func TestRefusedOfferDoesNoHarm(t *testing.T) {
	e := newEngine(t, Config{})
	c := newClient(t, e)
	for _, bad := range []string{"", sdpBare + mline("video", "0", "recvonly", "VP8/90000"),
		sdpBare + sdpICE + mline("video", "0", "recvonly", "VP8/90000"),
		sdpBare + sdpICE + "a=fingerprint:sha-256\r\n" + mline("video", "0", "recvonly", "VP8/90000"),
		sdpBare + sdpICE + "a=fingerprint:md5 00:11\r\n" + mline("video", "0", "recvonly", "VP8/90000"),
		sdpHead + mline("video", "0", "recvonly", "VP8/90000", "ice-ufrag:other", "candidate:nonsense")} {
		if _, err := c.peer.Answer(context.Background(), bad, nil); !errors.Is(err, ErrBadOffer) {
			t.Fatalf("bad offer: %v", err)
		}
	}
	if s := c.peer.State(); s != 0 {
		t.Fatalf("state %v after bad offers", s)
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

// What belongs to the DTLS association cannot change under it.
func TestLaterOffersKeepTheAssociation(t *testing.T) {
	p, _ := newBarePeer(t, nil)
	good := sdpHead + mline("video", "0", "recvonly", "VP8/90000")
	first := answer(t, p, good, nil)
	if !contains(first, "a=setup:passive") || !contains(first, "a=sendonly") || !contains(first, "a=ice-lite") {
		t.Fatalf("%s", first)
	}
	for name, bad := range map[string]string{
		"certificate": strings.Replace(good, "sha-256 00", "sha-256 FF", 1),
		"role":        strings.Replace(good, "setup:actpass", "setup:passive", 1),
	} {
		if _, err := p.Answer(context.Background(), bad, nil); !errors.Is(err, ErrBadOffer) {
			t.Errorf("another %s: %v", name, err)
		}
	}
	for name, ok := range map[string]string{
		"the same":       good,
		"setup chosen":   strings.Replace(good, "setup:actpass", "setup:active", 1),
		"small letters":  strings.Replace(good, "AA:BB", "aa:bb", 2),
		"an ICE restart": strings.Replace(good, "abcd\r\n", "efgh\r\n", 1),
	} {
		if a := answer(t, p, ok, nil); !contains(a, "a=setup:passive") {
			t.Errorf("%s: %s", name, a)
		}
	}
}

// A client that waits for the handshake is shaken hands with.
func TestOfferedPassive(t *testing.T) {
	p, c := newBarePeer(t, nil)
	a := answer(t, p, strings.Replace(sdpHead, "actpass", "passive", 1)+mline("audio", "0", "recvonly", "opus/48000/2"), nil)
	if !contains(a, "a=setup:active") || c.remote.DTLSRole == 0 {
		t.Fatalf("%+v\n%s", c.remote, a)
	}
}

// An m-line may stop and go on, as a slot, as a track or as the other.
func TestLinesAreUsedAgain(t *testing.T) {
	var h heard
	p, _ := newBarePeer(t, &h)
	offer := func(direction string) string {
		return sdpHead + mline("video", "0", direction, "VP8/90000", "ssrc:7 cname:x")
	}
	answer(t, p, offer("recvonly"), nil)
	ssrc := p.wired.Load().slots[0].ssrc
	if a := answer(t, p, offer("inactive"), nil); !contains(a, "a=inactive") || !contains(a, "m=video 9 ") || len(p.Slots()) != 0 {
		t.Fatalf("%s", a)
	}
	answer(t, p, offer("recvonly"), nil)
	if s := p.wired.Load().slots; len(s) != 1 || s[0].ssrc == ssrc {
		t.Fatalf("%+v", s)
	}
	sources := map[string]track.Source{"0": track.Camera}
	answer(t, p, offer("sendonly"), sources)
	p.route(vp8Packet(7, 1, nil), now())
	if ups := p.UpTracks(); len(ups) != 1 || ups[0].Info().Source != track.Camera || len(p.Slots()) != 0 {
		t.Fatalf("%v", ups)
	}
	answer(t, p, offer("sendonly"), sources)
	if len(h.ended) != 0 {
		t.Fatal("the same offer again ended the track")
	}
	sources["0"] = track.Screen
	answer(t, p, offer("sendonly"), sources)
	p.route(vp8Packet(7, 2, nil), now())
	if ups := p.UpTracks(); len(ups) != 1 || ups[0].Info().Source != track.Screen || len(h.ended) != 1 {
		t.Fatalf("%v %v", ups, h.ended)
	}
	if a := answer(t, p, strings.Replace(offer("inactive"), "m=video 9", "m=video 0", 1), nil); !contains(a, "m=video 0 ") || len(p.UpTracks()) != 0 {
		t.Fatalf("%s", a)
	}
}
