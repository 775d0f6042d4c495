package room

import (
	"slices"
	"strings"
	"time"

	"github.com/meetcast/meetcast/sfu/audio"
	"github.com/meetcast/meetcast/sfu/track"
)

// maxSpeakers is how many are ranked, and so told as speaking, at once.
const maxSpeakers = 8

// screenMark tells the sound of a member's screen from its voice in the ranking:
// both compete for audio slots, only voices make speakers.
const screenMark = "\x00screen"

func voiceID(k key) track.MemberID {
	if k.Source == track.ScreenAudio {
		return k.Member + screenMark
	}
	return k.Member
}

func voiceKey(id track.MemberID) key {
	if member, ok := strings.CutSuffix(string(id), screenMark); ok {
		return key{track.MemberID(member), track.ScreenAudio}
	}
	return key{id, track.Microphone}
}

// listen reads how loud everybody is and tells who speaks.
func (r *Room) listen(now time.Time) {
	r.levels = r.levels[:0]
	for _, src := range r.scene.audio {
		r.levels = append(r.levels, audio.Level{ID: voiceID(src.key()), Loudness: src.up.Loudness()})
	}
	ranked, changed := r.voices.Observe(now, r.levels)
	if !changed {
		return
	}
	r.ranked = slices.Clone(ranked)
	r.moved.ranks, r.unseen = true, true
	var speakers []track.MemberID
	for _, id := range ranked {
		if k := voiceKey(id); k.Source == track.Microphone {
			speakers = append(speakers, k.Member)
		}
	}
	if sameSpeakers(r.speakers, speakers) {
		return
	}
	r.speakers = speakers
	event := &Speakers{Speakers: speakers}
	for _, m := range r.order {
		m.client.Notify(event)
	}
}

// sameSpeakers tells whether two rankings have the same dominant speaker and the
// same others; the order of the others is not worth a message.
func sameSpeakers(a, b []track.MemberID) bool {
	if len(a) != len(b) || len(a) > 0 && a[0] != b[0] {
		return false
	}
	for _, id := range a {
		if !slices.Contains(b, id) {
			return false
		}
	}
	return true
}
