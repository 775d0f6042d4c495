package sfu

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/sdp/v3"
	"github.com/pion/webrtc/v4"

	"github.com/meetcast/meetcast/sfu/track"
)

// camera sends synthetic pictures: real payload descriptors and key-frame
// headers, and nothing behind them.
type camera struct {
	t      *testing.T
	sender *webrtc.RTPSender
	mid    func() string
	layers []*cameraLayer
	stop   chan struct{}
	wg     sync.WaitGroup
}

type cameraLayer struct {
	rid    string
	track  *webrtc.TrackLocalStaticRTP
	width  int
	height int
	size   int // payload bytes of a packet

	seq     uint16
	ts      uint32
	picture uint16
	key     atomic.Bool // a key frame is wanted
	off     atomic.Bool
	plis    atomic.Int64
}

const h264Format = "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f"

const frameInterval = 20 * time.Millisecond

// publish adds a video m-line; no rids make a single layer.
func (c *client) publish(source track.Source, mime string, rids ...string) *camera {
	c.t.Helper()
	id := string(source)
	c.sources[id] = source
	cam := &camera{t: c.t, stop: make(chan struct{})}
	codec := webrtc.RTPCodecCapability{MimeType: mime, ClockRate: 90000}
	if mime == webrtc.MimeTypeH264 {
		codec.SDPFmtpLine = h264Format
	}
	if len(rids) == 0 {
		rids = []string{""}
	}
	var transceiver *webrtc.RTPTransceiver
	for i, rid := range rids {
		l := &cameraLayer{rid: rid, width: 320 << i, height: 180 << i, size: 200 << i, seq: 65530, ts: uint32(i) * 1e6, picture: 0x7ff0}
		if rid == "q" || rid == "" {
			l.width, l.height, l.size = 320, 180, 200
		}
		l.key.Store(true)
		var options []func(*webrtc.TrackLocalStaticRTP)
		if rid != "" {
			options = append(options, webrtc.WithRTPStreamID(rid))
		}
		var err error
		if l.track, err = webrtc.NewTrackLocalStaticRTP(codec, id, "s", options...); err != nil {
			c.t.Fatal(err)
		}
		cam.layers = append(cam.layers, l)
		if i == 0 {
			transceiver, err = c.pc.AddTransceiverFromTrack(l.track, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionSendonly})
			cam.sender = transceiver.Sender()
		} else {
			err = cam.sender.AddEncoding(l.track)
		}
		if err != nil {
			c.t.Fatal(err)
		}
	}
	cam.mid = transceiver.Mid
	return cam
}

// start begins to film, until the test ends.
func (cam *camera) start() {
	cam.t.Cleanup(cam.end)
	for _, l := range cam.layers {
		cam.wg.Go(func() { cam.listen(l) })
	}
	cam.wg.Go(func() {
		tick := time.NewTicker(frameInterval)
		defer tick.Stop()
		for {
			select {
			case <-cam.stop:
				return
			case <-tick.C:
				for _, l := range cam.layers {
					if !l.off.Load() {
						cam.frame(l)
					}
				}
			}
		}
	})
}

func (cam *camera) end() {
	select {
	case <-cam.stop:
	default:
		close(cam.stop)
	}
	_ = cam.sender.Stop()
	cam.wg.Wait()
}

// listen answers requests for key frames.
func (cam *camera) listen(l *cameraLayer) {
	buf := make([]byte, 1500)
	for {
		var n int
		var err error
		if l.rid != "" {
			n, _, err = cam.sender.ReadSimulcast(buf, l.rid)
		} else {
			n, _, err = cam.sender.Read(buf)
		}
		if err != nil {
			return
		}
		pkts, _ := rtcp.Unmarshal(buf[:n])
		for _, p := range pkts {
			if _, ok := p.(*rtcp.PictureLossIndication); ok {
				l.plis.Add(1)
				l.key.Store(true)
			}
		}
	}
}

// frame sends one picture in two packets.
func (cam *camera) frame(l *cameraLayer) {
	l.ts += uint32(frameInterval.Seconds() * 90000)
	l.picture = (l.picture + 1) & 0x7fff
	key := l.key.Swap(false)
	for i := range 2 {
		l.seq++
		h := rtp.Header{Version: 2, SequenceNumber: l.seq, Timestamp: l.ts, Marker: i == 1}
		if l.rid != "" {
			for _, e := range cam.sender.GetParameters().HeaderExtensions {
				switch e.URI {
				case sdp.SDESMidURI:
					_ = h.SetExtension(uint8(e.ID), []byte(cam.mid()))
				case sdp.SDESRTPStreamIDURI:
					_ = h.SetExtension(uint8(e.ID), []byte(l.rid))
				}
			}
		}
		payload := l.vp8(key, i == 0)
		if l.track.Codec().MimeType == webrtc.MimeTypeH264 {
			payload = l.h264(key, i == 0)
		}
		_ = l.track.WriteRTP(&rtp.Packet{Header: h, Payload: payload})
	}
}

func (l *cameraLayer) vp8(key, start bool) []byte {
	b := make([]byte, l.size)
	b[0], b[1], b[2], b[3] = 0x80, 0x80, 0x80|byte(l.picture>>8), byte(l.picture)
	if !start {
		return b
	}
	b[0] |= 0x10
	f := b[4:]
	f[0] = 1
	if key {
		copy(f, []byte{0x10, 0, 0, 0x9d, 0x01, 0x2a, byte(l.width), byte(l.width >> 8), byte(l.height), byte(l.height >> 8)})
	}
	return b
}

func (l *cameraLayer) h264(key, start bool) []byte {
	b := make([]byte, l.size)
	switch {
	case key && start:
		b[0], b[1] = 0x65, 0x88
	case start:
		b[0], b[1] = 0x41, 0x9a
	default:
		b[0], b[1] = 0x41, 0x02
	}
	return b
}

// microphone sends Opus packets with an audio level.
func (c *client) microphone(level func() uint8) func() {
	c.t.Helper()
	c.sources["mic"] = track.Microphone
	tr, err := webrtc.NewTrackLocalStaticRTP(webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeOpus, ClockRate: 48000, Channels: 2}, "mic", "s")
	if err != nil {
		c.t.Fatal(err)
	}
	transceiver, err := c.pc.AddTransceiverFromTrack(tr, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionSendonly})
	if err != nil {
		c.t.Fatal(err)
	}
	return func() {
		stop, done := make(chan struct{}), make(chan struct{})
		c.t.Cleanup(func() { close(stop); <-done })
		go func() {
			defer close(done)
			h := rtp.Header{Version: 2}
			for tick := time.Tick(20 * time.Millisecond); ; {
				select {
				case <-stop:
					return
				case <-tick:
				}
				h.SequenceNumber++
				h.Timestamp += 960
				for _, e := range transceiver.Sender().GetParameters().HeaderExtensions {
					if e.URI == sdp.AudioLevelURI {
						_ = h.SetExtension(uint8(e.ID), []byte{level()})
					}
				}
				_ = tr.WriteRTP(&rtp.Packet{Header: h, Payload: make([]byte, 80)})
			}
		}()
	}
}
