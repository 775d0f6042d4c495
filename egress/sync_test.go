package egress

import (
	"testing"
	"time"

	"github.com/meetcast/meetcast/sfu/packet"
	"github.com/meetcast/meetcast/sfu/track"
)

// clapClip is a picture that is white for a fifteenth of a second at each full
// second, every frame a key frame; beepClip beeps for 60 ms at the same moments.
func clapClip(t *testing.T, codec packet.Codec) *clip {
	source := "color=black:s=160x90:r=30:d=2,geq=lum='if(lt(mod(N,30),2),235,16)':cb=128:cr=128"
	c := *pictureClip(t, codec, source, "1", 30)
	return &c
}

func beepClip(t *testing.T) *clip {
	c := *soundClip(t, "aevalsrc='if(lt(mod(t,1),0.06),0.5*sin(2*PI*1000*t),0)':s=48000:d=2")
	c.frames = c.frames[:100]
	return &c
}

// onsets returns when the pictures become white.
func flashes(t *testing.T, f *fakePush, fps int) (out []time.Duration) {
	white := false
	for n, p := range f.decodePictures(t, testW, testH) {
		// The middle of the canvas: only one tile is there.
		now := p.Y[testH/2*p.StrideY+testW/2] > 120
		if now && !white {
			out = append(out, time.Duration(n)*time.Second/time.Duration(fps))
		}
		white = now
	}
	return out
}

// beeps returns when the sound becomes loud.
func beeps(t *testing.T, f *fakePush) (out []time.Duration) {
	silent := 0
	for n, v := range f.decodeSound(t) {
		if v > 0.1 {
			if silent > 9600 {
				out = append(out, time.Duration(n)*time.Second/48000)
			}
			silent = 0
			continue
		}
		silent++
	}
	return out
}

func TestLipsMatch(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name                     string
		codec                    packet.Codec
		pictureDelay, soundDelay time.Duration // on the way to the server
		loss                     int           // one packet in so many, 0 none
	}{
		{"picture late", packet.VP8, 120 * time.Millisecond, 10 * time.Millisecond, 0},
		{"sound late", packet.H264, 10 * time.Millisecond, 90 * time.Millisecond, 0},
		{"packets lost", packet.VP8, 60 * time.Millisecond, 20 * time.Millisecond, 20},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			const fps = 30
			room := newRoom()
			clap := newPublisher(t, "a", track.Camera, clapClip(t, tc.codec))
			beep := newPublisher(t, "a", track.Microphone, beepClip(t))
			clap.steady, clap.delay, beep.delay = true, tc.pictureDelay, tc.soundDelay
			clap.base = time.Now()
			beep.base = clap.base
			clap.skew, beep.skew = 5*time.Hour, 5*time.Hour
			if tc.loss > 0 {
				lose := func(n int) bool { return n%tc.loss == tc.loss-1 }
				clap.drop, beep.drop = lose, lose
			}
			clap.start()
			beep.start()
			room.update(func(s *track.Snapshot) {
				s.Members = []track.MemberView{{ID: "a", Name: "Ada", Tracks: []track.UpTrack{clap.up, beep.up}}}
			})
			m, push := newTestManager(t, func(c *Config) { c.FPS = fps })
			if _, err := m.Start(t.Context(), Request{Room: room, Stream: "sync"}); err != nil {
				t.Fatal(err)
			}
			push().until(t, 5500*time.Millisecond)
			st, err := m.Stop(t.Context(), room.ID())
			if err != nil {
				t.Fatal(err)
			}
			checkOffsets(t, flashes(t, push(), fps), beeps(t, push()))
			t.Logf("%+v", st.Stats)
		})
	}
}

// checkOffsets compares the flashes with the beeps beside them, once the first
// sender reports have been seen and slewed to.
func checkOffsets(t *testing.T, flashes, beeps []time.Duration) {
	t.Helper()
	pairs := 0
	for _, f := range flashes {
		for _, b := range beeps {
			off := f - b
			if off < -500*time.Millisecond || off > 500*time.Millisecond {
				continue
			}
			t.Logf("at %v: picture %+v after sound", f, off)
			if f < 3500*time.Millisecond {
				continue
			}
			pairs++
			if off < -60*time.Millisecond || off > 60*time.Millisecond {
				t.Errorf("at %v the picture is %v from the sound", f, off)
			}
		}
	}
	if pairs == 0 {
		t.Errorf("no pairs among flashes %v and beeps %v", flashes, beeps)
	}
}
