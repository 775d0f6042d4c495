package bwe

import (
	"testing"
	"time"
)

// lossy judges a second of packets at a time, of which a share is lost.
func lossy(l *losses, at *time.Duration, share, arriving, target float64) {
	*at += time.Second + time.Millisecond
	for i := range 200 {
		l.count(float64(i) >= 200*share)
	}
	l.judge(*at, arriving, target, 400*time.Millisecond, false, Config{Min: DefaultMin, Max: DefaultMax})
}

// Loss that stays when less is sent is the path's own: the limit comes back.
func TestOwnLossDoesNotLimit(t *testing.T) {
	l, at := losses{limit: DefaultMax}, time.Duration(0)
	lossy(&l, &at, 0.12, 1_800_000, 2_000_000)
	if !l.trial.running || l.limit >= 2_000_000 {
		t.Fatalf("no trial: %+v", l)
	}
	lossy(&l, &at, 0.12, 1_700_000, 2_000_000)
	if l.trial.running || l.limit < 2_000_000 || l.own < 0.11 {
		t.Fatalf("the limit stays: %+v", l)
	}
	for range 20 {
		lossy(&l, &at, 0.14, 1_800_000, 2_000_000)
	}
	if l.limit < 2_000_000 {
		t.Fatalf("limited by what is chance: %+v", l)
	}
}

// Loss that falls when less is sent was that of a full path.
func TestCongestiveLossLimits(t *testing.T) {
	l, at := losses{limit: DefaultMax}, time.Duration(0)
	const carries = 1_000_000.0
	rate := 1_250_000.0
	for range 12 {
		share := max(0, 1-carries/rate)
		lossy(&l, &at, share, min(rate, carries), rate)
		rate = min(rate, l.limit)
	}
	if rate > 1.12*carries || rate < 0.7*carries {
		t.Fatalf("%.0f bit/s on a path of %.0f; %+v", rate, carries, l)
	}
	if l.own > 0.1 {
		t.Fatalf("a full path counts as lossy: %+v", l)
	}
}

// So much loss is never taken for the path's own.
func TestHeavyLossLimits(t *testing.T) {
	l, at := losses{limit: DefaultMax}, time.Duration(0)
	for range 10 {
		lossy(&l, &at, 0.4, 600_000, min(2_000_000, l.limit))
	}
	if l.limit > 600_000 {
		t.Fatalf("%+v", l)
	}
}
