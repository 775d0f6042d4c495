package traces

import (
	"encoding/binary"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"

	"github.com/meetcast/meetcast/sfu/bwe"
	"github.com/meetcast/meetcast/sfu/bwe/bwetest"
	"github.com/meetcast/meetcast/sfu/downlink"
	"github.com/meetcast/meetcast/sfu/forward"
	"github.com/meetcast/meetcast/sfu/packet"
	"github.com/meetcast/meetcast/sfu/track"
	"github.com/meetcast/meetcast/tests/traces/netsim"
)

// feedbackInterval is how often a browser reports on what arrives; Chromium's
// lies between 50 and 250 ms and is 100 ms at first.
const feedbackInterval = 100 * time.Millisecond

// transportCC is the id of that header extension.
const transportCC = 3

// viewer is a subscriber: the server's side of it, and the model of its browser at
// the other end of two links.
type viewer struct {
	*loop
	down, up *netsim.Link

	estimator *bwe.Estimator
	control   *downlink.Controller
	downs     []*forward.Down
	due       int // number of the next run of the control loop

	recorder bwetest.Recorder
	screens  []*screen
	speaker  *speaker
	received int // bytes with overhead
	samples  []sample
}

// sample is the state at a moment.
type sample struct {
	at       time.Duration
	target   int
	received int // bytes so far
	layer    int // of the first screen
}

func newViewer(l *loop, down, up *netsim.Link) *viewer {
	v := &viewer{loop: l, down: down, up: up, estimator: bwe.New(bwe.Config{}, l.clock())}
	v.control = downlink.New(v.estimator)
	l.every(feedbackInterval, v.report)
	l.every(100*time.Millisecond, v.sample)
	l.after(0, func() { v.run(false) })
	return v
}

// run is the control loop of a peer.
func (v *viewer) run(urgent bool) {
	v.due++
	due := v.due
	wait := v.control.Run(v.clock(), v.downs, urgent, true)
	v.after(max(wait, time.Millisecond), func() {
		if v.due == due {
			v.run(false)
		}
	})
}

// slot adds a slot and what receives it.
func (v *viewer) slot(kind track.Kind, receive func(*rtp.Header, []byte), red bool) *forward.Down {
	d := forward.NewDown(forward.DownConfig{Kind: kind, Stamper: v.estimator, RTT: v.estimator.RTT, Now: v.clock})
	ssrc := uint32(10 + 2*len(v.downs))
	out := forward.Outlet{Writer: outlet{v, receive, ssrc + 1}, SSRC: ssrc, TransportCC: transportCC}
	if kind == track.Video {
		out.RTX = ssrc + 1
		out.Types[packet.VP8], out.RTXTypes[packet.VP8] = vp8Type, rtxType
	} else {
		out.Types[packet.Opus] = opusType
		if red {
			out.RED = redType
		}
	}
	d.Open(out)
	v.downs = append(v.downs, d)
	return d
}

// watch adds a slot for a camera.
func (v *viewer) watch(c *camera, width, height int) *screen {
	var d *forward.Down
	s := newScreen(v.loop,
		func(seqs []uint16) {
			pkt := rtcp.TransportLayerNack{Nacks: rtcp.NackPairsFromSequenceNumbers(seqs)}
			v.tell(16+4*len(pkt.Nacks), func() {
				for _, s := range seqs {
					d.Nack(s)
				}
			})
		},
		func() { v.tell(16, func() { d.PictureLoss() }) })
	d = v.slot(track.Video, s.receive, false)
	d.Bind(c.track, track.Size{Width: width, Height: height})
	v.screens = append(v.screens, s)
	v.run(true)
	return s
}

// listen adds a slot for a microphone.
func (v *viewer) listen(m *microphone, red bool) {
	v.speaker = newSpeaker(v.loop)
	v.slot(track.Audio, v.speaker.receive, red).Bind(m.track, track.Size{})
}

// tell carries feedback to the server.
func (v *viewer) tell(size int, do func()) {
	if at, ok := v.up.Send(v.now, size+overhead); ok {
		v.at(at, do)
	}
}

// report sends the transport-wide feedback.
func (v *viewer) report() {
	b := v.recorder.Report()
	if b == nil {
		return
	}
	v.tell(len(b), func() {
		urgent, err := v.estimator.Report(v.clock(), b)
		if err != nil {
			panic(err)
		}
		v.control.Repair(v.downs)
		if urgent {
			v.run(true)
		}
	})
}

func (v *viewer) sample() {
	s := sample{at: v.now, target: v.estimator.Target(), received: v.received, layer: -1}
	for _, d := range v.downs {
		if d.Kind() == track.Video {
			s.layer = d.Layer()
			break
		}
	}
	v.samples = append(v.samples, s)
}

// rate returns what came within a span, bit/s with all overhead.
func (v *viewer) rate(from, to time.Duration) float64 {
	var a, b int
	for _, s := range v.samples {
		if s.at <= from {
			a = s.received
		}
		if s.at <= to {
			b = s.received
		}
	}
	return float64(b-a) * 8 / (to - from).Seconds()
}

// outlet is the transport of a slot.
type outlet struct {
	v       *viewer
	receive func(*rtp.Header, []byte)
	rtx     uint32
}

// WriteRTP implements forward.Writer.
func (o outlet) WriteRTP(h *rtp.Header, payload []byte) (int, error) {
	v := o.v
	header := h.Clone()
	payload = append([]byte(nil), payload...)
	size := h.MarshalSize() + len(payload) + int(h.PaddingSize) + overhead - 8
	if at, ok := v.down.Send(v.now, size); ok {
		v.at(at, func() { v.arrive(o, &header, payload, size) })
	}
	return size, nil
}

func (v *viewer) arrive(o outlet, h *rtp.Header, payload []byte, size int) {
	v.received += size
	if ext := h.GetExtension(transportCC); len(ext) == 2 {
		v.recorder.Note(binary.BigEndian.Uint16(ext), v.now)
	}
	if h.SSRC == o.rtx {
		if len(payload) < 2 {
			return
		}
		h.SequenceNumber = binary.BigEndian.Uint16(payload)
		payload = payload[2:]
	}
	o.receive(h, payload)
}
