package tap

import (
	"math"
	"testing"
	"time"

	"github.com/pion/rtp"

	"github.com/meetcast/meetcast/sfu/packet"
	"github.com/meetcast/meetcast/sfu/track"
	"github.com/meetcast/meetcast/sfu/track/tracktest"
)

func TestRingFadesAtGaps(t *testing.T) {
	var r ring
	flat := make([]float32, 960*2)
	for i := range flat {
		flat[i] = 0.5
	}
	const base = 1 << 32
	for _, n := range []int64{0, 1, 2, 5, 6} { // 3 and 4 are lost
		r.write(base+n*960, flat)
	}
	last := float32(0)
	for p := int64(base - 10); p < base+7*960+500; p++ {
		l, _ := r.sample(p)
		if d := math.Abs(float64(l - last)); d > 0.01 {
			t.Fatalf("a step of %.3f at %d", d, p-base)
		}
		last = l
	}
	for p, want := range map[int64]float32{960: 0.5, 4 * 960: 0, 6 * 960: 0.5, 8 * 960: 0} {
		if l, _ := r.sample(base + p); l != want {
			t.Errorf("at %d: %v, want %v", p, l, want)
		}
	}
	// The past is not overwritten, and a jump ahead leaves nothing behind.
	r.write(base, flat)
	r.write(base+100*ringLen, flat)
	if l, _ := r.sample(base + 6*960); l != 0 {
		t.Errorf("the past still sounds: %v", l)
	}
}

// testClock counts from a fixed moment.
type testClock struct{ epoch time.Time }

func (c testClock) At(t time.Time) time.Duration { return t.Sub(c.epoch) }

// TestVoicePlaysAtItsTime plays a ramp of positions, which shows when each
// sample comes out, through clock skew, without decoding anything.
func TestVoicePlaysAtItsTime(t *testing.T) {
	for _, ppm := range []float64{0, 200, -200} {
		clock := testClock{time.Unix(1000, 0)}
		up := tracktest.NewUpTrack(track.Info{ID: "v", Source: track.Microphone})
		v, err := NewVoice(up, NewPublisher(), clock)
		if err != nil {
			t.Fatal(err)
		}
		var worst, step float64
		var last float32
		out := make([]float32, 960*2)
		for n := time.Duration(0); n < 3000; n++ { // a minute
			at := n * 20 * ms
			// What a sender with a skewed clock has captured by now.
			pos := v.rtp.extend(uint32(float64(n) * 960 * (1 + ppm*1e-6)))
			v.rtp.learn(v.pub, pos, at+10*ms, track.ClockRef{}, false)
			pcm := make([]float32, 960*2)
			for i := range 960 {
				x := float32(0.5 * math.Sin(2*math.Pi*100*float64(pos+int64(i))/48000))
				pcm[2*i], pcm[2*i+1] = x, x
			}
			if v.ring.begun {
				pos = v.ring.end // real packets follow on each other
			}
			v.ring.write(pos, pcm)
			clear(out)
			v.Mix(out, at)
			if n > 100 {
				want := float64(at+20*ms-v.pub.Delay()-v.rtp.offset) / float64(time.Second) * 48000
				worst = max(worst, math.Abs(want-v.pos))
				for i := 0; i < len(out); i += 2 {
					step = max(step, math.Abs(float64(out[i]-last)))
					last = out[i]
				}
			} else {
				last = out[len(out)-2]
			}
		}
		if worst > 0.020*48000 {
			t.Errorf("%v ppm: %.1f ms from its time", ppm, worst/48)
		}
		if step > 0.05 {
			t.Errorf("%v ppm: a click of %.3f", ppm, step)
		}
		v.Close()
	}
}

func TestVoiceLeavesWithoutClickAndStaysSilent(t *testing.T) {
	clock := testClock{time.Unix(1000, 0)}
	up := tracktest.NewUpTrack(track.Info{ID: "v", Source: track.Microphone})
	v, err := NewVoice(up, NewPublisher(), clock)
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	flat := make([]float32, 960*2)
	for i := range flat {
		flat[i] = 0.5
	}
	var all []float32
	for n := time.Duration(0); n < 40; n++ {
		at := n * 20 * ms
		pos := v.rtp.extend(uint32(n * 960))
		v.rtp.learn(v.pub, pos, at, track.ClockRef{}, false)
		v.ring.write(pos, flat)
		if n == 30 {
			v.Leave()
		}
		out := make([]float32, 960*2)
		v.Mix(out, at)
		for i := range 960 {
			all = append(all, out[2*i])
		}
	}
	for i := 1; i < len(all); i++ {
		if d := math.Abs(float64(all[i] - all[i-1])); d > 0.01 {
			t.Fatalf("a step of %.3f at sample %d", d, i)
		}
	}
	if all[25*960] != 0.5 || all[35*960] != 0 {
		t.Errorf("heard %v before and %v after", all[25*960], all[35*960])
	}
}

func TestVoiceCountsAndBounds(t *testing.T) {
	clock := testClock{time.Now()}
	up := tracktest.NewUpTrack(track.Info{ID: "v", Source: track.Microphone})
	v, err := NewVoice(up, NewPublisher(), clock)
	if err != nil {
		t.Fatal(err)
	}
	for n := range 2000 { // nobody mixes meanwhile
		up.Push(&packet.Packet{Header: rtp.Header{SequenceNumber: uint16(n), Timestamp: uint32(n * 960)},
			Payload: []byte{0xff, 0xff, 0xff}, Arrival: time.Now()})
	}
	if v.queue.held > reorderSize {
		t.Errorf("holds %d packets", v.queue.held)
	}
	v.Mix(make([]float32, 1920), clock.At(time.Now()))
	if s := v.Stats(); s.Packets != 2000 || s.Broken == 0 {
		t.Errorf("stats %+v", s)
	}
	v.Close()
	v.Close()
	if len(up.Downs()) != 0 {
		t.Error("still attached")
	}
}
