package whip

import (
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"
	"github.com/pion/webrtc/v4/pkg/media"

	"github.com/meetcast/meetcast/internal/unittest"
)

// client is an encoder or a player that we did not write: pion's.
type client struct {
	w        *world
	pc       *webrtc.PeerConnection
	passive  bool // it is the server of DTLS, as ffmpeg is
	location string
	etag     string

	mu      sync.Mutex
	packets map[webrtc.RTPCodecType][]rtp.Header
}

func newClient(w *world) *client {
	w.t.Helper()
	settings := webrtc.SettingEngine{}
	settings.SetIncludeLoopbackCandidate(true)
	m := &webrtc.MediaEngine{}
	if err := m.RegisterDefaultCodecs(); err != nil {
		w.t.Fatal(err)
	}
	pc, err := webrtc.NewAPI(webrtc.WithMediaEngine(m), webrtc.WithSettingEngine(settings)).NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		w.t.Fatal(err)
	}
	c := &client{w: w, pc: pc, packets: make(map[webrtc.RTPCodecType][]rtp.Header)}
	w.t.Cleanup(func() {
		if err := pc.GracefulClose(); err != nil {
			w.t.Error(err)
		}
	})
	pc.OnTrack(func(t *webrtc.TrackRemote, _ *webrtc.RTPReceiver) {
		for {
			p, _, err := t.ReadRTP()
			if err != nil {
				return
			}
			c.mu.Lock()
			c.packets[t.Kind()] = append(c.packets[t.Kind()], p.Header)
			c.mu.Unlock()
		}
	})
	return c
}

func (c *client) received(kind webrtc.RTPCodecType) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.packets[kind])
}

// post offers, and answers with the server's answer.
func (c *client) post(path string) {
	c.w.t.Helper()
	offer, err := c.pc.CreateOffer(nil)
	if err != nil {
		c.w.t.Fatal(err)
	}
	if err := c.pc.SetLocalDescription(offer); err != nil {
		c.w.t.Fatal(err)
	}
	if c.passive {
		offer.SDP = strings.ReplaceAll(offer.SDP, "a=setup:actpass", "a=setup:passive")
	}
	r := c.w.call(http.MethodPost, path, offer.SDP, isSDP, asBob)
	if r.status != http.StatusCreated {
		c.w.t.Fatalf("%s answered %d %s", path, r.status, r.body)
	}
	c.location, c.etag = r.header.Get("Location"), r.header.Get("ETag")
	if err := c.pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: r.body}); err != nil {
		c.w.t.Fatal(err)
	}
}

func (c *client) connected() {
	c.w.t.Helper()
	unittest.Until(c.w.t, "connected", func() bool { return c.pc.ConnectionState() == webrtc.PeerConnectionStateConnected })
}

// publish sends a camera, of one key frame again and again, and a microphone.
func (c *client) publish(path string) {
	c.w.t.Helper()
	track := func(mime, id string) *webrtc.TrackLocalStaticSample {
		t, err := webrtc.NewTrackLocalStaticSample(webrtc.RTPCodecCapability{MimeType: mime}, id, "encoder")
		if err != nil {
			c.w.t.Fatal(err)
		}
		s, err := c.pc.AddTransceiverFromTrack(t, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionSendonly})
		if err != nil {
			c.w.t.Fatal(err)
		}
		go func() { // ends with the connection
			for {
				if _, _, err := s.Sender().ReadRTCP(); err != nil {
					return
				}
			}
		}()
		return t
	}
	sound, picture := track(webrtc.MimeTypeOpus, "sound"), track(webrtc.MimeTypeVP8, "picture")
	c.post(path)
	stop, done := make(chan struct{}), make(chan struct{})
	c.w.t.Cleanup(func() { close(stop); <-done })
	go func() {
		defer close(done)
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-stop:
				return
			case <-tick.C:
			}
			_ = sound.WriteSample(media.Sample{Data: []byte{0xfc, 0, 0}, Duration: 20 * time.Millisecond})
			_ = picture.WriteSample(media.Sample{Data: keyFrame, Duration: 20 * time.Millisecond})
		}
	}()
}

// keyFrame is the begin of a VP8 key frame of 16×16.
var keyFrame = []byte{0x10, 0x02, 0x00, 0x9d, 0x01, 0x2a, 0x10, 0x00, 0x10, 0x00, 0, 0, 0, 0}

// receive asks for sound and picture.
func (c *client) receive(path string) {
	c.w.t.Helper()
	for _, kind := range []webrtc.RTPCodecType{webrtc.RTPCodecTypeAudio, webrtc.RTPCodecTypeVideo} {
		_, err := c.pc.AddTransceiverFromKind(kind, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionRecvonly})
		if err != nil {
			c.w.t.Fatal(err)
		}
	}
	c.post(path)
}

func (c *client) plays() {
	c.w.t.Helper()
	unittest.Until(c.w.t, "sound and picture come", func() bool {
		return c.received(webrtc.RTPCodecTypeAudio) > 5 && c.received(webrtc.RTPCodecTypeVideo) > 5
	})
}

// restart makes the fragment of an ICE restart from a new offer.
func (c *client) restart() string {
	c.w.t.Helper()
	offer, err := c.pc.CreateOffer(&webrtc.OfferOptions{ICERestart: true})
	if err != nil {
		c.w.t.Fatal(err)
	}
	if err := c.pc.SetLocalDescription(offer); err != nil {
		c.w.t.Fatal(err)
	}
	var b strings.Builder
	for _, key := range []string{"a=ice-ufrag:", "a=ice-pwd:"} {
		_, rest, _ := strings.Cut(offer.SDP, key)
		value, _, _ := strings.Cut(rest, "\r\n")
		b.WriteString(key + value + "\r\n")
	}
	return b.String()
}

// restarted gives the client what the server's fragment says, as an answer.
func (c *client) restarted(fragment string) {
	c.w.t.Helper()
	f, err := parseFragment(fragment)
	if err != nil {
		c.w.t.Fatal(err)
	}
	o, err := parseOffer(c.pc.RemoteDescription().SDP)
	if err != nil {
		c.w.t.Fatal(err)
	}
	again := o.restarted(f.ufrag, f.pwd)
	for _, cand := range f.candidates {
		m := again.desc.MediaDescriptions[0]
		m.WithValueAttribute("candidate", strings.TrimPrefix(cand.text, "candidate:"))
	}
	text, err := again.text()
	if err != nil {
		c.w.t.Fatal(err)
	}
	if err := c.pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: text}); err != nil {
		c.w.t.Fatal(err)
	}
}

// lose asks for a picture again, as players do.
func (c *client) lose() {
	for _, r := range c.pc.GetReceivers() {
		if t := r.Track(); t != nil && t.Kind() == webrtc.RTPCodecTypeVideo {
			_ = c.pc.WriteRTCP([]rtcp.Packet{&rtcp.PictureLossIndication{MediaSSRC: uint32(t.SSRC())}})
		}
	}
}
