package bwe

import (
	"testing"
	"time"
)

// A queue that stands lets through what the path carries, whatever is sent.
func TestQueueTellsItsShare(t *testing.T) {
	var q queue
	const size, sendEvery, leaveEvery = 1000, 4 * time.Millisecond, 10 * time.Millisecond // 2 and 0.8 Mbit/s
	for i := range 100 {
		at := time.Duration(i) * sendEvery
		q.packet(at, time.Minute+time.Duration(i)*leaveEvery, size)
	}
	out, in, ok := q.share()
	if !ok || out < 790_000 || out > 810_000 || in < 1_950_000 || in > 2_050_000 {
		t.Fatalf("%.0f of %.0f bit/s, %v", out, in, ok)
	}
	if q.stands() < 900*time.Millisecond || q.delay < 500*time.Millisecond || q.drains() {
		t.Fatalf("stands %v, delay %v", q.stands(), q.delay)
	}
}

// Jitter is no queue: there is always a packet that does not wait.
func TestJitterIsNoQueue(t *testing.T) {
	var q queue
	worst := time.Duration(0)
	for i := range 1000 {
		at := time.Duration(i) * 5 * time.Millisecond
		q.packet(at, time.Minute+at+time.Duration(i*7%13)*3*time.Millisecond, 1000)
		worst = max(worst, q.stands())
	}
	if worst >= earlyAfter {
		t.Fatalf("a queue of %v", worst)
	}
}

// The receiver's clock may be any, run a little fast, and jump.
func TestQueueFollowsTheClock(t *testing.T) {
	var q queue
	for i := range 20_000 {
		at := time.Duration(i) * 5 * time.Millisecond
		arrival := at + at/5000 // 200 ppm fast
		if i > 10_000 {
			arrival += time.Hour
		}
		if q.packet(at, arrival, 1000); q.delay > 5*time.Millisecond {
			t.Fatalf("packet %d seems to wait %v", i, q.delay)
		}
	}
}

// The path becomes longer for good: after two windows that is its delay.
func TestQueueForgetsTheOldPath(t *testing.T) {
	var q queue
	for i := range 6000 {
		at := time.Duration(i) * 5 * time.Millisecond
		took := 20 * time.Millisecond
		if i >= 2000 {
			took = 80 * time.Millisecond
		}
		q.packet(at, at+took, 1000)
	}
	if q.delay != 0 || q.standing {
		t.Fatalf("%v, stands: %v", q.delay, q.standing)
	}
}
