package botclient

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/rtp/codecs"
	"github.com/pion/webrtc/v4"

	"github.com/meetcast/meetcast/internal/clip"
	"github.com/meetcast/meetcast/sfu/packet"
	"github.com/meetcast/meetcast/sfu/track"
)

// maxPayload of one RTP packet, bytes: what Chromium sends.
const maxPayload = 1150

// sender plays the clips of one published source, all layers in step.
type sender struct {
	source      track.Source
	transceiver *webrtc.RTPTransceiver
	rtp         *webrtc.RTPSender
	layers      []*encoding
	frame       time.Duration // between frames
	steady      bool          // as in Track

	mid    atomic.Pointer[string]
	level  atomic.Uint32 // audio level, -dBov
	muted  atomic.Bool
	bursts atomic.Uint64 // frames sent late because the machine is too slow
}

// encoding is one simulcast layer. The position in the clip is owned by the
// send loop; readers of RTCP only raise wantKey.
type encoding struct {
	rid        string
	local      *webrtc.TrackLocalStaticRTP
	clip       *clip.Clip
	packetizer rtp.Packetizer
	next       int
	wantKey    atomic.Bool

	packets, bytes, plis, nacks, skipped atomic.Uint64
}

func newSender(pc *webrtc.PeerConnection, t Track) (*sender, error) {
	s := &sender{source: t.Source, frame: t.Layers[0].FrameDuration, steady: t.Steady}
	s.level.Store(uint32(t.Level))
	names := rids[len(t.Layers)]
	for i, c := range t.Layers {
		e, err := newEncoding(string(t.Source), names[i], c)
		if err != nil {
			return nil, err
		}
		s.layers = append(s.layers, e)
	}
	var err error
	s.transceiver, err = pc.AddTransceiverFromTrack(s.layers[0].local,
		webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionSendonly})
	if err != nil {
		return nil, fmt.Errorf("add track: %w", err)
	}
	s.rtp = s.transceiver.Sender()
	for _, e := range s.layers[1:] {
		if err := s.rtp.AddEncoding(e.local); err != nil {
			return nil, fmt.Errorf("add layer %s: %w", e.rid, err)
		}
	}
	return s, nil
}

func newEncoding(id, rid string, c *clip.Clip) (*encoding, error) {
	capability := webrtc.RTPCodecCapability{ClockRate: c.ClockRate()}
	var payloader rtp.Payloader
	switch c.Codec {
	case packet.VP8:
		capability.MimeType = webrtc.MimeTypeVP8
		payloader = &codecs.VP8Payloader{EnablePictureID: true}
	case packet.H264:
		capability.MimeType = webrtc.MimeTypeH264
		capability.SDPFmtpLine = "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f"
		payloader = &codecs.H264Payloader{}
	case packet.Opus:
		capability.MimeType, capability.Channels = webrtc.MimeTypeOpus, 2
		payloader = &codecs.OpusPayloader{}
	default:
		return nil, fmt.Errorf("codec %v cannot be sent", c.Codec)
	}
	var options []func(*webrtc.TrackLocalStaticRTP)
	if rid != "" {
		options = append(options, webrtc.WithRTPStreamID(rid))
	}
	local, err := webrtc.NewTrackLocalStaticRTP(capability, id, "bot", options...)
	if err != nil {
		return nil, fmt.Errorf("make track: %w", err)
	}
	// Payload type and SSRC are filled in by the track.
	packetizer := rtp.NewPacketizer(maxPayload+12, 0, 0, payloader, rtp.NewFixedSequencer(uint16(rand.Uint32())), c.ClockRate())
	return &encoding{rid: rid, local: local, clip: c, packetizer: packetizer}, nil
}

func (s *sender) setMid(mid string) { s.mid.Store(&mid) }

// run sends in real time until the context ends. It waits for the media path.
func (s *sender) run(ctx context.Context, ready <-chan struct{}) {
	select {
	case <-ctx.Done():
		return
	case <-ready:
	}
	var readers sync.WaitGroup
	defer readers.Wait()
	for _, e := range s.layers {
		readers.Go(func() { s.readRTCP(e) })
	}
	ext := s.extensions()
	timer := time.NewTimer(0)
	defer timer.Stop()
	due := time.Now()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		s.nextFrame(ext)
		due = due.Add(s.frame)
		wait := time.Until(due)
		if wait < -s.frame {
			s.bursts.Add(1)
		}
		timer.Reset(max(wait, 0))
	}
}

// nextFrame sends the next frame of every layer; while muted, only time passes.
func (s *sender) nextFrame(ext extensionIDs) {
	muted := s.muted.Load()
	for _, e := range s.layers {
		samples := samplesIn(e.clip.FrameDuration, e.clip.ClockRate())
		if muted {
			e.packetizer.SkipSamples(samples)
			e.wantKey.Store(true)
			continue
		}
		if e.wantKey.Swap(false) && !s.steady {
			e.next = e.clip.NextKey(e.next)
		}
		f := e.clip.Frames[e.next]
		e.next = (e.next + 1) % len(e.clip.Frames)
		for _, p := range e.packetizer.Packetize(f.Data, samples) {
			s.extend(p, e, ext)
			if err := e.local.WriteRTP(p); err != nil {
				e.skipped.Add(1)
				continue
			}
			e.packets.Add(1)
			e.bytes.Add(uint64(len(p.Payload)))
		}
	}
}

// samplesIn returns the RTP timestamp step of a frame, rounded.
func samplesIn(d time.Duration, rate uint32) uint32 {
	return uint32((uint64(rate)*uint64(d) + 5e8) / 1e9)
}

// extensionIDs are the negotiated numbers of header extensions, 0 = not agreed.
type extensionIDs struct{ mid, rid, level uint8 }

func (s *sender) extensions() (ids extensionIDs) {
	for _, e := range s.rtp.GetParameters().HeaderExtensions {
		switch e.URI {
		case uriMid:
			ids.mid = uint8(e.ID)
		case uriRID:
			ids.rid = uint8(e.ID)
		case uriAudioLevel:
			ids.level = uint8(e.ID)
		}
	}
	return ids
}

// extend puts the header extensions on a packet. A browser stops sending mid
// and rid after a while; a bot may send them always.
func (s *sender) extend(p *rtp.Packet, e *encoding, ids extensionIDs) {
	if mid := s.mid.Load(); ids.mid != 0 && mid != nil {
		_ = p.SetExtension(ids.mid, []byte(*mid))
	}
	if ids.rid != 0 && e.rid != "" {
		_ = p.SetExtension(ids.rid, []byte(e.rid))
	}
	if ids.level != 0 {
		level := byte(s.level.Load()) & 0x7f
		if level < 60 { // RFC 6464 §3: the V bit, "voice"
			level |= 0x80
		}
		_ = p.SetExtension(ids.level, []byte{level})
	}
}

// readRTCP hears key-frame requests until the sender is stopped. NACKs are
// answered by the interceptor under it and only counted here.
func (s *sender) readRTCP(e *encoding) {
	for {
		var (
			packets []rtcp.Packet
			err     error
		)
		if e.rid == "" {
			packets, _, err = s.rtp.ReadRTCP()
		} else {
			packets, _, err = s.rtp.ReadSimulcastRTCP(e.rid)
		}
		if err != nil {
			return
		}
		for _, p := range packets {
			switch p.(type) {
			case *rtcp.PictureLossIndication, *rtcp.FullIntraRequest:
				e.plis.Add(1)
				e.wantKey.Store(true)
			case *rtcp.TransportLayerNack:
				e.nacks.Add(1)
			}
		}
	}
}
