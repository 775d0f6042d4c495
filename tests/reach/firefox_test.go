package reach

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/meetcast/meetcast/tests/testkit"
)

// watchPeers keeps the page's PeerConnections for their statistics.
var watchPeers = onlyServers("true")

// firefoxTone is what Firefox's fake microphone plays, Hz.
const firefoxTone = 1000

// TestFirefox: a Firefox and a Chromium in one room see and hear each other, with
// VP8, VP9 and AV1. What Firefox has no decoder for it tells of in words.
func TestFirefox(t *testing.T) {
	server := testkit.StartServer(t, testkit.ServerOptions{})
	for _, codec := range []string{"vp8", "vp9", "av1"} {
		t.Run(codec, func(t *testing.T) {
			room := server.CreateRoom(t, "firefox_"+codec)
			camera := annCamera
			chromium := testkit.StartBrowser(t, testkit.BrowserOptions{Camera: &camera, Microphone: &testkit.Microphone{Frequency: 620}, Script: watchPeers})
			firefox := testkit.StartFirefox(t, testkit.BrowserOptions{Script: watchPeers}, nil)
			chromium.Open(withCodec(room.JoinURL(room.Token, "Ann"), codec))
			firefox.Open(withCodec(room.JoinURL(room.Invite(t, false), "Bob"), codec))
			for _, b := range []*testkit.Browser{chromium, firefox} {
				b.WaitFor(patience, testkit.Control("leave"))
			}
			moves(t, chromium, testkit.TileOf("Bob", "camera"))
			firefox.Sees(patience, testkit.TileOf("Ann", "camera"), annCamera)
			chromium.Hears(patience, firefoxTone)
			for name, b := range map[string]*testkit.Browser{"Chromium": chromium, "Firefox": firefox} {
				receives(t, b, name, "video/"+codec)
				picture(t, b, "firefox-"+codec+"-"+name)
			}
			if codec == "vp8" {
				layers(t, firefox)
			}
			if codec == "av1" {
				toldOfH264(t, room, chromium, firefox)
			}
		})
	}
}

// toldOfH264 lets the Chromium come back with H.264: Firefox shows it where it has a
// decoder, which it loads from its makers, and else says why there is no picture.
func toldOfH264(t *testing.T, room *testkit.Room, chromium, firefox *testkit.Browser) {
	t.Helper()
	var decodes bool
	if err := firefox.Eval(`RTCRtpReceiver.getCapabilities("video").codecs.some((c) => c.mimeType === "video/H264")`, &decodes); err != nil {
		t.Fatal(err)
	}
	t.Logf("this Firefox decodes H.264: %v", decodes)
	chromium.Open("about:blank")
	chromium.Open(withCodec(room.JoinURL(room.Token, "Hal"), "h264"))
	if decodes {
		firefox.Sees(patience, testkit.TileOf("Hal", "camera"), annCamera)
		return
	}
	const why = "Hal’s browser sends H.264, which this browser cannot show."
	firefox.Wait(patience, "Firefox is told of H.264",
		fmt.Sprintf(`__testkit.all("[data-testid=tile-why]").some((e) => e.textContent === %q)`, why))
}

func withCodec(url, codec string) string {
	return insertQuery(url, "codec="+codec)
}

// moves waits until a video shows something that is not black and changes.
func moves(t *testing.T, b *testkit.Browser, selector string) {
	t.Helper()
	var first []byte
	testkit.Until(t, patience, selector+" shows a moving picture", func() error {
		frame, err := b.Look(selector)
		if err != nil {
			return err
		}
		var sum, apart int
		for i, v := range frame.Pix {
			if i%4 == 3 {
				continue // opacity
			}
			sum += int(v)
			if first != nil {
				apart += max(int(v)-int(first[i]), int(first[i])-int(v))
			}
		}
		n := len(frame.Pix) * 3 / 4
		switch {
		case sum/n < 8:
			return errors.New("it is black")
		case first == nil:
			first = frame.Pix
			return errors.New("looked at once")
		case apart/n < 2:
			return errors.New("it stands still")
		}
		return nil
	})
}

// receives waits until a page decodes video of a codec and sound that is no silence:
// a second of a tone has an energy of about 0.05 (totalAudioEnergy). Firefox runs no
// AudioContext on a machine without loudspeakers, so it cannot tell the tone.
func receives(t *testing.T, b *testkit.Browser, name, mime string) {
	t.Helper()
	testkit.Until(t, patience, name+" decodes "+mime+" and sound", func() error {
		var got struct {
			Codecs []string
			Frames float64
			Sound  float64
		}
		if err := b.Eval(`(async () => {
			const got = {codecs: [], frames: 0, sound: 0};
			for (const pc of __peers) {
				const all = await pc.getStats();
				all.forEach((s) => {
					if (s.type !== "inbound-rtp") return;
					if (s.kind === "video" && s.framesDecoded > 0) { got.frames += s.framesDecoded; got.codecs.push(all.get(s.codecId)?.mimeType ?? ""); }
					if (s.kind === "audio") got.sound += s.totalAudioEnergy ?? 0;
				});
			}
			return got;
		})()`, &got); err != nil {
			return err
		}
		for _, c := range got.Codecs {
			if strings.EqualFold(c, mime) && got.Frames > 10 && got.Sound > 0.02 {
				return nil
			}
		}
		return fmt.Errorf("it gets %+v", got)
	})
}

// layers checks that Firefox sends simulcast.
func layers(t *testing.T, b *testkit.Browser) {
	t.Helper()
	testkit.Until(t, patience, "Firefox sends simulcast", func() error {
		var layers int
		if err := b.Eval(`(async () => {
			const rids = new Set();
			for (const pc of __peers) (await pc.getStats()).forEach((s) => {
				if (s.type === "outbound-rtp" && s.kind === "video" && s.rid && (s.framesEncoded ?? 0) > 0) rids.add(s.rid);
			});
			return rids.size;
		})()`, &layers); err != nil {
			return err
		}
		if layers < 2 {
			return fmt.Errorf("it has encoded %d layers", layers)
		}
		return nil
	})
}
