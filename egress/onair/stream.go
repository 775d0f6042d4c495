package onair

import (
	"encoding/binary"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/pion/rtp"
	"github.com/pion/rtp/codecs"

	"github.com/meetcast/meetcast/egress/media"
	"github.com/meetcast/meetcast/sfu/forward"
	"github.com/meetcast/meetcast/sfu/track"
)

const (
	// pictureRate is the RTP clock of H.264 (RFC 6184 §8.2.1), Hz.
	pictureRate = 90000
	// maxPayload keeps packets, with what SRTP and header extensions add, below
	// the MTU of every path that carries WebRTC, bytes.
	maxPayload = 1180
	// The payload types within the server; viewers get those they negotiated.
	pictureType, soundType = 96, 111
	// clockEvery is how often the clock of a stream is told.
	clockEvery = 500 * time.Millisecond
)

// stream numbers and stamps the packets of one track. It belongs to the
// goroutine of the programme.
type stream struct {
	*forward.Track
	lane   *forward.Lane
	epoch  time.Time
	rate   int64
	origin uint32 // RTP time of PTS 0
	header rtp.Header
	buf    [1500]byte
	told   time.Duration // PTS at which the clock was told
}

func newStream(info track.Info, payloadType uint8, epoch time.Time) stream {
	t := forward.NewTrack(forward.TrackConfig{Info: info, Feedback: deaf{}})
	return stream{Track: t, lane: t.Lane(""), epoch: epoch, rate: int64(info.ClockRate), origin: rand.Uint32(), told: -clockEvery,
		header: rtp.Header{Version: 2, PayloadType: payloadType, SSRC: rand.Uint32N(1<<32-1) + 1, SequenceNumber: uint16(rand.Uint32())}}
}

// at moves the stream to a PTS.
func (s *stream) at(pts time.Duration) {
	seconds, rest := int64(pts/time.Second), int64(pts%time.Second)
	s.header.Timestamp = s.origin + uint32(seconds*s.rate+rest*s.rate/int64(time.Second))
	if pts-s.told >= clockEvery || pts < s.told {
		s.told = pts
		s.lane.SenderReport(track.ClockRef{NTP: s.epoch.Add(pts), RTP: s.header.Timestamp})
	}
}

// packet sends one packet.
func (s *stream) packet(payload []byte, marker bool) {
	s.header.Marker = marker
	n, err := s.header.MarshalTo(s.buf[:])
	if err != nil || n+len(payload) > len(s.buf) {
		return // an Opus packet of more than a kilobyte: not one of ours
	}
	n += copy(s.buf[n:], payload)
	s.lane.Receive(s.buf[:n], time.Now())
	s.header.SequenceNumber++
}

// picture is the track of the H.264 stream.
type picture struct {
	stream
	payloader codecs.H264Payloader
}

func newPicture(info track.Info, epoch time.Time) *picture {
	return &picture{stream: newStream(info, pictureType, epoch)}
}

// send sends an access unit in packetization mode 1 (RFC 6184), a key picture
// with its parameter sets.
func (p *picture) send(s media.Sample, params *media.VideoParams) {
	p.at(s.PTS)
	var payloads [][]byte
	if s.Key {
		p.payloader.Payload(maxPayload, params.SPS)
		p.payloader.Payload(maxPayload, params.PPS)
	}
	for b := s.Data; len(b) > 4; {
		n := int(binary.BigEndian.Uint32(b))
		if n > len(b)-4 {
			break
		}
		payloads = append(payloads, p.payloader.Payload(maxPayload, b[4:4+n])...)
		b = b[4+n:]
	}
	for i, payload := range payloads {
		p.packet(payload, i == len(payloads)-1)
	}
}

// sound is the track of the Opus stream. It knows whether anybody listens.
type sound struct {
	stream
	heard func(bool)

	mu    sync.Mutex // also orders the calls of heard
	downs map[track.DownTrack]struct{}
}

func newSound(info track.Info, epoch time.Time, heard func(bool)) *sound {
	return &sound{stream: newStream(info, soundType, epoch), heard: heard, downs: make(map[track.DownTrack]struct{})}
}

// send sends one Opus packet.
func (s *sound) send(m media.Sample) {
	s.at(m.PTS)
	s.packet(m.Data, false)
}

// Attach implements track.UpTrack.
func (s *sound) Attach(d track.DownTrack) {
	s.Track.Attach(d)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.downs[d] = struct{}{}; len(s.downs) == 1 {
		s.heard(true)
	}
}

// Detach implements track.UpTrack.
func (s *sound) Detach(d track.DownTrack) {
	s.Track.Detach(d)
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, there := s.downs[d]; !there {
		return
	}
	if delete(s.downs, d); len(s.downs) == 0 {
		s.heard(false)
	}
}

// deaf is the feedback to an encoder that takes none: the next key picture is
// never far, and what viewers miss is repeated from the track's own cache.
type deaf struct{}

// PictureLoss implements forward.Feedback.
func (deaf) PictureLoss(uint32) {}

// Nack implements forward.Feedback: nothing is lost within a process.
func (deaf) Nack(uint32, []uint16) {}

// RTT implements forward.Feedback.
func (deaf) RTT() time.Duration { return 0 }
