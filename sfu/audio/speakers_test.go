package audio

import (
	"slices"
	"testing"
	"time"

	"github.com/meetcast/meetcast/sfu/track"
)

// run feeds the same levels for a while, ten times a second, and counts changes.
func run(s *Speakers, now *time.Time, d time.Duration, levels ...Level) (last []track.MemberID, changes int) {
	for end := now.Add(d); now.Before(end); *now = now.Add(100 * time.Millisecond) {
		got, changed := s.Observe(*now, levels)
		last = got
		if changed {
			changes++
		}
	}
	return last, changes
}

func want(t *testing.T, got []track.MemberID, ids ...track.MemberID) {
	t.Helper()
	if !slices.Equal(got, ids) {
		t.Fatalf("speakers %v, want %v", got, ids)
	}
}

func TestSpeakersIgnoreShortNoise(t *testing.T) {
	s, now := NewSpeakers(SpeakersConfig{}), time.Unix(100, 0)
	got, _ := run(s, &now, 100*time.Millisecond, Level{"a", 0.9})
	want(t, got)
	got, _ = run(s, &now, time.Second, Level{"a", 0})
	want(t, got)
}

func TestSpeakersKeepDominantThroughPauses(t *testing.T) {
	s, now := NewSpeakers(SpeakersConfig{}), time.Unix(100, 0)
	got, _ := run(s, &now, time.Second, Level{"a", 0.6}, Level{"b", 0})
	want(t, got, "a")
	got, changes := run(s, &now, time.Second, Level{"a", 0.05}, Level{"b", 0})
	want(t, got, "a")
	if changes != 0 {
		t.Fatalf("%d changes during a pause", changes)
	}
	got, _ = run(s, &now, time.Second, Level{"a", 0.05}, Level{"b", 0})
	want(t, got)
}

func TestSpeakersDoNotFlipBetweenEquals(t *testing.T) {
	s, now := NewSpeakers(SpeakersConfig{}), time.Unix(100, 0)
	run(s, &now, time.Second, Level{"a", 0.6}, Level{"b", 0.6})
	total := 0
	for i := range 50 {
		d := 0.1
		if i%2 == 0 {
			d = -0.1
		}
		_, changes := run(s, &now, 200*time.Millisecond, Level{"a", 0.6 + d}, Level{"b", 0.6 - d})
		total += changes
	}
	if total != 0 {
		t.Fatalf("order changed %d times although nobody was louder for long", total)
	}
}

func TestSpeakersLouderTakesOver(t *testing.T) {
	s, now := NewSpeakers(SpeakersConfig{}), time.Unix(100, 0)
	run(s, &now, time.Second, Level{"a", 0.5}, Level{"b", 0.4}, Level{"c", 0.3})
	got, changes := run(s, &now, time.Second, Level{"a", 0.5}, Level{"b", 0.4}, Level{"c", 0.9})
	want(t, got, "c", "a", "b")
	if changes > 2 {
		t.Fatalf("%d changes for one take-over", changes)
	}
}

func TestSpeakersForgetThoseWhoLeft(t *testing.T) {
	s, now := NewSpeakers(SpeakersConfig{Max: 1}), time.Unix(100, 0)
	got, _ := run(s, &now, time.Second, Level{"a", 0.7}, Level{"b", 0.5})
	want(t, got, "a")
	got, changes := run(s, &now, 100*time.Millisecond, Level{"b", 0.5})
	want(t, got, "b")
	if changes != 1 || len(s.heard) != 1 {
		t.Fatalf("changes %d, remembers %d", changes, len(s.heard))
	}
}

func TestMeter(t *testing.T) {
	var m Meter
	now := time.Unix(100, 0)
	if m.Loudness(now) != 0 {
		t.Fatal("a new meter is not silent")
	}
	for range 25 {
		m.Observe(now, 20)
		now = now.Add(20 * time.Millisecond)
	}
	loud := m.Loudness(now)
	if w := FromLevel(20); loud < 0.95*w || loud > w {
		t.Fatalf("loudness %.3f after half a second at %.3f", loud, w)
	}
	m.Observe(now, 127)
	if v := m.Loudness(now); v < 0.8*loud {
		t.Fatalf("one silent packet took %.3f to %.3f", loud, v)
	}
	if v := m.Loudness(now.Add(400 * time.Millisecond)); v == 0 {
		t.Fatal("a gap of DTX length counts as silence")
	}
	if v := m.Loudness(now.Add(5 * time.Second)); v != 0 {
		t.Fatalf("loudness %.3f long after the last packet", v)
	}
	for _, l := range []uint8{0, 69, 70, 127, 255} {
		if v := FromLevel(l); v < 0 || v > 1 {
			t.Fatalf("level %d gives %.2f", l, v)
		}
	}
}
