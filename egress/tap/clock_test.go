package tap

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/meetcast/meetcast/sfu/track"
)

const ms = time.Millisecond

// simTrack is a sender's stream with its own random timestamps.
type simTrack struct {
	m     rtpMap
	rate  int64
	base  uint32
	delay time.Duration // on the way
}

// learn lets the server see media captured at a time of the server's clock.
// sender turns that into the sender's wall clock.
func (s *simTrack) learn(p *Publisher, captured time.Duration, jitter time.Duration, sender func(time.Duration) time.Time, report bool) time.Duration {
	wall := sender(captured)
	ts := s.base + uint32(wall.UnixMicro()%(1<<40)*s.rate/1_000_000)
	v := s.m.extend(ts)
	s.m.learn(p, v, captured+s.delay+jitter, track.ClockRef{NTP: wall, RTP: ts}, report)
	return s.m.media(v) + s.m.offset
}

func TestSenderReportsAlignTracks(t *testing.T) {
	tests := []struct {
		name  string
		skew  float64 // of the sender's clock
		start time.Time
		step  time.Duration // of the sender's wall clock in the middle
	}{
		{"same clock", 0, time.Unix(1_700_000_000, 0), 0},
		{"another year", 0, time.Unix(2_000_000_000, 0), 0},
		{"fast by 200 ppm", 200e-6, time.Unix(1_700_000_000, 0), 0},
		{"slow by 200 ppm", -200e-6, time.Unix(1_600_000_000, 0), 0},
		{"wall clock set", 0, time.Unix(1_700_000_000, 0), time.Hour},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			rnd := rand.New(rand.NewPCG(5, 6))
			p := NewPublisher()
			sound := &simTrack{m: rtpMap{rate: 48000}, rate: 48000, base: 4_000_000_000, delay: 30 * ms}
			picture := &simTrack{m: rtpMap{rate: 90000}, rate: 90000, base: 77, delay: 160 * ms}
			var worst time.Duration
			const minutes = 30
			for at := 5 * time.Second; at < minutes*time.Minute; at += 100 * ms {
				sender := func(d time.Duration) time.Time {
					return tc.start.Add(d + time.Duration(float64(d)*tc.skew))
				}
				if tc.step != 0 && at > minutes/2*time.Minute {
					before := sender
					sender = func(d time.Duration) time.Time { return before(d).Add(tc.step) }
				}
				jitter := time.Duration(rnd.IntN(40)) * ms
				report := at > 7*time.Second
				a := sound.learn(p, at, jitter, sender, report)
				v := picture.learn(p, at, jitter/2, sender, report)
				settled := at > 10*time.Second && (at < minutes/2*time.Minute || at > minutes/2*time.Minute+10*time.Second)
				if off := (a - v).Abs(); settled && off > worst {
					worst = off
				}
			}
			if worst > 10*ms {
				t.Errorf("sound and picture are %v apart", worst)
			}
		})
	}
}

func TestWithoutReportsArrivalAligns(t *testing.T) {
	p := NewPublisher()
	s := &simTrack{m: rtpMap{rate: 48000}, rate: 48000, base: 1, delay: 50 * ms}
	sender := func(d time.Duration) time.Time { return time.Unix(1_700_000_000, 0).Add(d) }
	rnd := rand.New(rand.NewPCG(7, 8))
	var got, at time.Duration
	for at = 0; at < 20*time.Second; at += 20 * ms {
		got = s.learn(p, at, time.Duration(rnd.IntN(30))*ms, sender, false)
	}
	if off := got - (at - 20*ms) - s.delay; off < 0 || off > 2*ms {
		t.Errorf("captured %v late", off)
	}
}

func TestLyingReportsAreNotBelieved(t *testing.T) {
	p := NewPublisher()
	good := &simTrack{m: rtpMap{rate: 48000}, rate: 48000, delay: 20 * ms}
	liar := &simTrack{m: rtpMap{rate: 90000}, rate: 90000, delay: 20 * ms}
	rnd := rand.New(rand.NewPCG(9, 1))
	for at := time.Duration(0); at < 30*time.Second; at += 20 * ms {
		sane := func(d time.Duration) time.Time { return time.Unix(1_700_000_000, 0).Add(d) }
		g := good.learn(p, at, 0, sane, true)
		wall := time.Unix(rnd.Int64N(1<<40), 0)
		v := liar.m.extend(uint32(at / ms * 90))
		liar.m.learn(p, v, at+20*ms, track.ClockRef{NTP: wall, RTP: rnd.Uint32()}, true)
		l := liar.m.media(v) + liar.m.offset
		for what, got := range map[string]time.Duration{"good": g, "liar": l} {
			if off := (got - at).Abs(); off > insane+time.Second {
				t.Fatalf("%s is captured %v away", what, off)
			}
		}
	}
}

func TestDelayFollowsLateness(t *testing.T) {
	p := NewPublisher()
	now := time.Second
	run := func(seconds int, late time.Duration) {
		for range seconds * 50 {
			now += 20 * ms
			p.Ready(now-late, now)
		}
	}
	run(5, 30*ms)
	if d := p.Delay(); d != InitialDelay {
		t.Errorf("moved to %v on a good network", d)
	}
	before := p.Delay()
	run(1, 200*ms)
	if d := p.Delay(); d < before || d > before+20*ms {
		t.Errorf("jumped to %v within a second", d)
	}
	run(20, 200*ms)
	if d := p.Delay(); d < 220*ms || d > 260*ms {
		t.Errorf("%v for media 200 ms late", d)
	}
	run(20, 2*time.Second)
	if d := p.Delay(); d != MaxDelay {
		t.Errorf("%v for media two seconds late", d)
	}
	run(120, 20*ms)
	if d := p.Delay(); d > 120*ms {
		t.Errorf("stays at %v", d)
	}
	young := NewPublisher()
	for i := range 30 {
		at := time.Second + time.Duration(i)*20*ms
		young.Ready(at-250*ms, at)
	}
	if d := young.Delay(); d < 250*ms {
		t.Errorf("a new publisher waits to %v", d)
	}
}
