package forward

import "time"

// KeyFrameInterval is the shortest time between two requests for a key frame of
// one layer.
const KeyFrameInterval = 500 * time.Millisecond

// keyFrames merges requests for key frames of one layer. It is a plain value.
type keyFrames struct {
	last    time.Time
	pending bool
}

// request notes a wish and tells whether to ask the publisher now.
func (k *keyFrames) request(now time.Time) bool {
	k.pending = true
	return k.due(now)
}

// due tells whether a wish that waits may be sent now.
func (k *keyFrames) due(now time.Time) bool {
	if !k.pending || (!k.last.IsZero() && now.Sub(k.last) < KeyFrameInterval) {
		return false
	}
	k.pending, k.last = false, now
	return true
}

// arrived notes a key frame: whoever waited has one.
func (k *keyFrames) arrived() { k.pending = false }
