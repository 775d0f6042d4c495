package egress

import "time"

// outputClock is the clock of one broadcast: monotonic time since it began.
// Picture n is due at n/fps, sound sample n at n/48000; nothing ever moves it.
type outputClock struct{ epoch time.Time }

// At places a moment on the clock. It implements tap.Clock.
func (c outputClock) At(t time.Time) time.Duration { return t.Sub(c.epoch) }

// now is the time since the broadcast began.
func (c outputClock) now() time.Duration { return time.Since(c.epoch) }

// sleepUntil waits for a moment on the clock; false when stop was closed.
func (c outputClock) sleepUntil(at time.Duration, timer *time.Timer, stop <-chan struct{}) bool {
	wait := at - c.now()
	if wait <= 0 {
		select {
		case <-stop:
			return false
		default:
			return true
		}
	}
	timer.Reset(wait)
	select {
	case <-timer.C:
		return true
	case <-stop:
		timer.Stop()
		return false
	}
}
