package tap

import (
	"testing"
	"time"

	"github.com/pion/rtp"
	"github.com/pion/rtp/codecs"

	"github.com/meetcast/meetcast/sfu/packet"
	"github.com/meetcast/meetcast/sfu/track"
	"github.com/meetcast/meetcast/sfu/track/tracktest"
)

func TestPickLayer(t *testing.T) {
	layer := func(i, w, h int, active bool) track.Layer {
		return track.Layer{Index: i, Size: track.Size{Width: w, Height: h}, Active: active}
	}
	three := []track.Layer{layer(0, 320, 180, true), layer(1, 640, 360, true), layer(2, 1280, 720, true)}
	tests := []struct {
		name    string
		layers  []track.Layer
		want    track.Size
		current int
		pick    int
	}{
		{"nothing known", nil, track.Size{Width: 640, Height: 360}, -1, 0},
		{"small tile", three, track.Size{Width: 256, Height: 144}, -1, 0},
		{"exact", three, track.Size{Width: 640, Height: 360}, -1, 1},
		{"a little larger", three, track.Size{Width: 700, Height: 380}, -1, 1},
		{"crop needs height", three, track.Size{Width: 426, Height: 320}, -1, 1},
		{"too large for all", three, track.Size{Width: 1920, Height: 1080}, -1, 2},
		{"largest is off", []track.Layer{three[0], three[1], layer(2, 1280, 720, false)}, track.Size{Width: 1280, Height: 720}, 2, 1},
		{"sizes unknown: the largest", []track.Layer{layer(0, 0, 0, true), layer(1, 0, 0, true)}, track.Size{Width: 100, Height: 100}, -1, 1},
		{"sizes unknown: stay", []track.Layer{layer(0, 0, 0, true), layer(1, 0, 0, true)}, track.Size{Width: 100, Height: 100}, 0, 0},
		{"all off: stay", []track.Layer{layer(0, 320, 180, false), layer(1, 640, 360, false)}, track.Size{Width: 100, Height: 100}, 1, 1},
	}
	for _, tc := range tests {
		if got := pickLayer(tc.layers, tc.want, tc.current); got != tc.pick {
			t.Errorf("%s: layer %d, want %d", tc.name, got, tc.pick)
		}
	}
}

// keptFrames is a VideoHandler that keeps what it gets.
type keptFrames struct {
	sizes    []int
	keys     []bool
	captures []time.Duration
}

func (k *keptFrames) Frame(b []byte, capture time.Duration, key bool) {
	k.sizes, k.keys, k.captures = append(k.sizes, len(b)), append(k.keys, key), append(k.captures, capture)
}

// camera sends frames of one layer.
type camera struct {
	up    *tracktest.FakeUpTrack
	layer int
	seq   uint16
	ts    uint32
	lose  func(part int) bool
}

func (c *camera) send(key bool, size int, at time.Time) {
	pay := codecs.VP8Payloader{}
	parts := pay.Payload(1000, vp8Frame(key, size))
	for i, b := range parts {
		c.seq++
		if c.lose != nil && c.lose(i) {
			continue
		}
		c.up.Push(&packet.Packet{Header: rtp.Header{SequenceNumber: c.seq, Timestamp: c.ts, Marker: i == len(parts)-1},
			Payload: b, Arrival: at, Layer: c.layer, KeyFrame: key && i == 0, FrameStart: i == 0})
	}
	c.ts += 3000
}

func TestVideoSwitchesLayersAtKeyFrames(t *testing.T) {
	clock := testClock{time.Unix(1000, 0)}
	now := clock.epoch
	up := tracktest.NewUpTrack(track.Info{ID: "c", Source: track.Camera})
	up.SetLayers(
		track.Layer{Index: 0, Size: track.Size{Width: 320, Height: 180}, Active: true},
		track.Layer{Index: 1, Size: track.Size{Width: 640, Height: 360}, Active: true})
	var got keptFrames
	v := NewVideo(up, NewPublisher(), clock, track.Size{Width: 640, Height: 360}, &got)
	v.Tick(now)
	if up.KeyFrameRequests(1) != 1 {
		t.Errorf("%d key frames asked for on entry", up.KeyFrameRequests(1))
	}
	low, high := &camera{up: up, layer: 0, ts: 5}, &camera{up: up, layer: 1, seq: 999, ts: 1 << 31}
	step := func(lowKey, highKey bool) {
		now = now.Add(33 * ms)
		low.send(lowKey, 100, now)
		high.send(highKey, 2500, now)
	}
	step(true, false) // the wrong layer's key frame
	step(false, true) // begins here
	step(false, false)
	v.Want(track.Size{Width: 256, Height: 144})
	now = now.Add(time.Second)
	v.Tick(now)
	if up.KeyFrameRequests(0) != 1 {
		t.Errorf("%d key frames asked for the switch", up.KeyFrameRequests(0))
	}
	step(false, false) // still the high layer
	step(true, false)  // the switch
	step(false, true)
	want := []int{2500, 2500, 2500, 100, 100}
	if len(got.sizes) != len(want) {
		t.Fatalf("frames %v, want %v", got.sizes, want)
	}
	for i := range want {
		if got.sizes[i] != want[i] || got.keys[i] != (i == 0 || i == 3) {
			t.Errorf("frame %d: %d bytes, key %v", i, got.sizes[i], got.keys[i])
		}
		if i > 0 && got.captures[i] <= got.captures[i-1] {
			t.Errorf("frame %d goes back from %v to %v", i, got.captures[i-1], got.captures[i])
		}
	}
	v.Close()
	step(true, true)
	if len(got.sizes) != len(want) || len(up.Downs()) != 0 {
		t.Error("a frame after Close")
	}
}

func TestVideoAsksForAKeyFrameAfterLossOnly(t *testing.T) {
	clock := testClock{time.Unix(1000, 0)}
	now := clock.epoch
	up := tracktest.NewUpTrack(track.Info{ID: "c", Source: track.Camera})
	var got keptFrames
	v := NewVideo(up, NewPublisher(), clock, track.Size{Width: 640, Height: 360}, &got)
	v.Tick(now)
	c := &camera{up: up}
	c.send(true, 3000, now)
	for range 90 {
		now = now.Add(33 * ms)
		c.send(false, 3000, now)
		v.Tick(now)
	}
	if n := up.KeyFrameRequests(0); n != 1 || len(got.sizes) != 91 {
		t.Fatalf("%d requests, %d frames without loss", n, len(got.sizes))
	}
	c.lose = func(part int) bool { return part == 1 }
	now = now.Add(33 * ms)
	c.send(false, 3000, now)
	c.lose = nil
	for range 30 { // a second without a key frame
		now = now.Add(33 * ms)
		c.send(false, 3000, now)
		v.Tick(now)
	}
	if n := up.KeyFrameRequests(0); n < 2 || n > 4 {
		t.Errorf("%d requests after a loss", n)
	}
	if len(got.sizes) != 91 {
		t.Errorf("%d frames without their reference", len(got.sizes)-91)
	}
	now = now.Add(33 * ms)
	c.send(true, 3000, now)
	c.send(false, 3000, now.Add(33*ms))
	if len(got.sizes) != 93 {
		t.Errorf("%d frames after the key frame", len(got.sizes)-91)
	}
	if s := v.Stats(); s.Lost != 1 || s.Frames != 93 {
		t.Errorf("stats %+v", s)
	}
	v.Close()
}
