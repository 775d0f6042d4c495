package ingest

import "time"

// jump is the step between two messages that can only be a new start of the
// encoder's clock.
const jump = 10 * time.Second

// resume is the step put in place of a jump.
const resume = 40 * time.Millisecond

// timeline turns RTMP's 32-bit milliseconds into media time that starts near 0,
// goes on over the wrap after 49 days, and does not follow a clock that jumps.
type timeline struct {
	started bool
	last    uint32
	now     time.Duration // media time of last
	origin  int64         // RTMP time of media time 0, ms, unwrapped
}

// at returns the media time of a timestamp.
func (t *timeline) at(stamp uint32) time.Duration {
	if !t.started {
		t.started = true
		t.last = stamp
		t.origin = int64(stamp)
		return 0
	}
	// Sound and picture interleave loosely: small steps go both ways.
	step := time.Duration(int32(stamp-t.last)) * time.Millisecond
	if step > jump || step < -jump {
		t.origin += (step - resume).Milliseconds()
		step = resume
	}
	t.last = stamp
	t.now += step
	return max(t.now, 0)
}
