package avproc

import "time"

// restart spaces out the restarts of a child: nearly at once after one that
// worked, then doubling up to a bound that keeps "back within a second" true.
type restart struct {
	wait time.Duration
}

const (
	restartFirst = 20 * time.Millisecond
	restartMax   = 600 * time.Millisecond
)

// after returns how long to wait before the next start. worked tells that the
// child gave something before it ended.
func (r *restart) after(worked bool) time.Duration {
	if worked || r.wait == 0 {
		r.wait = restartFirst
	} else {
		r.wait = min(2*r.wait, restartMax)
	}
	return r.wait
}
