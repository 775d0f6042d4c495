package avproc

import "time"

// restart spaces out the restarts of a child: at once after a long healthy
// life, then doubling up to a bound that keeps "back within a second" true.
type restart struct {
	wait time.Duration
}

const (
	restartFirst = 20 * time.Millisecond
	restartMax   = 600 * time.Millisecond
	healthyLife  = 5 * time.Second
)

// after returns how long to wait before the next start of a child that lived
// for the given time.
func (r *restart) after(lived time.Duration) time.Duration {
	switch {
	case r.wait == 0 || lived > healthyLife:
		r.wait = restartFirst
	default:
		r.wait = min(2*r.wait, restartMax)
	}
	return r.wait
}
