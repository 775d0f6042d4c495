package loadtest

import (
	"context"
	"time"

	"github.com/meetcast/meetcast/sfu/track"
)

// conduct gives the word to the next speakers of each room, turn by turn.
func (r *run) conduct(ctx context.Context) {
	if r.cfg.Speakers <= 0 || r.cfg.Publishers == 0 {
		return
	}
	tick := time.NewTicker(r.cfg.SpeakerTurn)
	defer tick.Stop()
	for turn := 0; ; turn++ {
		r.speak(turn)
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

func (r *run) speak(turn int) {
	position := make([]int, r.cfg.Rooms)
	for _, m := range r.members() {
		if !m.sends {
			continue
		}
		first := turn * r.cfg.Speakers % r.cfg.Publishers
		level := uint8(levelSilent)
		if (position[m.room]-first+r.cfg.Publishers)%r.cfg.Publishers < r.cfg.Speakers {
			level = levelSpeaking
		}
		m.SetLevel(track.Microphone, level)
		position[m.room]++
	}
}
