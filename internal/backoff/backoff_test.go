package backoff

import (
	"testing"
	"time"
)

func TestNext(t *testing.T) {
	tests := []struct {
		name   string
		policy Policy
		random float64
		want   []time.Duration
	}{
		{"doubles up to the limit", Policy{Min: time.Second, Max: 5 * time.Second}, 0,
			[]time.Duration{1 * time.Second, 2 * time.Second, 4 * time.Second, 5 * time.Second, 5 * time.Second}},
		{"jitter shortens by at most half", Policy{Min: time.Second, Max: 5 * time.Second}, 1,
			[]time.Duration{500 * time.Millisecond, time.Second, 2 * time.Second, 2500 * time.Millisecond}},
		{"zero policy has defaults", Policy{}, 0, []time.Duration{DefaultMin, 2 * DefaultMin}},
		{"a limit below the first pause is raised", Policy{Min: 2 * time.Second, Max: time.Second}, 0,
			[]time.Duration{2 * time.Second, 2 * time.Second}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.policy.Random = func() float64 { return tt.random }
			b := New(tt.policy)
			for i, want := range tt.want {
				if got := b.Next(); got != want {
					t.Fatalf("pause %d = %v, want %v", i, got, want)
				}
			}
			b.Reset()
			if got := b.Next(); got != tt.want[0] {
				t.Fatalf("after Reset = %v, want %v", got, tt.want[0])
			}
		})
	}
}

func TestDefaultRandomStaysInRange(t *testing.T) {
	b := New(Policy{Min: time.Second, Max: time.Second})
	for range 1000 {
		if d := b.Next(); d < time.Second/2 || d > time.Second {
			t.Fatalf("pause %v out of [0.5 s, 1 s]", d)
		}
	}
}
