package layout

import (
	"slices"
	"time"

	"github.com/meetcast/meetcast/sfu/track"
)

// Hold is how long the large tile stays with a speaker at least: a cough does
// not move the picture.
const Hold = 2 * time.Second

// Dominant decides who has the large tile. The zero value is ready to use.
type Dominant struct {
	current track.MemberID
	since   time.Time // of current
	rival   track.MemberID
	rivalAt time.Time // when rival began to be the loudest
}

// Update takes the speakers, loudest first, and who is present in the order of
// joining, and returns who has the large tile. It stays with the last speaker
// through silence. A new speaker gets it after being the loudest for half a
// second, Hold after the change before at the earliest.
func (d *Dominant) Update(now time.Time, speakers, present []track.MemberID) track.MemberID {
	if len(present) == 0 {
		*d = Dominant{}
		return ""
	}
	loudest := track.MemberID("")
	for _, id := range speakers {
		if slices.Contains(present, id) {
			loudest = id
			break
		}
	}
	if !slices.Contains(present, d.current) {
		next := loudest
		if next == "" {
			next = present[0]
		}
		*d = Dominant{current: next, since: now}
		return next
	}
	if loudest != d.rival {
		d.rival, d.rivalAt = loudest, now
	}
	if loudest != "" && loudest != d.current && now.Sub(d.since) >= Hold && now.Sub(d.rivalAt) >= Hold/4 {
		d.current, d.since = loudest, now
	}
	return d.current
}
